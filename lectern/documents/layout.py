"""Printed rows grouped to paragraphs by how they are set: gaps, indents, short last
lines, changes of size, marks of list items.

How a row looks by itself is told in ``textures``, what a group *is* in ``kinds``, how
groups go on over columns and pages in ``flow``.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from lectern.documents.hyphens import is_broken
from lectern.documents.rows import Row
from lectern.documents.textures import CAPTION, Texture, textures_of

PARAGRAPH_GAP = 1.32
"""Line pitches from one row to the next past which a new paragraph begins."""
SIZE_CHANGE = 1.12
INDENT_EM = 0.7
COLUMN_SHIFT_EM = 4.5
EDGE_EM = 0.4
EDGE_ROWS = 3
CENTRED_EM = 0.8
FULL_ROW_EM = 1.2
USUAL_PITCH = 1.25  # of the font size, where a page has too few rows to measure

SENTENCE_END = re.compile(r"[.!?…:;。！？؟۔।॥។:]['\"”’»›)\]】」』⁰¹²³⁴-⁹\d]{0,5}$")
SENTENCE_END_CHARS = 7
"""What ends a sentence, its closing signs included, is no longer."""
LIST_MARK = re.compile(
    r"^(?:[•‣◦▪▫●○■□◆◇➢➤✓✔·∙∗*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\[\d{1,3}\])"
    r"\s+\S"
)
BULLET = re.compile(r"^[•‣◦▪▫●○■□◆◇➢➤✓✔∙]")


@dataclass(slots=True)
class Segment:
    """Rows below each other in one column and one size, and how they are set."""

    left: float
    right: float
    pitch: float
    rows: int


@dataclass(slots=True)
class Group:
    """The rows of one paragraph in one column."""

    rows: list[Row]
    segment: Segment
    texture: Texture
    gap_before: float  # in pitches; large at a column's head
    is_column_head: bool
    chars: int = 0

    @property
    def first(self) -> Row:
        """Return the first row."""
        return self.rows[0]

    @property
    def last(self) -> Row:
        """Return the last row."""
        return self.rows[-1]

    @property
    def size_pt(self) -> float:
        """Return the font size of the middle row."""
        return self.rows[len(self.rows) // 2].size_pt

    @property
    def is_bold(self) -> bool:
        """Return whether every row is bold."""
        return self.rows[0].bold and all(row.bold for row in self.rows)


def group_rows(rows: Sequence[Row]) -> list[Group]:
    """Return the rows of one page as paragraphs, in their order."""
    if not rows:
        return []
    textures = textures_of(rows)
    segments = _segments(rows, textures)
    groups = [_group(rows[0], segments[0], textures[0], gap=9.0, is_head=True)]
    for n in range(1, len(rows)):
        row, before = rows[n], rows[n - 1]
        gap, is_head = _gap(before, row, segments[n].pitch)
        group = groups[-1]
        follows = rows[n + 1] if n + 1 < len(rows) else None
        goes_on = (
            not is_head
            and textures[n] is group.texture
            and not _starts_new(group, row, follows, gap=gap, segment=segments[n])
        )
        if goes_on:
            group.rows.append(row)
        else:
            groups.append(
                _group(row, segments[n], textures[n], gap=gap, is_head=is_head)
            )
    for group in groups:
        group.chars = sum(len(row.text) for row in group.rows)
    return groups


def _group(
    row: Row, segment: Segment, texture: Texture, *, gap: float, is_head: bool
) -> Group:
    return Group([row], segment, texture, gap, is_head)


def _segments(rows: Sequence[Row], textures: Sequence[Texture]) -> list[Segment]:
    """Return for each row the stretch of like rows it stands in."""
    starts = [
        n
        for n in range(len(rows))
        if n == 0
        or textures[n] is not textures[n - 1]
        or not _is_like(rows[n - 1], rows[n])
    ]
    segments: list[Segment] = []
    steps = _steps(rows)
    page_pitch = _pitch(rows, steps, None)
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        part = rows[start:end]
        left = min(row.left for row in part)
        pitch = _pitch(part, steps[start : end - 1], page_pitch)
        by_edge: dict[float, Segment] = {}
        for edge in _right_edges(part):
            if edge not in by_edge:
                by_edge[edge] = Segment(left, edge, pitch, len(part))
            segments.append(by_edge[edge])
    return segments


def _right_edges(rows: Sequence[Row]) -> list[float]:
    """Return for each row where its lines end when they are full.

    That is the edge that three rows in a run share. A wide caption may stand right
    above a narrow column, so that the widest row of a segment says too much.
    """
    widest = max(row.right for row in rows)
    edges: list[float | None] = [None] * len(rows)
    start = 0
    for n in range(1, len(rows) + 1):
        tolerance = EDGE_EM * rows[start].em
        if n < len(rows) and abs(rows[n].right - rows[start].right) <= tolerance:
            continue
        if n - start >= EDGE_ROWS:
            edges[start:n] = [max(row.right for row in rows[start:n])] * (n - start)
        start = n
    return _spread(edges, default=widest)


def _spread(edges: Sequence[float | None], *, default: float) -> list[float]:
    """Return edges with the unknown ones taken from the nearest known one."""
    known = [n for n, edge in enumerate(edges) if edge is not None]
    if not known:
        return [default] * len(edges)
    values = [edges[n] or default for n in known]
    if max(values) - min(values) < 0.02:
        return [max(values)] * len(edges)
    spread: list[float] = []
    place = 0
    for n in range(len(edges)):
        while place + 1 < len(known) and abs(known[place + 1] - n) <= abs(
            known[place] - n
        ):
            place += 1
        spread.append(values[place])
    return spread


def _is_like(above: Row, below: Row) -> bool:
    if below.top < above.top - 0.002 or _differ(above.size_pt, below.size_pt):
        return False
    if _are_apart(above, below):
        return False
    shift = abs(above.left - below.left)
    return shift <= COLUMN_SHIFT_EM * above.em or _are_centred(above, below)


def _are_apart(row: Row, other: Row) -> bool:
    """Return whether neither row stands above any part of the other."""
    right = row.right if row.right < other.right else other.right
    left = row.left if row.left > other.left else other.left
    return right <= left


def _differ(size_pt: float, other_pt: float) -> bool:
    return size_pt > SIZE_CHANGE * other_pt or other_pt > SIZE_CHANGE * size_pt


def _are_centred(above: Row, below: Row) -> bool:
    if abs(above.left - below.left) < INDENT_EM * above.em:
        return False
    return abs(above.left + above.right - below.left - below.right) < (
        CENTRED_EM * above.em
    )


def _steps(rows: Sequence[Row]) -> list[float | None]:
    """Return how far it is from each row down to the next, where that is near."""
    steps: list[float | None] = []
    for above, below in itertools.pairwise(rows):
        step = min(below.top - above.top, below.bottom - above.bottom)
        is_near = 0.002 < step < 4 * (above.bottom - above.top + 0.004)
        steps.append(step if is_near else None)
    return steps


def _pitch(
    rows: Sequence[Row], all_steps: Sequence[float | None], fallback: float | None
) -> float:
    """Return the median distance from one row to the next."""
    steps = [step for step in all_steps if step is not None]
    if len(steps) >= 3 or (steps and fallback is None):
        return median(steps)
    if steps and fallback is not None:
        height = median(row.bottom - row.top for row in rows)
        return min(min(steps), max(fallback, 1.35 * height))
    if fallback is not None:
        return fallback
    return USUAL_PITCH * median(row.bottom - row.top for row in rows) * 1.2


def _gap(above: Row, below: Row, pitch: float) -> tuple[float, bool]:
    """Return the way down in pitches, and whether a new column begins instead."""
    step = min(below.top - above.top, below.bottom - above.bottom)
    if step < -0.3 * pitch:
        return 9.0, True
    if step < 0.5 * pitch and _are_apart(above, below):
        return 9.0, True
    return step / pitch, False


def _starts_new(
    group: Group, row: Row, follows: Row | None, *, gap: float, segment: Segment
) -> bool:
    """Return whether a row begins a new paragraph below the group's last row."""
    if group.texture is not Texture.PROSE:
        return gap > 3.0
    last = group.last
    if is_broken(last.text) and gap < 2.5:
        return False
    if gap > PARAGRAPH_GAP or _differ(last.size_pt, row.size_pt):
        return True
    ended = ended_early(last, row, segment)
    if last.bold != row.bold and (ended or group.first.bold != row.bold):
        return ended or _is_heading_like(group)
    if CAPTION.match(row.text) and (ended or ends_sentence(last.text)):
        return True
    if LIST_MARK.match(row.text):
        is_sure = BULLET.match(row.text) is not None or _is_next_item(group, row)
        if is_sure or ended or ends_sentence(last.text):
            return not _is_wrapped_number(group, row)
    if _are_centred(last, row) and _is_inset(row, segment):
        return False
    if _is_indented_start(group, row, follows, ended=ended):
        return True
    return ended and ends_sentence(last.text)


