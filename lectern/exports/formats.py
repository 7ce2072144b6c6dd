"""What a document can be taken away as."""

from dataclasses import dataclass
from enum import StrEnum


class ExportFormat(StrEnum):
    """A kind of file; its value is the file's suffix without the dot."""

    M4B = "m4b"
    MP3 = "mp3"
    OPUS = "opus"
    FLAC = "flac"
    WAV = "wav"
    EPUB = "epub"
    SRT = "srt"
    VTT = "vtt"


@dataclass(frozen=True, slots=True)
class FormatFacts:
    """What is known of a format before anything is made."""

    name: str  # for people
    media_type: str
    bits_a_second: int  # of sound, about
    realtime_factor: float  # seconds of sound made a second on one core, about
    remark: str  # for people: what it is good for
    has_sound: bool = True


FACTS: dict[ExportFormat, FormatFacts] = {
    ExportFormat.M4B: FormatFacts(
        "M4B audiobook", "audio/mp4", 65_000, 80, "Chapters and cover; most players"
    ),
    ExportFormat.MP3: FormatFacts(
        "MP3", "audio/mpeg", 64_000, 85, "Plays everywhere; chapters and cover"
    ),
    ExportFormat.OPUS: FormatFacts(
        "Opus", "audio/ogg", 32_000, 2000, "Smallest, and copied without loss"
    ),
    ExportFormat.FLAC: FormatFacts(
        "FLAC", "audio/flac", 170_000, 300, "Without loss, for further work"
    ),
    ExportFormat.WAV: FormatFacts(
        "WAV", "audio/wav", 384_000, 350, "Plain samples, for editors"
    ),
    ExportFormat.EPUB: FormatFacts(
        "EPUB that reads aloud",
        "application/epub+zip",
        66_000,
        78,
        "Text and sound together, for e-readers",
    ),
    ExportFormat.SRT: FormatFacts(
        "SRT subtitles",
        "application/x-subrip",
        120,
        20_000,
        "What is heard when, as text",
        has_sound=False,
    ),
    ExportFormat.VTT: FormatFacts(
        "WebVTT subtitles",
        "text/vtt",
        120,
        20_000,
        "The same, for web players",
        has_sound=False,
    ),
}

ZIP_MEDIA_TYPE = "application/zip"

SUFFIXES: dict[str, ExportFormat] = {
    **{f".{fmt.value}": fmt for fmt in ExportFormat},
    ".ogg": ExportFormat.OPUS,
    ".oga": ExportFormat.OPUS,
    ".m4a": ExportFormat.M4B,
}
"""Formats by the endings of file names."""


def expected_bytes(fmt: ExportFormat, audio_ms: int) -> int:
    """Return about how large a file will be."""
    return round(FACTS[fmt].bits_a_second / 8 * audio_ms / 1000)


def expected_seconds(fmt: ExportFormat, audio_ms: int) -> float:
    """Return about how long writing a file takes, once everything is spoken."""
    return audio_ms / 1000 / FACTS[fmt].realtime_factor
