"""Loudness, Opus and the checks on what an engine replies."""

import fractions
import io
from collections.abc import Sequence

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from lectern.errors import BadEngineReply, BlobCorrupt
from lectern.speech.timing import WordTime
from lectern.speech.voices import Voice
from resources.engines.espeak import EspeakEngine
from resources.engines.loudness import levelled, loudness_lufs
from resources.engines.opus import Encoded, Mark, decode, encode, encoder_name, join
from resources.engines.sounds import check_reply, make_sound, without_tail
from resources.engines.speech import Heard, Speech, SpeechEngine
from tests.support.speech import ToneEngine

RATE_HZ = 22_050
TONE = Voice("tone:en", "tone", "Tone", "en")
TEXTS = (
    "The tide turned before noon, and forty boats hissed across the shallow sand.",
    "Yes.",
    "Chapter One",
)


@pytest.fixture(scope="module")
def spoken() -> list[Speech]:
    """Return real speech: a long block and two short ones, by three voices."""
    engine = EspeakEngine()
    speech = [
        engine.synthesise(text, voice)
        for voice_id in ("espeak:en-gb", "espeak:en-us+f3", "espeak:en-us+whisper")
        for text in TEXTS
        if (voice := engine.find(voice_id))
    ]
    engine.close()
    return speech


def tone(seconds: float, *, level: float = 0.3) -> NDArray[np.int16]:
    """Return a tone of 440 Hz."""
    times = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    return (level * 32767 * np.sin(times * 2 * np.pi * 440)).astype(np.int16)


def by_ffmpeg(samples: NDArray[np.int16], rate_hz: int) -> dict[str, str]:
    """Measure with FFmpeg's own meter, another implementation of the standard."""
    base = fractions.Fraction(1, rate_hz)
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=rate_hz, format="s16", layout="mono", time_base=base
    )
    meter = graph.add("ebur128", "metadata=1:peak=true")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, base
    graph.push(frame)
    graph.push(None)
    last: dict[str, str] = {}
    while True:
        try:
            last = dict(graph.pull().metadata) or last
        except (av.error.BlockingIOError, av.error.EOFError):
            return last


def test_loudness_agrees_with_another_implementation(spoken: list[Speech]):
    for speech in spoken:
        theirs = float(by_ffmpeg(speech.samples, speech.rate_hz)["lavfi.r128.I"])
        assert loudness_lufs(speech.samples, speech.rate_hz) == pytest.approx(
            theirs, abs=0.15
        )


def test_every_block_comes_out_equally_loud(spoken: list[Speech]):
    for speech in spoken:
        level = levelled(speech.samples, speech.rate_hz, target_lufs=-19)
        assert loudness_lufs(level, speech.rate_hz) == pytest.approx(-19, abs=1.0)


def test_no_true_peak_is_above_the_ceiling(spoken: list[Speech]):
    for speech in spoken:
        level = levelled(speech.samples, speech.rate_hz, target_lufs=-14)
        measured = by_ffmpeg(level, speech.rate_hz)
        assert float(measured["lavfi.r128.true_peaks_ch0"]) < 10 ** (-1 / 20)


@pytest.mark.parametrize("samples", [0, 1, 100, 5000, 8820, 22_050])
def test_any_length_can_be_levelled(samples: int):
    noise = np.random.default_rng(1).integers(-3000, 3000, samples).astype(np.int16)

    assert len(levelled(noise, RATE_HZ, target_lufs=-19)) == samples


def test_silence_stays_silent():
    silence = np.zeros(RATE_HZ, np.int16)

    assert not levelled(silence, RATE_HZ, target_lufs=-19).any()


def test_the_loudest_possible_sample_does_not_wrap_around():
    square = np.tile(np.array([32767, -32768], np.int16).repeat(50), 200)

    level = levelled(square, RATE_HZ, target_lufs=-5)

    assert np.sign(level[25]) == 1
    assert np.sign(level[75]) == -1


