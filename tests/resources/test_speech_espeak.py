"""espeak-ng speaks the same bytes every time, from a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lectern.errors import EngineCrashed, EngineUnavailable, UnknownVoice
from lectern.settings import Settings, Speech
from resources.engines import espeak_client
from resources.engines.espeak import EspeakEngine
from resources.engines.voices import SpeechEngines

TEXTS = (
    "The tide turned before noon, and 42 boats hissed across the shallow sand.",
    "Short.",
    "Dr. Smith's e-mail cost $1,234.56 in the café.",
)
VOICES = ("espeak:en-gb", "espeak:en-us+f3", "espeak:en-us+whisper", "espeak:de")


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    """Return one engine for the whole file."""
    engine = EspeakEngine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def engines(engine: EspeakEngine) -> Iterator[SpeechEngines]:
    """Return the registry."""
    engines = SpeechEngines(Settings(_env_file=None))
    yield engines
    engines.close()


def said(engine: EspeakEngine, text: str, voice_id: str = "espeak:en-gb") -> bytes:
    """Return the samples of a text."""
    voice = engine.find(voice_id)
    assert voice is not None
    return engine.synthesise(text, voice).samples.tobytes()


def heard(engine: EspeakEngine, text: str, voice_id: str) -> list[str]:
    """Return the words that have a time."""
    voice = engine.find(voice_id)
    assert voice is not None
    words = engine.synthesise(text, voice).words
    return [text[word.start_char : word.end_char] for word in words]


@pytest.mark.parametrize("voice_id", VOICES)
def test_a_text_sounds_the_same_in_any_order_and_after_a_restart(
    engine: EspeakEngine, voice_id: str
):
    """Breathy voices once took their noise from the clock, second by second."""
    first = [said(engine, text, voice_id) for text in TEXTS]
    time.sleep(1.01)
    other = EspeakEngine()

    again = [said(other, text, voice_id) for text in reversed(TEXTS)]

    other.close()
    assert again[::-1] == first


def test_it_sounds_as_in_a_process_that_does_nothing_else(engine: EspeakEngine):
    voice = engine.find("espeak:en-us+f3")
    assert voice is not None
    said(engine, TEXTS[0], voice.id)  # so that its process has been used

    fresh = EspeakEngine()

    assert said(fresh, TEXTS[2], voice.id) == said(engine, TEXTS[2], voice.id)
    fresh.close()


def test_threads_get_each_their_own_reply(engine: EspeakEngine):
    texts = [f"Number {number} of many." for number in range(40)]
    expected = [said(engine, text) for text in texts]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda text: said(engine, text), texts)) == expected


def test_a_forked_process_does_not_read_its_parents_replies(engine: EspeakEngine):
    expected = said(engine, TEXTS[0])
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"1" if said(engine, TEXTS[0]) == expected else b"0")
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reader, 1) == b"1"
    assert said(engine, TEXTS[0]) == expected
    os.close(reader)
    os.close(writer)


def test_our_process_never_loads_the_library(engine: EspeakEngine):
    said(engine, TEXTS[0])

    assert "libespeak" not in Path("/proc/self/maps").read_text()


def test_text_is_data_and_not_an_argument(engine: EspeakEngine):
    assert said(engine, "--version <speak> &amp; \x00 \\ \N{ESCAPE} $(id)")


def test_a_killed_process_fails_one_text_and_no_more(engine: EspeakEngine):
    voice = engine.voices()[0]
    with engine._client(voice) as client:
        os.kill(client.process_id, 9)
        with pytest.raises(EngineCrashed, match="ended by SIGKILL"):
            client.speak("One.")

    assert engine.synthesise("Two.", voice).samples.size


def test_a_text_that_crashes_its_fork_fails_alone(
    engine: EspeakEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = espeak_client.PROGRAM.read_text()
    before = "    status = library.espeak_Synth("
    crash = "    text == b'Crash.' and ctypes.string_at(0)\n"
    assert before in program
    crashing = tmp_path / "program.py"
    crashing.write_text(program.replace(before, crash + before))
    monkeypatch.setattr(espeak_client, "PROGRAM", crashing)
    other = EspeakEngine()

    with pytest.raises(EngineCrashed, match="ended by SIGSEGV"):
        said(other, "Crash.")

    assert said(other, TEXTS[1]) == said(engine, TEXTS[1])
    other.close()


def test_an_engine_that_does_not_answer_is_given_up(
    engine: EspeakEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(espeak_client, "REPLY_SECONDS", 0.0)

    with pytest.raises(EngineCrashed, match="did not answer"):
        said(engine, TEXTS[0])


def test_a_data_folder_with_a_long_path_is_used_by_a_link(
    engine: EspeakEngine, tmp_path: Path
):
    long = tmp_path / ("deep" * 30) / ("er" * 30)
    long.parent.mkdir(parents=True)
    long.symlink_to(engine._data, target_is_directory=True)

    other = EspeakEngine(data=str(long))

    assert said(other, TEXTS[1]) == said(engine, TEXTS[1])
    other.close()


def test_a_bad_data_folder_is_told_and_ends_nothing(tmp_path: Path):
    with pytest.raises(EngineUnavailable, match="refuses its data folder"):
        EspeakEngine(data=str(tmp_path))


def test_the_process_ends_with_its_parent():
    program = (
        "from resources.engines.espeak import EspeakEngine; e = EspeakEngine();"
        "c = e._take(e.voices()[0]); c.speak('Yes.'); print(c.process_id, flush=True);"
        "import os; os.kill(os.getpid(), 9)"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        check=False,
    ).stdout
    stat = Path(f"/proc/{int(output)}/stat")

    for _ in range(100):
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("espeak-ng outlived its parent")


@pytest.mark.parametrize(
    ("text", "voice_id", "expected"),
    [
        ("It's 1,234.56, twenty-one!", "espeak:en-gb", "It's|1,234.56,|twenty-one!"),
        ("naïve — cafés 😀 ok", "espeak:en-gb", "naïve|cafés|😀|ok"),
        ("你好，世界。", "espeak:cmn", "你好|世|界"),
        ("שלום עולם", "espeak:he", "שלום|עולם"),
        ("नमस्ते दुनिया", "espeak:hi", "नमस्ते|दुनिया"),
    ],
)
def test_words_are_told_in_characters_of_the_text(
    engine: EspeakEngine, text: str, voice_id: str, expected: str
):
    assert "|".join(heard(engine, text, voice_id)) == expected


def test_there_are_voices_for_over_a_hundred_languages(engine: EspeakEngine):
    voices = engine.voices()

    assert len({voice.language.split("-")[0] for voice in voices}) > 100
    assert len({voice.id for voice in voices}) == len(voices)
    assert not any(voice.language == "xex" for voice in voices)  # has no dictionary


@pytest.mark.parametrize(
    ("language", "voice_id"),
    [
        ("en", "espeak:en-gb"),
        ("en-US", "espeak:en-us"),
        ("fr", "espeak:fr-fr"),
        ("pt-BR", "espeak:pt-br"),
        ("zh", "espeak:cmn"),
        ("zh-Hant-TW", "espeak:cmn"),
        ("no", "espeak:nb"),
        ("tlh", "espeak:en-gb"),
    ],
)
def test_each_language_has_a_voice(
    engines: SpeechEngines, language: str, voice_id: str
):
    assert engines.default_voice(language).id == voice_id


def test_a_default_voice_can_be_set():
    speech = Speech(default_voices={"en": "espeak:en-us+f3"})
    engines = SpeechEngines(Settings(_env_file=None, speech=speech))

    assert engines.default_voice("en-GB").id == "espeak:en-us+f3"
    engines.close()


def test_an_unknown_voice_lists_the_nearest(engines: SpeechEngines):
    with pytest.raises(UnknownVoice, match="espeak:en-us"):
        engines.voice("espeak:en-usa")


def test_every_listed_voice_of_a_language_speaks(engines: SpeechEngines):
    for voice in engines.voices("nl"):
        engine = engines.engine(voice.engine)
        assert engine.synthesise("Goedemorgen.", voice).samples.size > 5000
