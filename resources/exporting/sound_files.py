"""Sound files with chapters, a cover and tags: one encoder over all the samples.

One encoder has one run-in and one run-out, which the file states, so that what is
decoded begins and ends at the sample. Joined from encoded pieces, each piece would
bring its own.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from lectern.errors import StoreError
from lectern.exports.formats import ExportFormat
from lectern.exports.timeline import RATE_HZ, SAMPLES_PER_MS
from lectern.exports.timeline import Mark as SampleMark
from resources.engines.opus import Mark, chapter_tags
from resources.exporting.opus_pictures import picture_comment

VERSION = "v1"
"""Raise it when the same samples would give another file: old ones are then not
taken for it."""
BIT_RATES: dict[ExportFormat, int] = {
    ExportFormat.M4B: 64_000,
    ExportFormat.MP3: 64_000,
    ExportFormat.OPUS: 32_000,
}
PIECE_SAMPLES = 16 * 1024
"""Given to an encoder at a time: buffers of this size are used again."""

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Container:
    """How FFmpeg names what a format is made of."""

    muxer: str
    codec: str
    sample_format: str
    options: dict[str, str] = field(default_factory=dict)
    codec_options: dict[str, str] = field(default_factory=dict)


CONTAINERS: dict[ExportFormat, Container] = {
    # The brand makes players keep their place in it, as in a book. The index goes
    # before the sound, so that it plays while it is fetched. The length that the file
    # states is counted in the timescale: in milliseconds it would be rounded up.
    ExportFormat.M4B: Container(
        "mp4",
        "aac",
        "s16",
        {
            "brand": "M4B ",
            "movflags": "+faststart",
            "movie_timescale": str(RATE_HZ),
        },
    ),
    ExportFormat.MP3: Container("mp3", "libmp3lame", "s16p", {"id3v2_version": "3"}),
    ExportFormat.FLAC: Container("flac", "flac", "s16"),
    # Only where the loudness cannot be had by a gain: else packets are copied.
    ExportFormat.OPUS: Container("ogg", "libopus", "s16", {}, {"application": "voip"}),
    # Past 4 GiB its sizes need 64 bits.
    ExportFormat.WAV: Container("wav", "pcm_s16le", "s16", {"rf64": "auto"}),
}
COVERED = (ExportFormat.M4B, ExportFormat.MP3, ExportFormat.FLAC)


class SoundFile:
    """A sound file being written from samples at ``RATE_HZ``."""

    def __init__(
        self,
        path: Path,
        fmt: ExportFormat,
        *,
        tags: Mapping[str, str],
        language: str = "",
        marks: Sequence[SampleMark] = (),
        cover: bytes = b"",
    ) -> None:
        made_of = CONTAINERS[fmt]
        self._format = fmt
        self._sample_format = made_of.sample_format
        self.samples = 0
        options = made_of.options | {"fflags": "+bitexact"}
        try:
            self._container = av.open(str(path), "w", made_of.muxer, options=options)
        except (av.FFmpegError, OSError) as error:
            raise StoreError(f"The file cannot be written: {error}.") from error
        # Bit-exact: otherwise every file has the time of its making in it.
        stream: Any = self._container.add_stream(
            made_of.codec,
            rate=RATE_HZ,
            options=made_of.codec_options | {"flags": "+bitexact"},
        )
        stream.layout = "mono"
        if fmt in BIT_RATES:
            stream.bit_rate = BIT_RATES[fmt]
        if language:
            stream.metadata["language"] = language
        self._stream = stream
        self._container.metadata.update(tags)
        self._set_marks(marks)
        if cover and fmt is ExportFormat.OPUS:
            self._container.metadata.update(picture_comment(cover))
        picture = self._picture_stream(cover) if cover and fmt in COVERED else None
        if picture is not None:
            self._write_picture(picture, cover)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._encode(None)
        with _told_as_ours():
            self._container.close()

    def write(self, samples: Samples) -> None:
        """Add samples.

        Raises:
            StoreError: The disk is full, or the like.
        """
        for start in range(0, len(samples), PIECE_SAMPLES):
            part = samples[None, start : start + PIECE_SAMPLES]
            frame = av.AudioFrame.from_ndarray(part, self._sample_format, "mono")
            frame.sample_rate = RATE_HZ
            frame.time_base = Fraction(1, RATE_HZ)
            frame.pts = self.samples
            self.samples += part.shape[1]
            self._encode(frame)

    def _encode(self, frame: "av.AudioFrame | None") -> None:
        with _told_as_ours():
            self._container.mux(self._stream.encode(frame))

    def _set_marks(self, marks: Sequence[SampleMark]) -> None:
        if self._format in (ExportFormat.FLAC, ExportFormat.OPUS):
            in_ms = [Mark(mark.title, mark.start // SAMPLES_PER_MS) for mark in marks]
            self._container.metadata.update(chapter_tags(in_ms))
        elif self._format is not ExportFormat.WAV:
            self._container.set_chapters(
                [
                    {
                        "id": number,
                        "start": mark.start,
                        "end": mark.end,
                        "time_base": Fraction(1, RATE_HZ),
                        "metadata": {"title": " ".join(mark.title.split())},
                    }
                    for number, mark in enumerate(marks)
                ]
            )

    def _picture_stream(self, cover: bytes) -> Any:
        with av.open(io.BytesIO(cover), "r", format="jpeg_pipe") as picture:
            stream = self._container.add_stream_from_template(picture.streams.video[0])
        stream.disposition = Disposition.attached_pic
        return stream

    def _write_picture(self, stream: Any, cover: bytes) -> None:
        packet = av.Packet(cover)
        packet.stream = stream
        packet.pts = packet.dts = 0
        packet.time_base = Fraction(1, RATE_HZ)
        packet.is_keyframe = True
        self._container.mux(packet)


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """Turn FFmpeg's words for a disk that does not take more into ours."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise StoreError(
            f"The file could not be written ({error}). Free some space and try again."
        ) from error
