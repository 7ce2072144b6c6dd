"""Printed rows: recognised lines cleaned, put together where one row came in
pieces, and in the order they are read.

The order of the engine is kept unless it is provably scrambled: the order in which
a page was written is right more often than any that is worked out from geometry.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from lectern.documents.characters import SOFT_HYPHEN, clean
from lectern.documents.pages import Box, Line, RecognisedPage, RecognitionMethod

LEAST_SIZE_PT = 2.5
"""Smaller sizes are a broken font matrix, not letters anybody could read."""
USUAL_SIZE_PT = 10.0
USUAL_WIDTH_PT, USUAL_HEIGHT_PT = 595.0, 842.0
OCR = (RecognitionMethod.TESSERACT, RecognitionMethod.RAPIDOCR)
OCR_SAME_SIZE = (0.7, 1.3)
"""Heights of lines within this range of the usual one are of one size."""
MISREAD_BULLET = re.compile(r"[•¢©®°«»*+eo]\s+[A-Z]")
SURE_BULLETS = "•¢©®°«»"
BULLETS_ON_PAGE = 3
TELLING_CHARS = 16
WIDEST_LETTER_EM = 0.72
"""Mean width of letters that no font reaches over a whole row."""
SAME_ROW_SHARE = 0.55
"""Of the lower of two lines' heights, for them to stand side by side."""
INITIAL_SIZE = 1.6
MARK_CHARS = 6
"""Longer pieces of another size belong to something else: a figure beside text."""
CELL_GAP_EM = 1.6
"""Blank between two pieces of a row, past which they are cells of a table."""
GLUED_GAP_EM = 0.12
SCRAMBLED_SHARE = 0.2
"""Of a page's line changes that go back up within a column; more is no order."""
SCRAMBLED_JUMPS = 3
PROSE_CHARS = 24
"""Cells of a table are mostly shorter."""
INTERLEAVED_PAIRS = 5
GUTTER_EDGES = (0.25, 0.75)  # of the width; gutters outside are margins
GUTTER_CROSSED_SHARE = 0.3  # of a page's lines may cross it: titles, figures
GUTTER_SIDE_ROWS = 4
RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


@dataclass(slots=True)
class Row:
    """One printed row of one column, or one row of a table."""

    text: str
    left: float  # fractions of the page from its upper left corner, as are the next
    top: float
    right: float
    bottom: float
    size_pt: float
    bold: bool
    italic: bool
    page: int  # one-based
    em: float  # width of the font's em as a fraction of the page's width
    cells: list[str] = field(default_factory=list)  # when set apart by wide gaps

    @property
    def middle(self) -> float:
        """Return the height of the row's middle."""
        return (self.top + self.bottom) / 2


def rows_of(page: RecognisedPage, lines: Sequence[Line]) -> list[Row]:
    """Return some of a page's lines as rows in reading order."""
    pieces = [row for line in _with_boxes(lines) for row in _pieces(page, line)]
    usual = median([p.size_pt for p in pieces if p.size_pt] or [USUAL_SIZE_PT])
    width = page.width_pt or USUAL_WIDTH_PT
    for piece in pieces:
        if not piece.size_pt or _is_wider_than_its_size(piece, width):
            piece.size_pt = usual
        piece.em = piece.size_pt / width
    if page.method in OCR:
        _mend_recognised(pieces, usual, width)
    is_rtl = _is_rtl(pieces)
    is_by_rows = page.method is RecognitionMethod.RAPIDOCR
    if is_by_rows or is_scrambled(pieces) or is_interleaved(pieces):
        pieces = in_columns(pieces, is_rtl=is_rtl)
    rows = _side_by_side(pieces, is_rtl=is_rtl)
    _even_out_sizes(rows)
    return rows


def _even_out_sizes(rows: Sequence[Row]) -> None:
    """Give a row the size of the rows around it where only an index was measured."""
    for above, row, below in zip(rows, rows[1:], rows[2:], strict=False):
        if row.size_pt == above.size_pt or above.size_pt != below.size_pt:
            continue
        height, usual = row.bottom - row.top, above.bottom - above.top
        if abs(height - usual) < 0.15 * usual and row.size_pt < above.size_pt:
            row.size_pt, row.em = above.size_pt, above.em


