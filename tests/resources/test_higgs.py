"""Higgs Audio v2: what it is given to say, to hear, and to imitate."""

import base64
import contextlib
import io
import json
import os
import signal
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lectern.errors import BadEngineReply, EngineCrashed, EngineUnavailable
from lectern.settings import Higgs as HiggsSettings
from lectern.settings import SpeechServer as ServerSettings
from lectern.speech.custom_voices import VoiceKind
from lectern.speech.voices import Voice
from resources.engines import higgs, higgs_text
from resources.engines.higgs import HiggsChatEngine, HiggsEngine
from resources.engines.higgs_native import HiggsNativeEngine
from resources.engines.opus import encode
from resources.engines.resident import resident_pids
from resources.engines.sounds import check_reply
from resources.engines.speech import Heard, SpeechEngine
from tests.support import speech_server_faults as faults
from tests.support.speech_server import RATE_HZ, SpeechServer, tone, wav

TEXT = "The harbour lay quiet under a pale morning."
REFERENCE_TEXT = "I am the reference."
TONE = Path(__file__).parents[1] / "support" / "higgs_tone.py"
TINY = Path(__file__).parents[1] / "support" / "higgs_tiny.py"


def reference(mode: str) -> Voice:
    """Return a voice made from a recording."""
    return Voice(
        "custom:1",
        "higgs",
        "Mine",
        "en",
        parameters={
            "kind": "reference",
            "audio": "0" * 64,
            "transcript": REFERENCE_TEXT,
            "mode": mode,
        },
    )