@pytest.mark.parametrize("samples", [0, 1, 441, 442, 30_000])
def test_a_file_lasts_exactly_as_long_as_it_says(samples: int):
    encoded = encode(tone(2)[:samples], RATE_HZ, bit_rate=32_000)

    assert encoded.duration_ms == max(1, -(-samples // 441)) * 20
    assert len(decode(encoded.data)) == encoded.duration_ms * 48


def test_the_same_samples_give_the_same_bytes():
    first, second = (encode(tone(1), RATE_HZ, bit_rate=32_000) for _ in range(2))

    assert first == second


def test_the_encoders_name_tells_its_settings_apart():
    assert encoder_name(32_000) != encoder_name(24_000)


def test_a_joined_file_keeps_place_and_order():
    levels = (0.5, 0.1, 0.3)
    quiet = np.zeros(RATE_HZ // 10, np.int16)
    sounds = [
        encode(np.concatenate([tone(1, level=level), quiet]), RATE_HZ, bit_rate=32_000)
        for level in levels
    ]
    target = io.BytesIO()

    total_ms = join(sounds, target, title="Böök", chapters=[Mark("A=1\n", 0)])

    samples = decode(target.getvalue()).astype(float)
    assert total_ms == sum(sound.duration_ms for sound in sounds)
    assert len(samples) == total_ms * 48
    for level, part in zip(levels, np.array_split(samples, 3), strict=True):
        middle = part[5000:40_000]
        assert np.sqrt(np.mean(middle**2)) == pytest.approx(level * 23_170, rel=0.1)


def test_a_sound_of_another_length_than_recorded_is_not_joined():
    sound = encode(tone(1), RATE_HZ, bit_rate=32_000)

    with pytest.raises(BlobCorrupt):
        join([Encoded(sound.data, 5000)], io.BytesIO(), title="")
    with pytest.raises(BlobCorrupt):
        join([Encoded(b"not Ogg", 1000)], io.BytesIO(), title="")


def test_the_engines_own_silence_at_the_end_is_replaced_by_ours():
    sound = np.concatenate([tone(1), np.zeros(RATE_HZ, np.int16)])

    assert len(without_tail(sound, RATE_HZ)) == pytest.approx(RATE_HZ * 1.04, abs=5)


@pytest.mark.parametrize("seconds", [0, 0.01, 0.74, 3, 9.99])
def test_the_tail_is_found_however_long_it_is(seconds: float):
    sound = np.concatenate([tone(1), np.zeros(int(RATE_HZ * seconds), np.int16)])
    audible = np.flatnonzero(np.abs(sound) > 33)

    kept = len(without_tail(sound, RATE_HZ))

    assert kept == min(len(sound), audible[-1] + 1 + RATE_HZ * 40 // 1000)


def test_a_sound_of_silence_is_all_tail():
    assert not without_tail(np.zeros(5 * RATE_HZ, np.int16), RATE_HZ).size


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 24_000, 44_100, 48_000])
def test_a_sound_given_in_pieces_is_encoded_without_a_seam(rate_hz: int):
    times = np.arange(rate_hz * 5 // 2) / rate_hz
    samples = (9000 * np.sin(times * 2 * np.pi * 440)).astype(np.int16)

    heard = decode(encode(samples, rate_hz, bit_rate=32_000).data)
    loudest = np.abs(heard[4_800:115_200]).reshape(-1, 480).max(axis=1)  # of 10 ms

    assert loudest.min() > 0.8 * loudest.max()


def test_a_pause_is_part_of_the_sound():
    made = [
        make_sound(
            ToneEngine(),
            "Hello.",
            TONE,
            pause_ms=ms,
            loudness_lufs=-19,
            bit_rate=32_000,
        )
        for ms in (0, 400)
    ]

    assert made[1].duration_ms - made[0].duration_ms == 400
    assert not np.abs(decode(made[1].data)[-9600:]).max() > 60


class WordyEngine(ToneEngine):
    """Says that its last word lasts longer than its sound."""

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Speech:
        """Return a tone with one word."""
        speech = super().synthesise(text, voice)
        return Speech(speech.samples, speech.rate_hz, (WordTime(0, 6, 100, 9000),))


def test_words_end_with_the_speech():
    sound = make_sound(
        WordyEngine(), "Hello.", TONE, pause_ms=400, loudness_lufs=-19, bit_rate=32_000
    )

    assert sound.words == (WordTime(0, 6, 100, 600),)


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("Hello there.", np.zeros(RATE_HZ, np.int16)),
        ("Hello there.", np.zeros(0, np.int16)),
        ("Hello there.", tone(60)),
        ("Hello there, this is a sentence of ordinary length.", tone(0.1)),
    ],
)
def test_a_reply_that_cannot_be_the_text_is_refused(
    text: str, samples: NDArray[np.int16]
):
    with pytest.raises(BadEngineReply):
        check_reply(text, Speech(samples, RATE_HZ, ()))


@pytest.mark.parametrize("text", ["* * *", "—", "…"])
def test_nothing_need_be_heard_of_signs(text: str):
    check_reply(text, Speech(np.zeros(100, np.int16), RATE_HZ, ()))


@pytest.mark.parametrize(
    "text",
    [
        "I",
        "1234567890123456789012",
        "WWWWWWWWWW",
        "👩‍🚒",
        "hm hm hm hm hm hm hm",
        "ssssssssssss",
    ],
)
def test_odd_texts_of_the_real_engine_pass(text: str):
    engine: SpeechEngine = EspeakEngine()
    voice = engine.find("espeak:en-us")
    assert voice is not None

    check_reply(text, engine.synthesise(text, voice))

    engine.close()


def test_words_that_an_engine_does_not_state_are_found_in_its_sound() -> None:
    sound = make_sound(
        ToneEngine(seconds=1.2),
        "Three short words.",
        TONE,
        pause_ms=200,
        loudness_lufs=-19.0,
        bit_rate=32_000,
    )

    assert [(word.start_char, word.end_char) for word in sound.words] == [
        (0, 5),
        (6, 11),
        (12, 18),
    ]
    assert sound.words[-1].end_ms <= 1200