def _mend_recognised(pieces: Sequence[Row], usual_pt: float, width_pt: float) -> None:
    """Mend what is measured and misread in pictures of text.

    A line's height says whether it has a "p" or an "l" rather than its size: it
    counts only where the width of its letters agrees. Round bullets are read as
    signs that nobody begins a line with.
    """
    letter_pt = median([_letter_pt(piece, width_pt) for piece in pieces] or [1.0])
    for piece in pieces:
        taller = piece.size_pt / usual_pt
        wider = _letter_pt(piece, width_pt) / max(letter_pt, 0.1)
        agrees = (taller > 1 and wider > 1.15) or (taller < 1 and wider < 0.87)
        agrees = agrees and not piece.text[0].islower()
        if not agrees or OCR_SAME_SIZE[0] < taller < OCR_SAME_SIZE[1]:
            piece.size_pt = usual_pt
        piece.em = piece.size_pt / width_pt
    misread = [piece for piece in pieces if MISREAD_BULLET.match(piece.text)]
    if sum(piece.text[0] in SURE_BULLETS for piece in misread) >= BULLETS_ON_PAGE:
        for piece in misread:
            piece.text = f"• {piece.text[1:].lstrip()}"


def _letter_pt(piece: Row, width_pt: float) -> float:
    return (piece.right - piece.left) * width_pt / max(1, len(piece.text))


def _is_wider_than_its_size(piece: Row, width_pt: float) -> bool:
    """Return whether a stated size is that of an index amid larger letters."""
    if len(piece.text) < TELLING_CHARS or not piece.text.isascii():
        return False
    letter_pt = (piece.right - piece.left) * width_pt / len(piece.text)
    return letter_pt > WIDEST_LETTER_EM * piece.size_pt


def _with_boxes(lines: Sequence[Line]) -> Iterable[Line]:
    """Yield lines with a box each: without one, as if typed below each other."""
    if all(line.box is not None for line in lines):
        return lines
    widest = max(len(line.text) for line in lines)
    height = 1 / max(50, len(lines))
    return [
        line
        if line.box is not None
        else Line(
            line.text,
            Box(
                0.1, n * height, 0.1 + 0.8 * len(line.text) / widest, (n + 0.8) * height
            ),
            None,
            line.bold,
            line.italic,
        )
        for n, line in enumerate(lines)
    ]


def _pieces(page: RecognisedPage, line: Line) -> Iterable[Row]:
    """Yield a line as rows: an inner soft hyphen is the end of one row."""
    box = line.box
    if box is None:
        return
    size_pt = line.font_size_pt or 0.0
    if size_pt < LEAST_SIZE_PT:
        size_pt = 0.0
    parts = _broken_at_soft_hyphens(line.text)
    height = (box.bottom - box.top) / len(parts)
    for n, part in enumerate(parts):
        text = clean(part).strip()
        if text and text != SOFT_HYPHEN:
            yield Row(
                text,
                box.left,
                box.top + n * height,
                box.right,
                box.top + (n + 1) * height,
                size_pt or _size_by_height(page, height),
                line.bold,
                line.italic,
                page.number,
                0.0,
            )


def _broken_at_soft_hyphens(text: str) -> list[str]:
    if text.find(SOFT_HYPHEN, 0, -1) < 0:
        return [text]
    parts = [part + SOFT_HYPHEN for part in text.split(SOFT_HYPHEN)]
    last = parts.pop()[:-1]
    return [*parts, last] if last else parts


def _size_by_height(page: RecognisedPage, height: float) -> float:
    """Return a font size for pictures of text, whose fonts are unknown."""
    if page.method in OCR:
        return round(height * (page.height_pt or USUAL_HEIGHT_PT), 1)
    return 0.0


def _is_rtl(rows: Sequence[Row]) -> bool:
    letters = [row.text for row in rows if not row.text.isascii()]
    return sum(RTL.search(text) is not None for text in letters) * 2 > len(rows)


def is_scrambled(rows: Sequence[Row]) -> bool:
    """Return whether rows jump back up within a column too often to be an order.

    A page is not scrambled by going up to the next column, nor by a figure whose
    labels come in any order: only by rows of one column that are out of order.
    """
    jumps = 0
    for above, below in itertools.pairwise(rows):
        if below.bottom > above.top + 0.002:
            continue
        shared = min(above.right, below.right) - max(above.left, below.left)
        narrower = min(above.right - above.left, below.right - below.left)
        jumps += shared > 0.5 * narrower
    return jumps >= SCRAMBLED_JUMPS and jumps > SCRAMBLED_SHARE * len(rows)


