"""Samples to Ogg Opus, and many Ogg Opus files to one. PyAV brings the encoder.

Every sound is padded with silence to whole Opus frames of 20 ms. That makes its
length exact, lets sounds be joined without decoding them, and puts the start of each
in the joined file exactly where the lengths before it add up to.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
PIECE_SECONDS = 1
"""Given to the encoder at a time: its buffers for a whole block would be fresh memory
each time, which costs 2 % more. The bytes are the same."""
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
    padded = np.zeros(frames * frame_samples, np.int16)
    padded[: len(samples)] = samples
    target = io.BytesIO()
    with _writer(target) as container:
        stream = container.add_stream(
            "libopus",
            rate=ENCODED_RATE_HZ,
            options={"application": "voip", "compression_level": str(COMPLEXITY)},
        )
        stream.layout = "mono"
        stream.bit_rate = bit_rate
        for piece in _pieces(padded, rate_hz):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return Encoded(target.getvalue(), frames * FRAME_MS)


def _pieces(samples: Samples, rate_hz: int) -> Iterator[av.AudioFrame]:
    size = PIECE_SECONDS * rate_hz
    for start in range(0, len(samples), size):
        part = samples[None, start : start + size]
        piece = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        piece.sample_rate = rate_hz
        # Without a time the first packet is not marked as the encoder's run-in, and
        # the file would claim to be 6.5 ms longer than it is.
        piece.pts = start
        piece.time_base = Fraction(1, rate_hz)
        yield piece


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
    tags: Mapping[str, str] | None = None,
    gain_db: float = 0.0,
) -> int:
    """Write the sounds one after the other as one file; return its milliseconds.

    Packets are copied, not encoded again; a gain is stated in the file's head, and
    applied by whoever decodes it. Each sound ends with one packet more than its
    length needs, which holds the encoder's run-out; as every block ends in silence,
    nothing is lost by leaving it out but at the very end.

    Raises:
        BlobCorrupt: One of the sounds does not hold what it should.
    """
    joiner = None
    with _writer(target) as container:
        container.metadata["title"] = title
        if language:
            container.metadata["language"] = language
        container.metadata.update(tags or {})
        container.metadata.update(chapter_tags(chapters))
        for sound in sounds:
            with _reader(sound.data) as source:
                if joiner is None:
                    joiner = _Joiner(container, source, gain_db)
                joiner.add(source, sound.duration_ms)
        return 0 if joiner is None else joiner.finish()


def stream_joined(sounds: Iterable[Encoded]) -> Iterator[bytes]:
    """Yield the pieces of one Ogg Opus file as the sounds come, packets copied.

    Raises:
        BlobCorrupt: One of the sounds does not hold what it should.
    """
    target = Pieces()
    joiner = None
    with _writer(target) as container:
        for sound in sounds:
            with _reader(sound.data) as source:
                if joiner is None:
                    joiner = _Joiner(container, source)
                joiner.add(source, sound.duration_ms)
            yield target.take()
        if joiner is not None:
            joiner.finish()
    yield target.take()


class Pieces(io.RawIOBase):
    """A file that is only written forwards, and taken away piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return False."""
        return False

    def write(self, data: Any) -> int:
        """Take bytes."""
        self._written += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _Joiner:
    """Packets of many files, given times that follow one another."""

    def __init__(
        self,
        container: OutputContainer,
        template: InputContainer,
        gain_db: float = 0.0,
    ) -> None:
        self._container = container
        self._stream = container.add_stream_from_template(template.streams.audio[0])
        if gain_db:
            _state_gain(self._stream, gain_db)
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


def _state_gain(stream: Any, gain_db: float) -> None:
    """Write a gain into an Opus head: 1/256 of a decibel, RFC 7845 section 5.1."""
    head = bytearray(stream.codec_context.extradata or b"")
    stated = round(gain_db * 256)
    head[16:18] = stated.to_bytes(2, "little", signed=True)
    stream.codec_context.extradata = bytes(head)


def _writer(target: "IO[bytes] | Pieces") -> OutputContainer:
    # Bit-exact: otherwise every file has a serial number made by chance.
    options = {"fflags": "+bitexact"}
    if isinstance(target, Pieces):
        options["flush_packets"] = "1"
    return av.open(target, "w", format="ogg", options=options)


def _reader(data: bytes) -> InputContainer:
    try:
        return av.open(io.BytesIO(data), "r", format="ogg")
    except av.FFmpegError as error:
        raise BlobCorrupt("A sound is not a readable Ogg file.") from error


def chapter_tags(chapters: Sequence[Mark]) -> dict[str, str]:
    """Return chapters as comments of Ogg and FLAC files name them.

    FFmpeg would write them itself, a second too late from each half second on.
    """
    tags: dict[str, str] = {}
    for number, mark in enumerate(chapters):
        seconds, ms = divmod(mark.start_ms, 1000)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        name = f"CHAPTER{number:03d}"
        tags[name] = f"{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}"
        tags[f"{name}NAME"] = " ".join(mark.title.split())
    return tags
