"""The parts of a document a reader can jump to: from its own outline, else from its
headings, else parts of equal length.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from lectern.documents.blocks import Block, Chapter
from lectern.documents.pages import BlockKind, OutlineEntry
from lectern.documents.paragraphs import Paragraph

PART_CHARS = 9000
"""About ten minutes of speech."""
LEAST_HEADINGS = 2
MOST_HEADINGS_SHARE = 0.34
"""Of the blocks; where more are headings, they are no chapters."""
TITLE_CHARS = 120
NOT_IN_TITLES = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A block with what chapters are matched by."""

    index: int
    page: int
    kind: BlockKind
    title: str  # folded


def find_chapters(
    blocks: Sequence[Block],
    paragraphs: Sequence[Paragraph],
    outline: Sequence[OutlineEntry],
) -> list[Chapter]:
    """Return the chapters of a document, in reading order; none if it is short."""
    chapters = _from_outline(blocks, paragraphs, outline)
    if len(chapters) < LEAST_HEADINGS:
        from_headings = _from_headings(blocks, paragraphs)
        chapters = from_headings or chapters
    return chapters or _parts(blocks)


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


def _from_outline(
    blocks: Sequence[Block],
    paragraphs: Sequence[Paragraph],
    outline: Sequence[OutlineEntry],
) -> list[Chapter]:
    anchors: dict[str, int] = {}
    on_page: dict[int, list[Block]] = defaultdict(list)
    for block in blocks:
        if block.part == 0 and paragraphs[block.paragraph].anchor:
            anchors.setdefault(paragraphs[block.paragraph].anchor, block.index)
        if block.kind is not BlockKind.FURNITURE:
            on_page[block.page].append(block)
    chapters: list[Chapter] = []
    earliest = 0
    for entry in outline:
        index = anchors.get(entry.anchor) if entry.anchor else None
        if index is None and entry.page is not None:
            index = _on_page(entry, on_page, earliest)
        title = " ".join(entry.title.split())[:TITLE_CHARS]
        if index is None or index < earliest or not title:
            continue
        chapters.append(Chapter(title, max(1, entry.level), index))
        earliest = index
    return chapters


def _on_page(
    entry: OutlineEntry, on_page: dict[int, list[Block]], earliest: int
) -> int | None:
    """Return the block on an entry's page that says its title, else the first."""
    wanted = fold(entry.title)
    here = [b for b in on_page.get(entry.page or 0, []) if b.index >= earliest]
    if not here:
        later = (p for p in sorted(on_page) if p > (entry.page or 0))
        page = next(later, None)
        return on_page[page][0].index if page is not None else None
    for block in here:
        shown = fold(block.shown[: TITLE_CHARS * 2])
        if wanted and (shown.startswith(wanted) or shown.endswith(wanted)):
            return block.index
        if len(shown) >= 4 and wanted.endswith(shown):
            return block.index
    return here[0].index


def _from_headings(
    blocks: Sequence[Block], paragraphs: Sequence[Paragraph]
) -> list[Chapter]:
    headings = [b for b in blocks if b.kind is BlockKind.HEADING and b.part == 0]
    spoken = sum(block.kind is not BlockKind.FURNITURE for block in blocks)
    if len(headings) < LEAST_HEADINGS or len(headings) > MOST_HEADINGS_SHARE * spoken:
        return []
    levels = sorted({block.level for block in headings})
    return [
        Chapter(
            " ".join(paragraphs[block.paragraph].text.split())[:TITLE_CHARS],
            levels.index(block.level) + 1,
            block.index,
        )
        for block in headings
    ]


def _parts(blocks: Sequence[Block]) -> list[Chapter]:
    """Return parts of about ten minutes, each beginning with a paragraph."""
    text = [b for b in blocks if b.kind is not BlockKind.FURNITURE]
    if sum(len(block.shown) for block in text) < 2 * PART_CHARS:
        return []
    chapters: list[Chapter] = []
    chars = PART_CHARS
    for block in text:
        if chars >= PART_CHARS and block.part == 0:
            chapters.append(Chapter(f"Part {len(chapters) + 1}", 1, block.index))
            chars = 0
        chars += len(block.shown)
    return chapters
