"""Reading order of printed lines, from where they stand on the page.

For engines that find lines but not their order. Columns are looked for as strips
that a run of lines leaves empty; what stands above and below a run, as titles do,
is put in order by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

STRIP_STEPS = 200
"""Places across the page at which a strip between columns is tried."""
SLACK = 0.006
"""Of the page width: lines may reach so far into a strip, as scans are askew."""
COLUMN_LINES = 3
"""Fewer lines side by side are a table row or a caption, not columns."""
COLUMN_WIDTH = 0.12
"""Of the page width: lines narrower than this, half of them, are cells."""
SHARED_HEIGHT = 0.5
"""Of the shorter column: how much of it stands beside the other."""
WIDE_GAP_LINES = 0.7
"""Of a line's height: space above a line that starts something new."""
SAME_ROW = 0.5
"""Of the lower line's height: overlap of two pieces of one printed line."""
MANY_LINES = 1500


class Placed(Protocol):
    """Anything with edges, as fractions of the page."""

    @property
    def left(self) -> float: ...
    @property
    def top(self) -> float: ...
    @property
    def right(self) -> float: ...
    @property
    def bottom(self) -> float: ...


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring lines that leave one strip empty."""

    first: int  # place among the lines by their top
    past: int
    strip: float


def reading_order(boxes: Sequence[Placed]) -> list[int]:
    """Return the places of the boxes in the order they are read."""
    chosen = sorted(range(len(boxes)), key=lambda i: boxes[i].top)
    if len(boxes) > MANY_LINES:
        return _by_rows(chosen, boxes)
    return _ordered(chosen, boxes)


def _ordered(chosen: list[int], boxes: Sequence[Placed]) -> list[int]:
    """Return lines, given by their top, in reading order."""
    run = _longest_run(chosen, boxes)
    if run is None:
        return _by_rows(chosen, boxes)
    beside = chosen[run.first : run.past]
    left = [i for i in beside if _is_left(boxes[i], run.strip)]
    right = [i for i in beside if not _is_left(boxes[i], run.strip)]
    return [
        *_ordered(chosen[: run.first], boxes),
        *_ordered(left, boxes),
        *_ordered(right, boxes),
        *_ordered(chosen[run.past :], boxes),
    ]


def _longest_run(chosen: list[int], boxes: Sequence[Placed]) -> _Run | None:
    best, most = None, 0
    for step in range(1, STRIP_STEPS):
        for run in _runs(chosen, boxes, step / STRIP_STEPS):
            lines = [boxes[i] for i in chosen[run.first : run.past]]
            balance = _balance(lines, run.strip)
            if balance > most and _are_columns(lines, run.strip):
                best, most = run, balance
    return best


def _runs(chosen: list[int], boxes: Sequence[Placed], strip: float) -> list[_Run]:
    """Return the runs of lines that do not cross a strip."""
    crossing = [
        place
        for place, index in enumerate(chosen)
        if boxes[index].left < strip - SLACK and boxes[index].right > strip + SLACK
    ]
    edges = [-1, *crossing, len(chosen)]
    return [
        _Run(
            before + 1,
            _end(chosen[before + 1 : after], boxes, strip) + before + 1,
            strip,
        )
        for before, after in pairwise(edges)
        if after - before > COLUMN_LINES * 2
    ]


def _end(beside: list[int], boxes: Sequence[Placed], strip: float) -> int:
    """Return where columns end, without a heading that follows below them."""
    lines = [boxes[i] for i in beside]
    past = len(lines)
    while past > COLUMN_LINES * 2:
        last = lines[past - 1]
        side = _is_left(last, strip)
        above = [line for line in lines[: past - 1] if _is_left(line, strip) == side]
        other = [line for line in lines[: past - 1] if _is_left(line, strip) != side]
        if not above or not other or last.top < max(line.bottom for line in other):
            break
        gap = last.top - max(line.bottom for line in above)
        if gap < WIDE_GAP_LINES * (last.bottom - last.top):
            break
        past -= 1
    return past


def _balance(lines: list[Placed], strip: float) -> int:
    """Return how many lines both sides have at least."""
    left = sum(_is_left(line, strip) for line in lines)
    return min(left, len(lines) - left)


def _are_columns(lines: list[Placed], strip: float) -> bool:
    """Return whether both sides are columns of text and not cells of rows."""
    left = [line for line in lines if _is_left(line, strip)]
    right = [line for line in lines if not _is_left(line, strip)]
    if min(len(left), len(right)) < COLUMN_LINES:
        return False
    widths = sorted(line.right - line.left for line in lines)
    if widths[len(widths) // 2] < COLUMN_WIDTH:
        return False
    tops = [min(line.top for line in side) for side in (left, right)]
    bottoms = [max(line.bottom for line in side) for side in (left, right)]
    shorter = min(b - t for t, b in zip(tops, bottoms, strict=True))
    return min(bottoms) - max(tops) > SHARED_HEIGHT * shorter


def _is_left(line: Placed, strip: float) -> bool:
    return (line.left + line.right) / 2 < strip


def _by_rows(chosen: list[int], boxes: Sequence[Placed]) -> list[int]:
    """Return lines from top to bottom, those of one printed row left to right."""
    rows: list[list[int]] = []
    for index in chosen:
        if rows and _same_row(boxes[rows[-1][0]], boxes[index]):
            rows[-1].append(index)
        else:
            rows.append([index])
    return [i for row in rows for i in sorted(row, key=lambda i: boxes[i].left)]


def _same_row(first: Placed, second: Placed) -> bool:
    overlap = min(first.bottom, second.bottom) - max(first.top, second.top)
    height = min(first.bottom - first.top, second.bottom - second.top)
    return overlap > SAME_ROW * height
