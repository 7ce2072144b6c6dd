"""An OpenAI-compatible speech server is an engine, and what it does wrong is told."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydantic import SecretStr

from lectern.errors import (
    BadEngineReply,
    EngineBusy,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
)
from lectern.ids import BlobHash
from lectern.settings import SpeechServer as ServerSettings
from lectern.speech.voices import Voice
from resources.engines import openai_speech_client
from resources.engines.audio_replies import longest_for, speech_of
from resources.engines.openai_speech import OpenAISpeechEngine, pieces
from resources.engines.openai_speech_client import retry_after_seconds
from resources.engines.sounds import check_reply
from resources.engines.speech import Speech
from tests.support import speech_server_faults as faults
from tests.support.speech_server import SpeechServer, encoded, tone, wav

TEXT = "The harbour lay quiet under a pale morning, and nobody spoke of the winter."


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    """Yield a speech server that is running."""
    with SpeechServer().running() as running:
        yield running


def engine_of(server: SpeechServer, **settings: object) -> OpenAISpeechEngine:
    """Return an engine that speaks by a server."""
    return OpenAISpeechEngine(
        "box",
        ServerSettings(address=server.address, **settings),  # type: ignore[arg-type]
        read_blob=lambda _: wav(tone("I am the reference.")),
    )


def spoken(engine: OpenAISpeechEngine, text: str = TEXT) -> Speech:
    """Speak a text with the first voice, and check it as every reply is checked."""
    speech = engine.synthesise(text, STOCK)
    check_reply(text, speech)
    return speech


STOCK = Voice("box:alto", "box", "Alto", "en", parameters={"voice": "alto"})
REFERENCE = Voice(
    "custom:1",
    "box",
    "Mine",
    "en",
    parameters={
        "kind": "reference",
        "audio": "0" * 64,
        "transcript": "I am the reference.",
        "mode": "anchored",
    },
)


# -- what goes out, and what comes back ------------------------------------


@pytest.mark.parametrize("form", ["wav", "flac", "opus", "mp3", "pcm"])
def test_every_format_gives_the_same_sound(server: SpeechServer, form: str):
    speech = spoken(engine_of(server, response_format=form))

    expected = len(tone(TEXT)) / 24_000
    assert len(speech.samples) / speech.rate_hz == pytest.approx(expected, abs=0.12)
    assert (speech.encoded is not None) == (form == "opus")
    assert server.bodies("/v1/audio/speech")[0]["response_format"] == form


def test_the_settings_decide_what_is_asked_for(server: SpeechServer):
    server.api_key = "secret-key"
    engine = engine_of(server, model="tone-1", api_key=SecretStr("secret-key"))

    spoken(engine)

    request = server.received[-1]
    assert request.authorization == "Bearer secret-key"
    assert request.body == {
        "input": TEXT,
        "model": "tone-1",
        "voice": "alto",
        "response_format": "wav",
    }


def test_a_recording_goes_out_as_data_and_never_as_an_address(server: SpeechServer):
    engine_of(server).synthesise(TEXT, REFERENCE)

    body = server.received[-1].body
    assert body["ref_audio"].startswith("data:audio/wav;base64,")
    assert body["ref_text"] == "I am the reference."
    assert "http" not in str(body)


def test_a_voice_that_is_a_prompt_brings_its_scene_and_sampling(server: SpeechServer):
    voice = Voice(
        "custom:2",
        "box",
        "Calm",
        "en",
        parameters={
            "kind": "prompt",
            "voice": "basso",
            "scene": "A quiet room.",
            "temperature": "0.3",
            "top_k": "50",
            "seed": "42",
        },
    )

    engine_of(server, batch_texts=4).synthesise(TEXT, voice)

    body = server.received[-1].body
    assert body["instructions"] == "A quiet room."
    assert body["seed"] == 42
    assert body["extra_params"] == {"temperature": 0.3, "top_k": 50}


def test_what_decides_the_sound_decides_the_version(server: SpeechServer):
    one, same = engine_of(server), engine_of(server, parallel_requests=9)
    others = [
        engine_of(server, model="tone-2"),
        engine_of(server, version="2"),
        engine_of(server, response_format="opus"),
    ]

    assert one.version == same.version
    assert one.version not in {other.version for other in others}


def test_a_text_that_is_too_long_is_sent_in_pieces_and_never_cut(server: SpeechServer):
    text = " ".join([TEXT] * 8)

    speech = engine_of(server, longest_chars=200).synthesise(text, STOCK)

    sent = server.texts()
    assert " ".join(sent) == text
    assert max(map(len, sent)) <= 200
    assert len(speech.samples) > 24_000 * len(text) / 16


@pytest.mark.parametrize("text", ["x" * 950, "word " * 200, "一" * 950])
def test_pieces_hold_the_whole_text(text: str):
    cut = pieces(text.strip(), 300)

    assert "".join(cut).replace(" ", "") == text.replace(" ", "")
    assert all(0 < len(piece) <= 300 for piece in cut)


def test_a_price_is_known_only_where_the_settings_say_it(server: SpeechServer):
    priced = engine_of(server, price_micros_per_million_chars=15_000_000)

    assert engine_of(server).price_micros(1000) is None
    assert engine_of(server, price_micros_per_million_chars=0).price_micros(9) == 0
    assert priced.price_micros(1_000) == 15_000


def test_without_the_library_the_error_names_the_extra(
    server: SpeechServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "openai", None)

    with pytest.raises(EngineUnavailable, match=r"lectern\[openai\]"):
        engine_of(server)


# -- voices ----------------------------------------------------------------


def test_voices_are_those_the_server_names(server: SpeechServer):
    voices = engine_of(server, languages=("en", "de"), licence="MIT").voices()

    ids = [voice.id for voice in voices]
    assert ids == ["box:alto", "box:alto@de", "box:basso", "box:basso@de"]
    assert {voice.parameters["voice"] for voice in voices} == {"alto", "basso"}
    assert voices[1].language == "de"
    assert voices[0].licence == "MIT"


def test_names_of_kokoro_tell_language_and_gender(server: SpeechServer):
    server.voices = ["af_heart", "bm_george", "zf_xiaoxiao"]

    voices = engine_of(server).voices()

    found = [(voice.name, voice.language, voice.gender) for voice in voices]
    assert found == [
        ("Heart", "en-us", "female"),
        ("George", "en-gb", "male"),
        ("Xiaoxiao", "zh", "female"),
    ]


def test_voices_in_the_settings_need_no_server():
    away = ServerSettings(address="http://127.0.0.1:9/v1", voices={"alloy": "en"})

    engine = OpenAISpeechEngine("box", away)

    assert [voice.id for voice in engine.voices()] == ["box:alloy"]


def test_the_list_of_voices_is_kept_for_minutes(server: SpeechServer):
    engine = engine_of(server)

    for _ in range(5):
        engine.voices()

    assert len(server.received) == 1


def test_a_server_without_a_list_says_what_to_set():
    with (
        SpeechServer(has_voices=False).running() as server,
        pytest.raises(EngineUnavailable),
    ):
        engine_of(server).voices()


def test_a_server_that_is_down_has_no_voices_now_and_is_not_asked_each_time():
    engine = OpenAISpeechEngine("box", ServerSettings(address="http://127.0.0.1:9/v1"))

    with pytest.raises(EngineUnavailable, match="does not answer"):
        engine.voices()
    started = time.monotonic()
    with pytest.raises(EngineUnavailable):
        engine.find("box:alto")

    assert time.monotonic() - started < 0.05


def test_a_voice_that_was_seen_is_found_while_the_server_is_away(
    monkeypatch: pytest.MonkeyPatch,
):
    with SpeechServer().running() as server:
        engine = engine_of(server)
        engine.voices()
    monkeypatch.setattr(engine._voices, "_good_until", float("-inf"))

    found = engine.find("box:basso")

    assert found is not None
    with pytest.raises(EngineUnavailable):
        engine.voices()


# -- patience --------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_told_at_once_with_its_own_time(
    server: SpeechServer, status: int
):
    server.fault = faults.Busy(status=status, retry_after="40")

    started = time.monotonic()
    with pytest.raises(EngineBusy) as caught:
        spoken(engine_of(server))

    assert caught.value.retry_after_seconds == 40
    assert caught.value.retryable
    assert time.monotonic() - started < 2
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("86400", 300),
        ("-3", 0),
        ("nan", 0),
        ("soon", 5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_how_long_to_wait_is_bounded(stated: str, seconds: float):
    assert retry_after_seconds({"retry-after": stated}) == seconds


def test_requests_to_one_server_are_bounded(server: SpeechServer):
    server.seconds_a_text = 0.05
    engine = engine_of(server, parallel_requests=3)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda n: spoken(engine, f"{TEXT} {n}"), range(18)))

    assert server.most_at_once == 3
    assert engine.texts_at_once == 3


# -- a server that misbehaves ----------------------------------------------

FAULTS = [
    (faults.Html(), "text/html"),
    (faults.Empty(), "empty"),
    (faults.Silent(), "silent"),
    (faults.AnotherLength(factor=8), "seconds of sound"),
    (faults.AnotherLength(factor=0.2), "seconds of sound"),
    (faults.AnotherText(), "seconds of sound"),
    (faults.Truncated(), "ends in the middle"),
]


@pytest.mark.parametrize(
    ("fault", "said"), FAULTS, ids=[type(fault).__name__ for fault, _ in FAULTS]
)
@pytest.mark.parametrize("form", ["opus", "wav"])
def test_a_lie_is_no_sound(
    server: SpeechServer, fault: faults.Fault, said: str, form: str
):
    server.fault = fault

    with pytest.raises(BadEngineReply, match=said):
        spoken(engine_of(server, response_format=form))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("form", ["wav", "flac", "opus"])
def test_a_file_that_ends_early_is_no_sound(form: str, share: float):
    whole = encoded(tone(TEXT), form)

    with pytest.raises(BadEngineReply):
        speech_of(
            whole[: int(len(whole) * share)], media_type="", text=TEXT, is_pcm=False
        )


@pytest.mark.parametrize("extra_bytes", [12, 26, 4000])
def test_a_wav_header_may_be_of_any_length(extra_bytes: int):
    chunk = b"LIST" + (extra_bytes - 8).to_bytes(4, "little") + bytes(extra_bytes - 8)
    samples = tone(TEXT)

    speech = speech_of(
        wav(samples, extra=chunk), media_type="audio/wav", text=TEXT, is_pcm=False
    )

    assert np.array_equal(speech.samples, samples)


def test_a_wav_that_was_streamed_states_no_length():
    streamed = bytearray(wav(tone(TEXT)))
    streamed[4:8] = streamed[40:44] = b"\xff\xff\xff\xff"

    speech = speech_of(bytes(streamed), media_type="", text=TEXT, is_pcm=False)

    assert len(speech.samples) == len(tone(TEXT))


def test_json_is_no_pcm():
    with pytest.raises(BadEngineReply):
        speech_of(b'{"a": 1}' * 4000, media_type="text/json", text=TEXT, is_pcm=True)


def test_numbers_and_han_may_take_longer_than_letters():
    assert longest_for("1,234,567,890") > longest_for("one two three")
    assert longest_for("今天天气很好") > longest_for("abcdef")


def test_a_reply_cut_off_once_is_asked_for_again(server: SpeechServer):
    server.fault = faults.DiesMidReply(times=1)

    speech = spoken(engine_of(server))

    assert len(speech.samples) == len(tone(TEXT))
    assert len(server.received) == 2


def test_replies_that_are_always_cut_off_are_a_crash(server: SpeechServer):
    server.fault = faults.DiesMidReply()

    with pytest.raises(EngineCrashed, match="was lost"):
        spoken(engine_of(server))


def test_a_server_error_is_a_crash_with_its_own_words(server: SpeechServer):
    server.fault = faults.Failing()

    with pytest.raises(EngineCrashed, match=r"500\. CUDA out of memory"):
        spoken(engine_of(server))


@pytest.mark.parametrize("fault", [faults.Slow(seconds=3), faults.Dripping()])
def test_a_server_that_takes_too_long_is_a_crash(
    server: SpeechServer, fault: faults.Fault
):
    server.fault = fault
    started = time.monotonic()

    with pytest.raises(EngineCrashed, match="did not answer"):
        spoken(engine_of(server, timeout_seconds=0.3))

    assert time.monotonic() - started < 3


def test_a_server_that_only_fails_is_left_alone(server: SpeechServer):
    server.fault = faults.Failing()
    engine = engine_of(server)
    for _ in range(openai_speech_client.GIVEN_UP_AFTER):
        with pytest.raises(EngineCrashed):
            spoken(engine)
    asked = len(server.received)

    with pytest.raises(EngineUnavailable, match="8 times in a row"):
        spoken(engine)

    assert len(server.received) == asked


def test_a_dead_server_is_not_available(server: SpeechServer):
    engine = OpenAISpeechEngine("box", ServerSettings(address="http://127.0.0.1:9/v1"))

    with pytest.raises(EngineUnavailable, match="does not answer"):
        spoken(engine)


def test_an_unknown_model_is_not_available(server: SpeechServer):
    with pytest.raises(EngineUnavailable, match="`tone-9` does not exist"):
        spoken(engine_of(server, model="tone-9"))


def test_a_key_that_is_refused_is_shown_to_nobody(
    server: SpeechServer, caplog: pytest.LogCaptureFixture
):
    server.api_key = "right"
    caplog.set_level(logging.DEBUG)
    engine = engine_of(server, api_key=SecretStr("sk-wrong-1234"))

    with pytest.raises(EngineUnavailable, match="refuses the key") as caught:
        spoken(engine)

    assert "sk-wrong" not in caught.value.message + caplog.text
    assert TEXT not in caplog.text


def test_a_text_that_is_refused_is_told_with_the_servers_words(server: SpeechServer):
    voice = Voice("box:x", "box", "X", "en", parameters={"voice": "nobody"})

    with pytest.raises(BadEngineReply, match="Invalid voice 'nobody'"):
        engine_of(server).synthesise(TEXT, voice)


# -- batches ---------------------------------------------------------------


def all_spoken(engine: OpenAISpeechEngine, count: int) -> dict[str, object]:
    """Speak texts from as many threads; return each one's samples or its error."""
    texts = [f"Line {number}: {TEXT[number:]}" for number in range(count)]

    def speak(text: str) -> object:
        try:
            return spoken(engine, text).samples
        except EngineError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return dict(zip(texts, pool.map(speak, texts), strict=True))