def is_interleaved(rows: Sequence[Row]) -> bool:
    """Return whether running text of two columns comes row by row."""
    pairs = sum(
        len(a.text) >= PROSE_CHARS
        and len(b.text) >= PROSE_CHARS
        and b.left - a.right > 0.8 * b.em
        and _stand_in_one_row(a, b, is_rtl=False)
        for a, b in itertools.pairwise(rows)
    )
    return pairs >= INTERLEAVED_PAIRS and pairs > 0.3 * len(rows)


def in_columns(rows: Sequence[Row], *, is_rtl: bool) -> list[Row]:
    """Return rows column by column, by where they stand alone.

    Rows that cross the gutter, as titles and wide figures do, part the page into
    bands; within a band one column follows the other.
    """
    by_height = sorted(rows, key=lambda row: (round(row.middle, 3), row.left))
    gutter = _gutter(by_height)
    if gutter is None:
        return by_height
    ordered: list[Row] = []
    left: list[Row] = []
    right: list[Row] = []

    def close_band() -> None:
        columns = (right, left) if is_rtl else (left, right)
        for column in columns:
            ordered.extend(in_columns(column, is_rtl=is_rtl))
            column.clear()

    for row in by_height:
        if row.left < gutter - 0.01 and row.right > gutter + 0.01:
            close_band()
            ordered.append(row)
        else:
            (left if row.right <= gutter + 0.01 else right).append(row)
    close_band()
    return ordered


def _gutter(rows: Sequence[Row]) -> float | None:
    """Return where a blank stripe parts rows into two columns, if one does."""
    if len(rows) < 2 * GUTTER_SIDE_ROWS:
        return None
    outer_left = min(row.left for row in rows)
    width = max(row.right for row in rows) - outer_left
    best: tuple[int, float, float] | None = None
    for step in range(51):
        share = GUTTER_EDGES[0] + (GUTTER_EDGES[1] - GUTTER_EDGES[0]) * step / 50
        x = outer_left + width * share
        left = sum(row.right <= x for row in rows)
        right = sum(row.left >= x for row in rows)
        crossing = len(rows) - left - right
        if min(left, right) < GUTTER_SIDE_ROWS:
            continue
        if crossing > GUTTER_CROSSED_SHARE * len(rows):
            continue
        found = (crossing, abs(share - 0.5), x)
        best = min(best, found) if best else found
    return best[2] if best else None


def _side_by_side(pieces: Sequence[Row], *, is_rtl: bool) -> list[Row]:
    """Return rows with the pieces that stand side by side put together."""
    rows: list[Row] = []
    for piece in pieces:
        before = rows[-1] if rows else None
        if before is None or not _stand_in_one_row(before, piece, is_rtl=is_rtl):
            rows.append(piece)
            continue
        gap = before.left - piece.right if is_rtl else piece.left - before.right
        if gap > CELL_GAP_EM * max(before.em, piece.em):
            before.cells = [*(before.cells or [before.text]), piece.text]
            before.text = f"{before.text} {piece.text}"
        else:
            blank = "" if gap < GLUED_GAP_EM * before.em else " "
            if piece.text[0] in ",.;:)]":
                blank = ""
            before.text = f"{before.text}{blank}{piece.text}"
            if before.cells:
                before.cells[-1] = f"{before.cells[-1]}{blank}{piece.text}"
        _widen(before, piece)
    return rows


def _stand_in_one_row(before: Row, piece: Row, *, is_rtl: bool) -> bool:
    shared = min(before.bottom, piece.bottom) - max(before.top, piece.top)
    lower = min(before.bottom - before.top, piece.bottom - piece.top)
    if shared <= SAME_ROW_SHARE * lower:
        return False
    larger, smaller = (
        max(before.size_pt, piece.size_pt),
        min(before.size_pt, piece.size_pt),
    )
    if larger > INITIAL_SIZE * smaller and len(before.text) <= 2:
        return False  # a large initial, which is no cell and no word
    if larger > 1.3 * smaller and min(len(before.text), len(piece.text)) > MARK_CHARS:
        return False
    if is_rtl:
        return piece.right <= before.left + 0.5 * piece.em
    return piece.left >= before.right - 0.5 * piece.em


def _widen(row: Row, piece: Row) -> None:
    row.left, row.right = min(row.left, piece.left), max(row.right, piece.right)
    row.top, row.bottom = min(row.top, piece.top), max(row.bottom, piece.bottom)
    row.bold, row.italic = row.bold and piece.bold, row.italic and piece.italic
    row.size_pt = max(row.size_pt, piece.size_pt)
