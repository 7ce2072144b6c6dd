"""Sound files of an export: the whole, or the part that stands under one title."""

from collections.abc import Sequence
from pathlib import Path

from lectern.documents.blocks import Chapter
from lectern.exports.formats import ExportFormat
from lectern.exports.languages import three_letters
from lectern.exports.timeline import SAMPLES_PER_MS, Timeline
from resources.engines.opus import Mark, join
from resources.exporting.facts import sound_tags
from resources.exporting.opus_pictures import picture_comment
from resources.exporting.sound_files import SoundFile
from resources.exporting.sources import Sources


def write_whole(sources: Sources, path: Path) -> None:
    """Write all of an export as one file with chapters."""
    timeline = sources.timeline
    tags = sound_tags(sources.facts, sources.request.format)
    chapters = sources.rendering.text.chapters
    _write(sources, path, sources.request.format, tags, timeline, chapters, first=0)


def write_part(
    sources: Sources,
    path: Path,
    fmt: ExportFormat,
    *,
    title: str,
    number: tuple[int, int],
    span: tuple[int, int],
) -> None:
    """Write the sounds from one place to another (exclusive) as a file by itself."""
    first, last = span
    timeline = sources.timeline.cut(first, last)
    tags = sound_tags(sources.facts, fmt, part=title, number=number)
    _write(sources, path, fmt, tags, timeline, [], first=first)


def _write(
    sources: Sources,
    path: Path,
    fmt: ExportFormat,
    tags: dict[str, str],
    timeline: Timeline,
    chapters: Sequence[Chapter],
    *,
    first: int,
) -> None:
    marks = timeline.marks(chapters)
    last = first + len(timeline)
    if fmt is ExportFormat.OPUS and not sources.needs_limiter:
        in_ms = [Mark(mark.title, mark.start // SAMPLES_PER_MS) for mark in marks]
        with path.open("wb") as target:
            join(
                sources.sounds(first, last),
                target,
                title=tags.pop("title"),
                chapters=in_ms,
                tags=tags | picture_comment(sources.cover),
                gain_db=sources.gain_db,
            )
        return
    with (
        SoundFile(
            path,
            fmt,
            tags=tags,
            language=three_letters(sources.facts.language),
            marks=marks,
            cover=sources.cover,
        ) as file,
        sources.samples(first, last) as blocks,
    ):
        for samples in blocks:
            file.write(samples)