def test_texts_of_several_threads_go_as_one_batch(server: SpeechServer):
    results = all_spoken(engine_of(server, batch_texts=8), 8)

    assert [one.path for one in server.received] == ["/v1/audio/speech/batch"]
    for text, samples in results.items():
        assert np.array_equal(samples, tone(text))  # type: ignore[arg-type]


def test_a_batch_is_never_larger_than_it_may_be(server: SpeechServer):
    engine = engine_of(server, batch_texts=4, parallel_requests=2)

    all_spoken(engine, 10)

    sizes = [len(body["items"]) for body in server.bodies("/v1/audio/speech/batch")]
    assert sum(sizes) == 10
    assert max(sizes) <= 4
    assert engine.texts_at_once == 8


def test_a_lone_text_does_not_wait_for_company(server: SpeechServer):
    engine = engine_of(server, batch_texts=8)
    engine._batches._wait_seconds = wait_seconds = 15.0  # for company
    started = time.monotonic()

    spoken(engine)

    assert len(server.bodies("/v1/audio/speech/batch")) == 1
    assert time.monotonic() - started < wait_seconds


def test_one_item_that_fails_fails_alone(server: SpeechServer):
    server.fault = faults.ItemFails(on="Line 2:")

    results = all_spoken(engine_of(server, batch_texts=8), 6)

    failed = [text[:7] for text, one in results.items() if isinstance(one, Exception)]
    assert failed == ["Line 2:"]


