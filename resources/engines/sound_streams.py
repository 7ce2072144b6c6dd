"""Sounds of blocks as one stream in the form that somebody asks for.

    Ogg Opus of each block → samples, 24 kHz → faster or slower → encoder → bytes

Opus at its own speed is copied and never encoded twice. Pieces leave as they are
made, so nothing here can go back to correct a header.
"""

import io
import struct
from collections.abc import Iterable, Iterator
from enum import StrEnum
from fractions import Fraction
from itertools import chain
from typing import Any

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from lectern.errors import BlobCorrupt
from resources.engines.opus import Encoded, Pieces, stream_joined

RATE_HZ = 24_000
SLOWEST, FASTEST = 0.25, 4.0
TEMPO_STEPS = (0.5, 2.0)
"""One filter outside of these would leave samples out; several in a row do not."""
BIT_RATE = 64_000
UNKNOWN_BYTES = 0xFFFFFFFF

Samples = NDArray[np.int16]


class SoundForm(StrEnum):
    """How sound is sent."""

    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"
    WAV = "wav"
    PCM = "pcm"  # 24 kHz, 16 bits, little endian, one channel

    @property
    def media_type(self) -> str:
        """Return the type of its content in HTTP."""
        return MEDIA_TYPES[self]


MEDIA_TYPES = {
    SoundForm.MP3: "audio/mpeg",
    SoundForm.OPUS: "audio/ogg",
    SoundForm.AAC: "audio/aac",
    SoundForm.FLAC: "audio/flac",
    SoundForm.WAV: "audio/wav",
    SoundForm.PCM: "audio/pcm",
}
CONTAINERS: dict[SoundForm, tuple[str, str, dict[str, str]]] = {
    # No header that states a length: it is sent before the length is known.
    SoundForm.MP3: (
        "mp3",
        "libmp3lame",
        {"write_xing": "0", "id3v2_version": "0", "write_id3v1": "0"},
    ),
    SoundForm.AAC: ("adts", "aac", {}),
    SoundForm.FLAC: ("flac", "flac", {}),
    SoundForm.OPUS: ("ogg", "libopus", {}),
}
"""Container, codec and options of the forms that an encoder makes."""


def stream_of(
    sounds: Iterable[Encoded], form: SoundForm, *, speed: float = 1.0
) -> Iterator[bytes]:
    """Yield the sounds as one stream; at another speed, at the same pitch.

    A WAV states no length. Every piece is whole samples or packets.

    Raises:
        BlobCorrupt: One of the sounds cannot be read.
    """
    if form is SoundForm.OPUS and speed == 1.0:
        yield from stream_joined(sounds)
        return
    samples: Iterable[Samples] = (decoded(sound.data) for sound in sounds)
    if speed != 1.0:
        samples = at_speed(samples, speed)
    if form is SoundForm.PCM:
        yield from map(_bytes, samples)
    elif form is SoundForm.WAV:
        yield from chain([wav_header(None)], map(_bytes, samples))
    else:
        yield from _encoded(samples, form)


def whole_of(sounds: Iterable[Encoded], form: SoundForm, *, speed: float) -> bytes:
    """Return the sounds as one file; a WAV states how long it is."""
    if form is not SoundForm.WAV:
        return b"".join(stream_of(sounds, form, speed=speed))
    data = b"".join(stream_of(sounds, SoundForm.PCM, speed=speed))
    return wav_header(len(data)) + data


def wav_header(data_bytes: int | None) -> bytes:
    """Return the header of a WAV; None where nobody knows its length yet."""
    size = UNKNOWN_BYTES if data_bytes is None else data_bytes
    riff = UNKNOWN_BYTES if data_bytes is None else data_bytes + 36
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        riff,
        b"WAVE",
        b"fmt ",
        16,
        1,  # PCM
        1,  # channel
        RATE_HZ,
        RATE_HZ * 2,
        2,
        16,
        b"data",
        size,
    )


def decoded(data: bytes) -> Samples:
    """Return the samples of an Ogg Opus file, mono at 24 kHz.

    Raises:
        BlobCorrupt: It cannot be read.
    """
    try:
        with av.open(io.BytesIO(data), "r", format="ogg") as container:
            resampler = av.AudioResampler("s16", "mono", RATE_HZ)
            pieces = [
                piece.to_ndarray()[0]
                for frame in chain(container.decode(audio=0), [None])
                for piece in resampler.resample(frame)
            ]
    except av.FFmpegError as error:
        raise BlobCorrupt("A sound is not a readable Ogg file.") from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def at_speed(samples: Iterable[Samples], speed: float) -> Iterator[Samples]:
    """Yield samples that are heard ``speed`` times as fast, at their own pitch."""
    graph = Graph()
    source = graph.add_abuffer(
        format="s16", sample_rate=RATE_HZ, layout="mono", time_base=Fraction(1, RATE_HZ)
    )
    steps = [graph.add("atempo", f"{step:.6f}") for step in tempo_steps(speed)]
    # The filter thinks in other samples than it is given.
    form = graph.add("aformat", f"sample_fmts=s16:sample_rates={RATE_HZ}")
    nodes = [source, *steps, form, graph.add("abuffersink")]
    graph.link_nodes(*nodes).configure()
    at = 0
    for part in samples:
        if not len(part):
            continue
        graph.push(_frame(part, at))
        at += len(part)
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def tempo_steps(speed: float) -> list[float]:
    """Return factors that make up a speed, none of them too far from 1."""
    slow, fast = TEMPO_STEPS
    steps: list[float] = []
    while not slow <= speed <= fast:
        step = slow if speed < slow else fast
        steps.append(step)
        speed /= step
    return [*steps, speed]


def _pulled(graph: Graph) -> Iterator[Samples]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return
        if isinstance(frame, av.AudioFrame):
            yield frame.to_ndarray()[0]


def _encoded(samples: Iterable[Samples], form: SoundForm) -> Iterator[bytes]:
    name, codec, options = CONTAINERS[form]
    target = Pieces()
    at = 0
    with av.open(
        target,
        "w",
        format=name,
        options={"fflags": "+bitexact", "flush_packets": "1", **options},
    ) as container:
        stream: Any = container.add_stream(codec, rate=RATE_HZ)
        stream.layout = "mono"
        if form is not SoundForm.FLAC:
            stream.bit_rate = BIT_RATE
        for part in samples:
            if len(part):
                container.mux(stream.encode(_frame(part, at)))
                at += len(part)
            yield target.take()
        container.mux(stream.encode(None))
    yield target.take()


def _frame(samples: Samples, at: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = RATE_HZ
    frame.pts = at
    frame.time_base = Fraction(1, RATE_HZ)
    return frame


def _bytes(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()