def ends_sentence(text: str) -> bool:
    """Return whether a text's last sentence is at its end."""
    return SENTENCE_END.search(text, max(0, len(text) - SENTENCE_END_CHARS)) is not None


def _is_heading_like(group: Group) -> bool:
    return len(group.rows) <= 3 and group.is_bold


def _is_next_item(group: Group, row: Row) -> bool:
    """Return whether a row starts with the sign that the item above starts with."""
    first = group.first
    same_sign = first.text[0] == row.text[0] and not first.text[0].isalnum()
    return same_sign and abs(first.left - row.left) < INDENT_EM * row.em


def _is_wrapped_number(group: Group, row: Row) -> bool:
    """Return whether "12. The" only looks like a mark: it stands inside an item."""
    if BULLET.match(row.text) or not LIST_MARK.match(group.first.text):
        return False
    return row.left > group.first.left + INDENT_EM * row.em


def _is_inset(row: Row, segment: Segment) -> bool:
    return row.left > segment.left + INDENT_EM * row.em or segment.rows <= 4


def ended_early(last: Row, row: Row, segment: Segment) -> bool:
    """Return whether the next row's first word would have fitted on this one."""
    room, blank = segment.right - last.right, FULL_ROW_EM * last.em
    if room <= blank:  # as in nearly all rows
        return False
    word_chars = len(row.text.split(" ", 1)[0])
    char_width = (row.right - row.left) / max(1, len(row.text))
    return room > char_width * (word_chars + 1) + blank


def _is_indented_start(
    group: Group, row: Row, follows: Row | None, *, ended: bool
) -> bool:
    """Return whether a row's indent, against the group's own shape, says "new"."""
    tolerance = INDENT_EM * row.em
    first = group.first
    is_single = len(group.rows) == 1
    body_left = first.left if is_single else group.rows[1].left
    if body_left - tolerance <= row.left <= body_left + tolerance:  # as most rows
        return False
    is_further_in = row.left > body_left
    says_end = ended or ends_sentence(group.last.text)
    if is_single and is_further_in:  # a hanging indent, or a new start
        hangs = follows is not None and abs(follows.left - row.left) < tolerance
        return says_end and not (hangs and LIST_MARK.match(first.text))
    if is_single:
        return says_end and LIST_MARK.match(first.text) is not None
    if is_further_in:
        return says_end or follows is None or follows.left < row.left - tolerance
    return first.left < body_left - tolerance or says_end
