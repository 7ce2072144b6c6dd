"""Printed groups joined to whole paragraphs: over lines, columns and pages.

A paragraph that goes on after a page break stays at the place where it begins; the
notes, captions and running heads in between follow it, so that nothing is read in
the middle of a sentence.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lectern.documents.hyphens import Vocabulary, is_broken, join_lines
from lectern.documents.kinds import Printed
from lectern.documents.layout import (
    INDENT_EM,
    SIZE_CHANGE,
    Group,
    ended_early,
    ends_sentence,
)
from lectern.documents.pages import BlockKind
from lectern.documents.paragraphs import CELL_MARK, Paragraph
from lectern.documents.rows import Row
from lectern.documents.textures import Texture

VERSE_SHARE = 0.6
"""Of a group's lines that end where the next word had room: meant line ends."""
VERSE_ROWS = 3
FULL_EM = 3.0
UNFINISHED_CHARS = 80
DROP_CAP_SIZE = 1.6
FLOATS = frozenset(
    {
        BlockKind.FURNITURE,
        BlockKind.FOOTNOTE,
        BlockKind.CAPTION,
        BlockKind.TABLE,
        BlockKind.CODE,
    }
)
RUNNING = frozenset({BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.QUOTE})


@dataclass(slots=True)
class Draft:
    """A paragraph that may still go on."""

    kind: BlockKind
    level: int
    text: str
    page: int
    last_group: Group | None = None  # None for furniture
    page_starts: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PrintedPage:
    """The groups of one page, and the furniture at its head and foot."""

    number: int
    printed: Sequence[Printed]
    head: str = ""
    foot: str = ""


def flow(pages: Iterable[PrintedPage], vocabulary: Vocabulary) -> list[Paragraph]:
    """Return the paragraphs of a printed document."""
    drafts: list[Draft] = []
    open_draft: Draft | None = None
    breaks: set[BlockKind] = set()
    for page in pages:
        if page.head:
            drafts.append(Draft(BlockKind.FURNITURE, 0, page.head, page.number))
        for printed in with_drop_caps(page.printed):
            draft = _draft(printed, vocabulary)
            if open_draft is not None and _goes_on(open_draft, draft, breaks):
                _continue(open_draft, draft, vocabulary)
                breaks.clear()
                continue
            if _are_labels(drafts, draft):
                drafts[-1].text += f" · {draft.text}"
                continue
            drafts.append(draft)
            if draft.kind in RUNNING:
                open_draft = draft
                breaks.clear()
            elif draft.kind in FLOATS or _may_interrupt(open_draft, draft):
                breaks.add(draft.kind)
            else:
                open_draft = None
        if page.foot:
            drafts.append(Draft(BlockKind.FURNITURE, 0, page.foot, page.number))
        breaks.add(BlockKind.FURNITURE)
    return [_paragraph(draft) for draft in drafts if draft.text]


def _are_labels(drafts: Sequence[Draft], draft: Draft) -> bool:
    """Return whether a draft is one more label of the figure the last one was of."""
    if not drafts or draft.kind is not BlockKind.FURNITURE:
        return False
    last = drafts[-1]
    return (
        last.kind is BlockKind.FURNITURE
        and last.last_group is not None
        and last.page == draft.page
    )


def _paragraph(draft: Draft) -> Paragraph:
    return Paragraph(
        draft.kind,
        draft.text,
        draft.page,
        level=draft.level,
        page_starts=tuple(draft.page_starts),
    )


def _draft(printed: Printed, vocabulary: Vocabulary) -> Draft:
    group = printed.group
    text = group_text(group, vocabulary)
    return Draft(printed.kind, printed.level, text, group.first.page, group)


def group_text(group: Group, vocabulary: Vocabulary) -> str:
    """Return the rows of a group as one text."""
    rows = group.rows
    if group.texture is Texture.TABLE:
        return "\n".join(CELL_MARK.join(row.cells) or row.text for row in rows)
    if group.texture is not Texture.PROSE:
        return "\n".join(row.text for row in rows)
    if len(rows) == 1:
        return rows[0].text
    is_verse = _is_verse(group)
    text = rows[0].text
    for above, row in itertools.pairwise(rows):
        if is_verse and ended_early(above, row, group.segment):
            text = f"{text}\n{row.text}"
        else:
            text = join_lines(text, row.text, vocabulary)
    return text


def _is_verse(group: Group) -> bool:
    rows = group.rows
    if len(rows) < VERSE_ROWS:
        return False
    early = sum(
        ended_early(above, row, group.segment)
        for above, row in itertools.pairwise(rows)
    )
    return early >= VERSE_SHARE * (len(rows) - 1)


def _goes_on(before: Draft, draft: Draft, breaks: set[BlockKind]) -> bool:
    """Return whether a paragraph is the rest of one that began before a break."""
    group, last_group = draft.last_group, before.last_group
    if draft.kind is not BlockKind.PARAGRAPH or group is None or last_group is None:
        return False
    if BlockKind.HEADING in breaks and not draft.text[0].islower():
        return False
    if not (group.is_column_head or breaks):
        return False
    larger, smaller = sorted((group.size_pt, last_group.size_pt), reverse=True)
    if larger > SIZE_CHANGE * smaller:
        return False
    if is_broken(before.text):
        return True
    if ends_sentence(before.text):
        return False
    if draft.text[0].islower() or before.text[-1] == ",":
        return True
    return _is_full(last_group) and not _is_indented(group)


def _may_interrupt(before: Draft | None, draft: Draft) -> bool:
    """Return whether a heading stands at a column's head amid a long sentence."""
    if before is None or draft.kind is not BlockKind.HEADING:
        return False
    is_at_head = draft.last_group is not None and draft.last_group.is_column_head
    is_unfinished = before.text[-1].isalpha() or before.text[-1] == ","
    return is_at_head and is_unfinished and len(before.text) >= UNFINISHED_CHARS


def _is_full(group: Group) -> bool:
    last: Row = group.last
    return last.right > group.segment.right - FULL_EM * last.em


def _is_indented(group: Group) -> bool:
    first = group.first
    return first.left > group.segment.left + INDENT_EM * first.em


def _continue(before: Draft, draft: Draft, vocabulary: Vocabulary) -> None:
    joined = join_lines(before.text, draft.text, vocabulary)
    page = before.page_starts[-1][1] if before.page_starts else before.page
    if draft.page != page:
        start = len(joined) - len(draft.text)
        # A word that is broken by the page's end belongs to the page it begins on.
        before.page_starts.append((start, draft.page))
    before.text = joined
    before.last_group = draft.last_group


def with_drop_caps(printed: Sequence[Printed]) -> list[Printed]:
    """Return groups with a large initial put before the text it begins."""
    found: list[Printed] = []
    for item in printed:
        before = found[-1] if found else None
        if before is not None and _is_drop_cap(before.group, item.group):
            found.pop()
            row = item.group.first
            row.text = before.group.first.text + row.text
        found.append(item)
    return found


def _is_drop_cap(group: Group, follows: Group) -> bool:
    first, row = group.first, follows.first
    if len(group.rows) != 1 or len(first.text) > 2 or not first.text[0].isupper():
        return False
    beside = first.top - 0.01 <= row.middle <= first.bottom + 0.01
    return (
        beside and first.size_pt > DROP_CAP_SIZE * row.size_pt and row.left > first.left
    )
