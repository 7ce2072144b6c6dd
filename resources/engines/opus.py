"""Samples to Ogg Opus, and many Ogg Opus files to one. PyAV brings the encoder.

Every sound is padded with silence to whole Opus frames of 20 ms. That makes its
length exact, lets sounds be joined without decoding them, and puts the start of each
in the joined file exactly where the lengths before it add up to.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

from lectern.errors import BlobCorrupt

ENCODED_RATE_HZ = 24_000  # speech engines have nothing above 12 kHz
CLOCK_HZ = 48_000  # Opus counts time at 48 kHz whatever it encodes
FRAME_MS = 20
FRAME_TICKS = CLOCK_HZ * FRAME_MS // 1000
COMPLEXITY = 10  # the encoder's own default: 108 × real time here, 5 gives 160 ×
LAYOUT_VERSION = "v1"  # raise when padding or container settings change

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A complete Ogg Opus file."""

    data: bytes
    duration_ms: int  # exact, a multiple of 20


@dataclass(frozen=True, slots=True)
class Mark:
    """A chapter of a joined file."""

    title: str
    start_ms: int


def encoder_name(bit_rate: int) -> str:
    """Return everything that decides the encoded bytes, for the variant key."""
    return f"opus {bit_rate} voip {ENCODED_RATE_HZ} c{COMPLEXITY} {LAYOUT_VERSION}"


def encode(samples: Samples, rate_hz: int, *, bit_rate: int) -> Encoded:
    """Encode mono samples, padded with silence to whole frames."""
    frame_samples = rate_hz * FRAME_MS // 1000
    frames = max(1, -(-len(samples) // frame_samples))
    padded = np.zeros((1, frames * frame_samples), np.int16)
    padded[0, : len(samples)] = samples
    sound = av.AudioFrame.from_ndarray(padded, format="s16", layout="mono")
    sound.sample_rate = rate_hz
    # Without a time the first packet is not marked as the encoder's run-in, and the
    # file would claim to be 6.5 ms longer than it is.
    sound.pts = 0
    sound.time_base = Fraction(1, rate_hz)
    target = io.BytesIO()
    with _writer(target) as container:
        stream = container.add_stream(
            "libopus",
            rate=ENCODED_RATE_HZ,
            options={"application": "voip", "compression_level": str(COMPLEXITY)},
        )
        stream.layout = "mono"
        stream.bit_rate = bit_rate
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    return Encoded(target.getvalue(), frames * FRAME_MS)


def decode(data: bytes) -> Samples:
    """Return the samples of an Ogg Opus file, mono at 48 kHz."""
    with _reader(data) as container:
        resampler = av.AudioResampler("s16", "mono", CLOCK_HZ)
        frames = [
            piece.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(frames) if frames else np.zeros(0, np.int16)


def join(
    sounds: Iterable[Encoded],
    target: IO[bytes],
    *,
    title: str,
    language: str = "",
    chapters: Sequence[Mark] = (),
) -> int:
    """Write the sounds one after the other as one file; return its milliseconds.

    Packets are copied, not encoded again. Each sound ends with one packet more than
    its length needs, which holds the encoder's run-out; as every block ends in
    silence, nothing is lost by leaving it out but at the very end.

    Raises:
        BlobCorrupt: One of the sounds does not hold what it should.
    """
    joiner = None
    with _writer(target) as container:
        container.metadata["title"] = title
        if language:
            container.metadata["language"] = language
        _set_chapters(container, chapters)
        for sound in sounds:
            with _reader(sound.data) as source:
                if joiner is None:
                    joiner = _Joiner(container, source)
                joiner.add(source, sound.duration_ms)
        return 0 if joiner is None else joiner.finish()


class _Joiner:
    """Packets of many files, given times that follow one another."""

    def __init__(self, container: OutputContainer, template: InputContainer) -> None:
        self._container = container
        self._stream = container.add_stream_from_template(template.streams.audio[0])
        self._run_out: Packet[Any] | None = None
        self._run_in_ticks: int | None = None
        self._ticks = 0

    def add(self, source: InputContainer, duration_ms: int) -> None:
        packets = [packet for packet in source.demux(audio=0) if packet.size]
        frames = duration_ms // FRAME_MS
        if len(packets) != frames + 1:
            raise BlobCorrupt(
                f"A sound of {duration_ms} ms should have {frames + 1} packets, "
                f"and has {len(packets)}. Run `lectern doctor` to find damaged files."
            )
        if self._run_in_ticks is None:
            self._run_in_ticks = -(packets[0].pts or 0)
        *whole, self._run_out = packets
        for packet in whole:
            self._mux(packet, FRAME_TICKS)

    def finish(self) -> int:
        if self._run_out is not None:
            self._mux(self._run_out, self._run_in_ticks or 0)
        return (self._ticks - (self._run_in_ticks or 0)) * 1000 // CLOCK_HZ

    def _mux(self, packet: "Packet[Any]", ticks: int) -> None:
        packet.stream = self._stream
        packet.time_base = Fraction(1, CLOCK_HZ)
        packet.pts = packet.dts = self._ticks - (self._run_in_ticks or 0)
        packet.duration = ticks
        self._container.mux(packet)
        self._ticks += ticks


def _writer(target: IO[bytes]) -> OutputContainer:
    # Bit-exact: otherwise every file has a serial number made by chance.
    return av.open(target, "w", format="ogg", options={"fflags": "+bitexact"})


def _reader(data: bytes) -> InputContainer:
    try:
        return av.open(io.BytesIO(data), "r", format="ogg")
    except av.FFmpegError as error:
        raise BlobCorrupt("A sound is not a readable Ogg file.") from error


def _set_chapters(container: OutputContainer, chapters: Sequence[Mark]) -> None:
    container.set_chapters(
        [
            {
                "id": number,
                "start": mark.start_ms,
                "end": mark.start_ms,  # Ogg states starts only
                "time_base": Fraction(1, 1000),
                "metadata": {"title": " ".join(mark.title.split())},
            }
            for number, mark in enumerate(chapters)
        ]
    )
