"""Ogg Opus from a server is kept as it is where it could be ours, and then joins."""

import io

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from lectern.settings import SpeechServer as ServerSettings
from lectern.speech.voices import Voice
from resources.engines.audio_replies import decoded
from resources.engines.espeak import EspeakEngine
from resources.engines.loudness import levelled, loudness_lufs
from resources.engines.openai_speech import OpenAISpeechEngine
from resources.engines.opus import Encoded, decode, encode, join
from resources.engines.opus_passing import packet_ms, passed_on
from resources.engines.sounds import make_sound
from tests.support.speech_server import RATE_HZ, SpeechServer, opus_file

TEXT = "The harbour lay quiet under a pale morning."
PAUSE_MS = 460
LUFS = -19.0


def espeak(text: str = TEXT, *, lufs: float = LUFS) -> NDArray[np.int16]:
    """Return speech at the server's rate, followed by half a second of silence."""
    engine = EspeakEngine()
    voice = engine.find("espeak:en-gb")
    assert voice is not None
    spoken = engine.synthesise(text, voice)
    frame = av.AudioFrame.from_ndarray(spoken.samples[None], "s16", "mono")
    frame.sample_rate, frame.pts = spoken.rate_hz, 0
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    pieces = [*resampler.resample(frame), *resampler.resample(None)]
    samples = np.concatenate([piece.to_ndarray()[0] for piece in pieces])
    loud = levelled(samples, RATE_HZ, target_lufs=lufs)
    return np.concatenate([loud, np.zeros(RATE_HZ // 2, np.int16)])


def passed(data: bytes, *, bit_rate: int = 32_000) -> Encoded | None:
    """Pass a file on with a pause."""
    samples, rate_hz = decoded(data, longest_seconds=60)
    return passed_on(
        data,
        samples,
        rate_hz,
        pause_ms=PAUSE_MS,
        target_lufs=LUFS,
        bit_rate=bit_rate,
    )


def packets_of(data: bytes) -> list[bytes]:
    """Return the packets of a file."""
    with av.open(io.BytesIO(data)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize("application", ["audio", "voip"])
def test_a_sound_that_could_be_ours_keeps_its_packets(application: str):
    theirs = opus_file(espeak(), application=application)

    ours = passed(theirs)

    assert ours is not None
    kept = packets_of(ours.data)
    speech = [packet for packet in kept if packet != b"\xf8\xff\xfe"]
    assert speech == packets_of(theirs)[: len(speech)]
    assert len(kept) == ours.duration_ms // 20 + 1


def test_the_pause_is_ours_and_is_silent():
    ours = passed(opus_file(espeak()))

    assert ours is not None
    samples = decode(ours.data)
    audible = np.flatnonzero(np.abs(samples) > 33)
    silence_ms = (len(samples) - audible[-1]) / 48
    assert len(samples) == ours.duration_ms * 48
    assert PAUSE_MS <= silence_ms <= PAUSE_MS + 80
    assert not samples[-48 * (PAUSE_MS - 40) :].any()


@pytest.mark.parametrize("turn", [0, 1])
def test_it_joins_with_sounds_of_our_own_sample_by_sample(turn: int):
    theirs = passed(opus_file(espeak()))
    pause = np.zeros(RATE_HZ // 2, np.int16)
    own = encode(np.concatenate([espeak(), pause]), RATE_HZ, bit_rate=32_000)
    assert theirs is not None
    sounds = [own, theirs, theirs] if turn else [theirs, own, theirs]
    target = io.BytesIO()

    duration_ms = join(sounds, target, title="Harbour")

    assert duration_ms == sum(sound.duration_ms for sound in sounds)
    joined, start = decode(target.getvalue()), 0
    for sound in sounds:
        alone = decode(sound.data).astype(int)
        together = joined[start : start + len(alone)].astype(int)
        assert np.abs(together - alone).max() < 100
        start += len(alone)


@pytest.mark.parametrize(
    "theirs",
    [
        opus_file(espeak(lufs=-16.0)),
        opus_file(espeak(), layout="stereo"),
        opus_file(espeak(), frame_ms=40),
        opus_file(espeak(), application="lowdelay"),
        opus_file(np.zeros(RATE_HZ, np.int16)),
        opus_file(espeak(), bit_rate=256_000),
        b"OggS" + bytes(100),
    ],
    ids=["loud", "stereo", "40 ms", "run-in", "silent", "large", "damaged"],
)
def test_what_could_not_be_ours_is_refused(theirs: bytes):
    samples = espeak()

    ours = passed_on(
        theirs,
        *(
            decoded(theirs, longest_seconds=60)
            if len(theirs) > 200
            else (samples, RATE_HZ)
        ),
        pause_ms=PAUSE_MS,
        target_lufs=LUFS,
        bit_rate=32_000,
    )

    assert ours is None


@pytest.mark.parametrize(
    ("packet", "expected_ms"),
    [(b"\xf8", 20), (b"\x08", 20), (b"\x00", 10), (b"\xf9", 40), (b"\x83\x02", 5)],
)
def test_a_packet_tells_how_long_it_sounds(packet: bytes, expected_ms: float):
    assert packet_ms(packet) == expected_ms


@pytest.mark.parametrize(("lufs", "is_kept"), [(-19.5, True), (-25.0, False)])
def test_a_block_keeps_the_servers_encoding_only_at_the_right_loudness(
    lufs: float, is_kept: bool
):
    voice = Voice("box:alto", "box", "Alto", "en", parameters={"voice": "alto"})
    with SpeechServer(loudness_lufs=lufs).running() as server:
        settings = ServerSettings(address=server.address, response_format="opus")
        engine = OpenAISpeechEngine("box", settings)
        theirs = engine.synthesise(TEXT, voice).encoded
        sound = make_sound(
            engine, TEXT, voice, pause_ms=PAUSE_MS, loudness_lufs=LUFS, bit_rate=32_000
        )

    assert theirs is not None
    samples = decode(sound.data)
    assert (packets_of(sound.data)[3] == packets_of(theirs)[3]) == is_kept
    assert loudness_lufs(samples, 48_000) == pytest.approx(LUFS, abs=1.1)
    assert len(samples) == sound.duration_ms * 48
