"""Sounds of blocks leave as one stream, whole and in every form."""

import io
import wave
from collections.abc import Iterator

import av
import numpy as np
import pytest

from lectern.errors import BlobCorrupt
from resources.engines.opus import Encoded, encode
from resources.engines.sound_streams import (
    RATE_HZ,
    SoundForm,
    decoded,
    stream_of,
    tempo_steps,
    whole_of,
)

TONES_HZ = (300, 500, 700)


def tone(frequency_hz: float, seconds: float = 1.0) -> Encoded:
    at = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    samples = (np.sin(2 * np.pi * frequency_hz * at) * 12_000).astype(np.int16)
    return encode(samples, RATE_HZ, bit_rate=32_000)


def heard(data: bytes) -> np.ndarray:
    """Return samples at 24 kHz of a file in any form."""
    with av.open(io.BytesIO(data)) as container:
        resampler = av.AudioResampler("s16", "mono", RATE_HZ)
        pieces = [
            piece.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(pieces)


def pitch_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE_HZ / len(samples)


def pitches(samples: np.ndarray, count: int) -> list[int]:
    """Return the pitch in the middle of each of so many parts."""
    size = len(samples) // count
    middles = (
        samples[n * size + size // 4 : n * size + 3 * size // 4] for n in range(count)
    )
    return [round(pitch_hz(middle), -1) for middle in middles]


@pytest.mark.parametrize("form", [f for f in SoundForm if f is not SoundForm.PCM])
def test_blocks_are_heard_one_after_the_other_in_every_form(form: SoundForm):
    data = b"".join(stream_of(map(tone, TONES_HZ), form))

    samples = heard(data)

    assert len(samples) / RATE_HZ == pytest.approx(3.0, abs=0.1)
    assert pitches(samples, 3) == [300, 500, 700]


def test_pcm_is_bare_samples_of_exactly_that_length():
    data = b"".join(stream_of(map(tone, TONES_HZ), SoundForm.PCM))

    samples = np.frombuffer(data, "<i2")

    assert len(samples) == 3 * RATE_HZ
    assert pitches(samples, 3) == [300, 500, 700]


def test_opus_is_copied_and_not_encoded_again():
    sounds = [tone(f) for f in TONES_HZ]

    data = b"".join(stream_of(sounds, SoundForm.OPUS))

    def packets(file: bytes) -> list[bytes]:
        with av.open(io.BytesIO(file)) as container:
            return [bytes(p) for p in container.demux(audio=0) if p.size]

    copied = packets(data)
    first = packets(sounds[0].data)
    assert copied[: len(first) - 1] == first[:-1]


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.9, 1.25, 2.0, 3.3, 4.0])
@pytest.mark.parametrize("form", [SoundForm.PCM, SoundForm.OPUS, SoundForm.MP3])
def test_speed_changes_the_length_and_not_the_pitch(form: SoundForm, speed: float):
    data = b"".join(stream_of([tone(440, 4.0)], form, speed=speed))

    samples = np.frombuffer(data, "<i2") if form is SoundForm.PCM else heard(data)

    assert len(samples) / RATE_HZ == pytest.approx(4.0 / speed, rel=0.06, abs=0.1)
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    assert pitch_hz(middle) == pytest.approx(440, rel=0.02)


def test_the_steps_of_a_speed_make_it_up():
    for speed in (0.25, 0.3, 0.5, 1.0, 1.9, 2.0, 3.7, 4.0):
        steps = tempo_steps(speed)
        assert np.prod(steps) == pytest.approx(speed)
        assert all(0.5 <= step <= 2.0 for step in steps)


@pytest.mark.parametrize("form", list(SoundForm))
def test_the_first_block_leaves_before_the_second_is_there(form: SoundForm):
    asked: list[int] = []

    def sounds() -> Iterator[Encoded]:
        for number, frequency in enumerate(TONES_HZ):
            asked.append(number)
            yield tone(frequency, 3.0)

    sent = 0
    for piece in stream_of(sounds(), form):
        sent += len(piece)
        if sent > 8000:
            break

    assert asked == [0]


def test_a_whole_wav_states_its_length_and_a_streamed_one_does_not():
    whole = whole_of([tone(440)], SoundForm.WAV, speed=1.0)
    streamed = b"".join(stream_of([tone(440)], SoundForm.WAV))

    with wave.open(io.BytesIO(whole)) as file:
        assert (file.getnframes(), file.getframerate()) == (RATE_HZ, RATE_HZ)
    assert streamed[4:8] == streamed[40:44] == b"\xff" * 4
    assert streamed[44:] == whole[44:]


def test_a_damaged_sound_is_refused():
    with pytest.raises(BlobCorrupt):
        decoded(b"OggS but no more")