def test_items_in_another_order_still_find_their_texts(server: SpeechServer):
    server.fault = faults.ItemsShuffled(times=1)

    results = all_spoken(engine_of(server, batch_texts=8), 5)

    assert all(np.array_equal(one, tone(text)) for text, one in results.items())  # type: ignore[arg-type]


def test_items_under_wrong_numbers_are_nobodys(server: SpeechServer):
    server.fault = faults.ItemsMislabelled(times=1)

    results = all_spoken(engine_of(server, batch_texts=8), 5)

    assert all(isinstance(one, BadEngineReply) for one in results.values())


def test_a_busy_batch_is_busy_for_each_of_its_texts(server: SpeechServer):
    server.fault = faults.Busy(times=1, retry_after="3")

    results = all_spoken(engine_of(server, batch_texts=8), 4)

    waits = {one.retry_after_seconds for one in results.values()}  # type: ignore[attr-defined]
    assert waits == {3}


def test_without_the_endpoint_each_text_goes_by_itself():
    with SpeechServer(has_batch=False).running() as server:
        results = all_spoken(engine_of(server, batch_texts=8), 4)

    assert all(isinstance(one, np.ndarray) for one in results.values())
    assert len(server.bodies("/v1/audio/speech")) == 4


def test_a_recording_goes_out_once_for_a_batch(server: SpeechServer):
    engine = engine_of(server, batch_texts=4)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: engine.synthesise(f"{TEXT} {n}", REFERENCE), range(4)))

    (body,) = server.bodies("/v1/audio/speech/batch")
    assert body["ref_audio"].startswith("data:")
    assert all(item.keys() == {"input"} for item in body["items"])


def test_voices_are_asked_for_once_by_many_threads(server: SpeechServer):
    engine = engine_of(server)
    threads = [threading.Thread(target=engine.voices) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(server.received) == 1


def test_a_recording_that_is_no_sound_is_told(server: SpeechServer):
    engine = OpenAISpeechEngine(
        "box", ServerSettings(address=server.address), read_blob=lambda _: b"not sound"
    )

    with pytest.raises(BadEngineReply):
        engine.reference(REFERENCE)

    assert BlobHash(REFERENCE.parameters["audio"])
