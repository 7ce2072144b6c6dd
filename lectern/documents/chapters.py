"""The parts of a document a reader can jump to: from its own outline, else from its
headings, else parts of equal length.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

from lectern.documents.blocks import Chapter
from lectern.documents.pages import BlockKind, OutlineEntry
from lectern.documents.paragraphs import Paragraph

PART_CHARS = 9000
"""About ten minutes of speech."""
LEAST_HEADINGS = 2
MOST_HEADINGS_SHARE = 0.4
"""Of the paragraphs; where more are headings, they are no chapters."""
TITLE_CHARS = 120
SHORTEST_MATCH_CHARS = 4
NOT_IN_TITLES = re.compile(r"[\W_]+")


def find_chapters(
    paragraphs: Sequence[Paragraph],
    first_blocks: Sequence[int],
    outline: Sequence[OutlineEntry],
) -> list[Chapter]:
    """Return the chapters of a document, in reading order; none if it is short.

    ``first_blocks`` holds the index of each paragraph's first block.
    """
    starts = _from_outline(paragraphs, outline)
    if len(starts) < LEAST_HEADINGS:
        starts = _from_headings(paragraphs) or starts or _parts(paragraphs)
    return [Chapter(title, level, first_blocks[at]) for title, level, at in starts]


def chapter_of_blocks(count: int, chapters: Sequence[Chapter]) -> list[int | None]:
    """Return for each block the index of the chapter it stands in."""
    of_blocks: list[int | None] = [None] * count
    for index, chapter in enumerate(chapters):
        end = chapters[index + 1].block_index if index + 1 < len(chapters) else count
        of_blocks[chapter.block_index : end] = [index] * (end - chapter.block_index)
    return of_blocks


def fold(title: str) -> str:
    """Return a title in the form in which two spellings of it are equal."""
    return NOT_IN_TITLES.sub("", title).casefold()


Start = tuple[str, int, int]
"""Title, level and the paragraph a chapter begins with."""


def _from_outline(
    paragraphs: Sequence[Paragraph], outline: Sequence[OutlineEntry]
) -> list[Start]:
    if not outline:
        return []
    anchors: dict[str, int] = {}
    on_page: dict[int, list[int]] = defaultdict(list)
    for place, paragraph in enumerate(paragraphs):
        if paragraph.anchor:
            anchors.setdefault(paragraph.anchor, place)
        if paragraph.kind is not BlockKind.FURNITURE:
            on_page[paragraph.page].append(place)
    starts: list[Start] = []
    earliest = 0
    for entry in outline:
        number: int | None = anchors.get(entry.anchor) if entry.anchor else None
        if number is None and entry.page is not None:
            number = _on_page(entry, paragraphs, on_page, earliest)
        title = _title(entry.title)
        if number is None or number < earliest or not title:
            continue
        starts.append((title, max(1, entry.level), number))
        earliest = number
    return starts


def _on_page(
    entry: OutlineEntry,
    paragraphs: Sequence[Paragraph],
    on_page: dict[int, list[int]],
    earliest: int,
) -> int | None:
    """Return the paragraph on an entry's page that says its title, else the first."""
    page = entry.page or 0
    here = [number for number in on_page.get(page, ()) if number >= earliest]
    if page in on_page and not here:
        return None  # an entry that leads back
    if not here:
        later = min((p for p in on_page if p > page), default=None)
        return None if later is None else on_page[later][0]
    wanted = fold(entry.title)
    for number in here:
        shown = fold(paragraphs[number].text[: 2 * TITLE_CHARS])
        if wanted and (shown.startswith(wanted) or shown.endswith(wanted)):
            return number
        if len(shown) >= SHORTEST_MATCH_CHARS and wanted.endswith(shown):
            return number
    return here[0]


def _title(text: str) -> str:
    return " ".join(text.split())[:TITLE_CHARS]


def _from_headings(paragraphs: Sequence[Paragraph]) -> list[Start]:
    headings = [
        (number, paragraph)
        for number, paragraph in enumerate(paragraphs)
        if paragraph.kind is BlockKind.HEADING
    ]
    text = sum(paragraph.kind is not BlockKind.FURNITURE for paragraph in paragraphs)
    if not LEAST_HEADINGS <= len(headings) <= MOST_HEADINGS_SHARE * text:
        return []
    levels = sorted({paragraph.level for _, paragraph in headings})
    return [
        (_title(paragraph.text), levels.index(paragraph.level) + 1, number)
        for number, paragraph in headings
    ]


def _parts(paragraphs: Sequence[Paragraph]) -> list[Start]:
    """Return parts of about ten minutes."""
    text = [
        (number, len(paragraph.text))
        for number, paragraph in enumerate(paragraphs)
        if paragraph.kind is not BlockKind.FURNITURE
    ]
    if sum(chars for _, chars in text) < 2 * PART_CHARS:
        return []
    starts: list[Start] = []
    chars = PART_CHARS
    for number, length in text:
        if chars >= PART_CHARS:
            starts.append((f"Part {len(starts) + 1}", 1, number))
            chars = 0
        chars += length
    return starts