def heard(text: str) -> Heard:
    """Return a block that was spoken before, with its pause."""
    pause = np.zeros(RATE_HZ // 2, np.int16)
    sound = encode(np.concatenate([tone(text), pause]), RATE_HZ, bit_rate=32_000)
    return Heard(text, sound.data)


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    """Yield a server that runs Higgs Audio."""
    with SpeechServer(higgs=True, voices=[]).running() as running:
        yield running


def anchored_engine(server: SpeechServer, **settings: object) -> HiggsEngine:
    """Return the engine for vLLM-Omni."""
    address = ServerSettings(address=server.address, kind="higgs", **settings)  # type: ignore[arg-type]
    return HiggsEngine("higgs", address, lambda _: wav(tone(REFERENCE_TEXT)))


def chat_engine(server: SpeechServer, **settings: object) -> HiggsChatEngine:
    """Return the engine for a server that speaks in chat completions."""
    address = ServerSettings(address=server.address, kind="higgs_chat", **settings)  # type: ignore[arg-type]
    return HiggsChatEngine("higgs", address, lambda _: wav(tone(REFERENCE_TEXT)))


@pytest.fixture
def native(tmp_path: Path) -> Iterator[HiggsNativeEngine]:
    """Yield the engine whose model is in a process beside us; the model is a tone."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "chat_template.jinja"):
        (folder / name).write_text("{}")
    engine = HiggsNativeEngine(
        HiggsSettings(folder=folder, device="cpu"),
        tmp_path,
        tmp_path / "run",
        lambda _: wav(tone(REFERENCE_TEXT)),
        program=TONE,
    )
    yield engine
    for pid in resident_pids(tmp_path / "run"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


@pytest.fixture(params=["vllm-omni", "chat", "native"])
def backend(request: pytest.FixtureRequest) -> SpeechEngine:
    """Return each backend in turn."""
    if request.param == "native":
        engine: SpeechEngine = request.getfixturevalue("native")
        return engine
    server = request.getfixturevalue("server")
    return (anchored_engine if request.param == "vllm-omni" else chat_engine)(server)


# -- the contract of every backend -----------------------------------------


def test_an_anchored_voice_speaks_and_hears_nothing_before(backend: SpeechEngine):
    voice = reference("anchored")

    speech = backend.synthesise(TEXT, voice)

    check_reply(TEXT, speech)
    assert backend.context_blocks(voice) == 0
    assert len(speech.samples) / speech.rate_hz == pytest.approx(len(TEXT) / 14, 0.05)


def test_a_text_too_long_for_the_model_is_said_whole(backend: SpeechEngine):
    text = " ".join([TEXT] * 20)

    speech = backend.synthesise(text, reference("anchored"))

    assert len(speech.samples) / speech.rate_hz == pytest.approx(len(text) / 14, 0.05)


def test_every_backend_can_be_given_recordings(backend: SpeechEngine):
    assert VoiceKind.REFERENCE in backend.custom_kinds
    assert backend.phonemes_version == higgs_text.VERSION


@pytest.mark.parametrize("engine_of", [anchored_engine, chat_engine])
@pytest.mark.parametrize(
    "fault", [faults.Silent(), faults.Truncated(), faults.AnotherLength()]
)
def test_a_lie_is_no_sound(
    server: SpeechServer, engine_of: object, fault: faults.Fault
):
    server.fault = fault
    engine = engine_of(server)  # type: ignore[operator]

    with pytest.raises(BadEngineReply):
        check_reply(TEXT, engine.synthesise(TEXT, reference("anchored")))


@pytest.mark.parametrize("engine_of", [anchored_engine, chat_engine])
def test_a_long_text_goes_in_pieces_that_fit_the_model(
    server: SpeechServer, engine_of: object
):
    engine_of(server).synthesise(" ".join([TEXT] * 20), reference("anchored"))  # type: ignore[operator]

    assert max(map(len, server.texts())) <= higgs.LONGEST_CHARS


# -- on this machine -------------------------------------------------------


def asked(engine: HiggsNativeEngine) -> list[dict[str, Any]]:
    """Return what the model of the process was asked."""
    folder = engine._settings.folder
    assert folder is not None
    notes = (folder / "asked.jsonl").read_text()
    return [json.loads(line) for line in notes.splitlines()]


def test_the_native_model_hears_the_same_conversation(
    native: HiggsNativeEngine, server: SpeechServer
):
    voice, before = reference("chained"), [heard("First."), heard("Second one.")]

    native.synthesise(TEXT, voice, context=before)
    chat_engine(server).synthesise(TEXT, voice, context=before)

    (one,) = asked(native)
    (other,) = server.bodies("/v1/chat/completions")
    assert [turn["role"] for turn in one["turns"]] == [
        turn["role"] for turn in other["messages"]
    ]
    said = [turn["text"] for turn in one["turns"] if turn["text"]]
    assert said[1:] == [REFERENCE_TEXT, "First.", "Second one.", TEXT]
    lengths = [turn["seconds"] for turn in one["turns"] if turn["seconds"]]
    assert lengths == pytest.approx([19 / 14, 0.44, 11 / 14], abs=0.1)
    assert one["sampling"] == higgs.SAMPLING
    assert native.context_blocks(voice) == 3


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Too long. Much too long for what it is.", BadEngineReply),
        ("Silent. Nothing at all is said of this.", BadEngineReply),
        ("Crash. And that was that for all of it.", EngineCrashed),
    ],
)
def test_a_native_model_that_misbehaves_is_told(
    native: HiggsNativeEngine, text: str, error: type[Exception]
):
    with pytest.raises(error):
        check_reply(text, native.synthesise(text, reference("anchored")))

    check_reply(TEXT, native.synthesise(TEXT, reference("anchored")))


def test_a_model_that_is_not_there_is_told(native: HiggsNativeEngine):
    assert native._settings.folder is not None
    (native._settings.folder / "broken").touch()

    with pytest.raises(EngineUnavailable, match="the weights are gone"):
        native.synthesise(TEXT, reference("anchored"))


def test_other_weights_are_another_version(native: HiggsNativeEngine, tmp_path: Path):
    folder = native._settings.folder
    assert folder is not None
    (folder / "model.safetensors").write_bytes(b"weights")

    again = HiggsNativeEngine(
        HiggsSettings(folder=folder, device="cpu"), tmp_path, tmp_path / "run"
    )

    assert again.version != native.version


def test_nothing_that_runs_the_model_can_unpickle():
    """Whatever is loaded or sent is safetensors, JSON, WAV or plain samples."""
    for path in Path(higgs.__file__).parent.glob("higgs*.py"):
        source = path.read_text()
        for word in ("pickle.", "import pickle", "torch.load", "allow_pickle=True"):
            assert word not in source
        assert "trust_remote_code=True" not in source


PYTHON = os.environ.get("TEST_HIGGS_PYTHON", "")


@pytest.mark.skipif(not PYTHON, reason="no interpreter for it: run `make test-higgs`")
def test_a_model_of_chance_weights_goes_the_real_way(tmp_path: Path):
    """transformers, safetensors and the process are real; the weights are not."""
    subprocess.run([PYTHON, TINY, tmp_path / "model"], check=True, timeout=120)
    engine = HiggsNativeEngine(
        HiggsSettings(
            folder=tmp_path / "model",
            python=Path(PYTHON),
            device="cpu",
            chained_blocks=1,
        ),
        tmp_path,
        tmp_path / "run",
        lambda _: wav(tone(REFERENCE_TEXT)),
        program=TINY,
    )
    try:
        header, sound = engine._resident.ask(
            {
                "ask": "speak",
                "turns": [
                    {"role": "system", "text": higgs.SYSTEM},
                    {"role": "user", "text": REFERENCE_TEXT},
                    _wav_turn(tmp_path),
                    {"role": "user", "text": TEXT},
                ],
                "sampling": higgs.SAMPLING,
                "max_new_tokens": 40,
            }
        )
    finally:
        for pid in resident_pids(tmp_path / "run"):
            os.kill(pid, signal.SIGTERM)

    assert header["rate_hz"] == RATE_HZ
    assert len(sound) > 1000
    assert len(sound) % 2 == 0


def _wav_turn(folder: Path) -> dict[str, str]:
    path = folder / "reference.wav"
    path.write_bytes(wav(tone(REFERENCE_TEXT)))
    return {"role": "assistant", "sound": str(path)}


# -- on vLLM-Omni ----------------------------------------------------------


def test_the_recording_goes_with_its_transcript_and_nothing_the_server_refuses(
    server: SpeechServer,
):
    anchored_engine(server).synthesise(TEXT, reference("anchored"))

    (body,) = server.bodies("/v1/audio/speech")
    assert body.keys() == {"input", "response_format", "ref_audio", "ref_text"}
    assert body["ref_text"] == REFERENCE_TEXT
    assert body["ref_audio"].startswith("data:audio/wav;base64,")


def test_a_chained_voice_is_not_quietly_read_without_its_chain(server: SpeechServer):
    with pytest.raises(EngineUnavailable, match="anchored voices only"):
        anchored_engine(server).synthesise(TEXT, reference("chained"))

    assert not server.received


def test_voices_that_the_server_keeps_are_offered(server: SpeechServer):
    server.uploaded["aunt"] = {"name": "aunt"}

    voices = anchored_engine(server).voices()

    assert [voice.id for voice in voices] == ["higgs:aunt"]


@pytest.mark.parametrize("has_voices", [True, False])
def test_a_server_that_keeps_no_voices_still_speaks_like_a_recording(has_voices: bool):
    with SpeechServer(higgs=True, voices=[], has_voices=has_voices).running() as server:
        engine = anchored_engine(server)

        assert engine.voices() == []
        check_reply(TEXT, engine.synthesise(TEXT, reference("anchored")))


# -- in chat completions ---------------------------------------------------


def test_a_chained_voice_hears_the_recording_and_then_the_blocks(
    server: SpeechServer,
):
    engine, voice = chat_engine(server), reference("chained")

    engine.synthesise(TEXT, voice, context=[heard("First."), heard("Second.")])

    (body,) = server.bodies("/v1/chat/completions")
    turns = body["messages"]
    said = [turn["content"] for turn in turns if isinstance(turn["content"], str)]
    assert [turn["role"] for turn in turns] == ["system"] + [
        "user",
        "assistant",
    ] * 3 + ["user"]
    assert said[1:] == [REFERENCE_TEXT, "First.", "Second.", TEXT]
    assert engine.context_blocks(voice) == 3
    assert body["stop"] == higgs.STOP
    assert (body["temperature"], body["top_k"], body["seed"]) == (0.3, 50, 42)


def test_what_is_heard_is_wav_at_the_models_rate_without_its_pause(
    server: SpeechServer,
):
    chat_engine(server).synthesise(
        TEXT, reference("chained"), context=[heard("A line that was said before.")]
    )

    turn = server.bodies("/v1/chat/completions")[0]["messages"][-2]
    sound = base64.b64decode(turn["content"][0]["input_audio"]["data"])
    with wave.open(io.BytesIO(sound)) as file:
        seconds = file.getnframes() / file.getframerate()
        assert file.getframerate() == 24_000
    assert seconds == pytest.approx(len("A line that was said before.") / 14, abs=0.1)


def test_a_scene_is_told_and_its_sampling_used(server: SpeechServer):
    voice = Voice(
        "custom:2",
        "higgs",
        "Night",
        "en",
        parameters={
            "kind": "prompt",
            "voice": "",
            "scene": "A night by the sea<|eot_id|>.",
            "temperature": "0.8",
            "seed": "7",
        },
    )

    chat_engine(server).synthesise(TEXT, voice)

    (body,) = server.bodies("/v1/chat/completions")
    system = body["messages"][0]["content"]
    assert "<|scene_desc_start|>\nA night by the sea .\n<|scene_desc_end|>" in system
    assert (body["temperature"], body["seed"], body["top_p"]) == (0.8, 7, 0.95)
    assert len(body["messages"]) == 2


def test_a_reply_without_sound_is_told(server: SpeechServer):
    server.fault = faults.Html()

    with pytest.raises(BadEngineReply, match="without a sound"):
        chat_engine(server).synthesise(TEXT, reference("anchored"))


def test_the_model_is_stopped_when_it_goes_on_and_on(server: SpeechServer):
    chat_engine(server).synthesise(TEXT, reference("anchored"))

    (body,) = server.bodies("/v1/chat/completions")
    assert body["max_completion_tokens"] < 60 * higgs.TOKENS_A_SECOND


def test_the_two_servers_share_no_sounds(server: SpeechServer):
    assert anchored_engine(server).version != chat_engine(server).version


# -- what it is given to say -----------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It rained for days.[5][6]", "It rained for days."),
        ("It rained [5], [12–14] and snowed.", "It rained, and snowed."),
        ("[5][6]", "(5, 6)"),
        ("[SPEAKER1] Good morning.", "Good morning."),
        ("Stop<|eot_id|>here.", "Stop here."),
        ("See [the map].", "See (the map)."),
        ("Chapter One", "Chapter One."),
        ("“Where?”", "“Where?”"),
        ("* * *", "* * *."),
    ],
)
def test_signs_that_make_it_stumble_are_left_out(text: str, said: str):
    assert higgs_text.plain(text) == said
