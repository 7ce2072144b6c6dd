"""Printed lines with their geometry from one page of pdfium's text layer.

A book has tens of thousands of lines and pdfium answers one question a call, so
each line is asked about a handful of its characters, never about all of them.
"""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import pypdfium2.raw as pdfium

from lectern.documents.pages import Box, Line

SOFT_HYPHEN = "\ufffe"  # pdfium's mark where a word was broken at a line end
LINE = re.compile(r"[^\s\ufffe][^\r\n\ufffe]*\ufffe?")
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
NOTE_MARK = re.compile(
    r"^\d{1,3}(?=[^\d.,:)\s])|^\d{1,3}(?= [^\W\d])"
    r"|(?<=[^\W\d_])\d{1,3}(?![\w.,]*\d)|(?<=[.,;:!?”’\")\]»])\d{1,3}(?=\s|$|[,;])"
)
DIGIT = re.compile("[0-9]")
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
RAISED_SIZE = 0.86
"""A note mark is set at most this large, next to the text it stands in."""
WIDE_GAP_EM = 2.2
SHORT_PIECE_CHARS = 5  # "1.", "(iv)", "•": marks stay with what they mark
PAGE_FRINGE = 0.02  # of the page; text wholly beyond its edge is not shown
BOLD_NAME = re.compile(rb"bold|black|heavy|semibd|[-,]bd|cmbx|\.b$", re.IGNORECASE)
ITALIC_NAME = re.compile(rb"ital|obliq|cmti|cmsl|\.i$", re.IGNORECASE)
FORCE_BOLD, ITALIC = 1 << 18, 1 << 6
Edges = tuple[float, float, float, float]  # left, bottom, right, top


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a page lies in its own coordinates, and how it is turned."""

    left: float
    bottom: float
    width: float
    height: float
    turn: int  # degrees clockwise by which it is shown: 0, 90, 180, 270

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Return a rectangle as fractions of the page as it is shown."""
        x0, x1 = (left - self.left) / self.width, (right - self.left) / self.width
        y0, y1 = (bottom - self.bottom) / self.height, (top - self.bottom) / self.height
        if self.turn == 0:
            return _clamped(x0, 1 - y1, x1, 1 - y0)
        if self.turn == 90:
            return _clamped(y0, x0, y1, x1)
        if self.turn == 180:
            return _clamped(1 - x1, y0, 1 - x0, y1)
        return _clamped(1 - y1, 1 - x1, 1 - y0, 1 - x0)


def _clamped(left: float, top: float, right: float, bottom: float) -> Box:
    low, high = -PAGE_FRINGE, 1.0 + PAGE_FRINGE
    if low <= left <= right <= high and low <= top <= bottom <= high:
        return Box(left, top, right, bottom)  # as of nearly all lines
    return Box(*(min(high, max(low, edge)) for edge in (left, top, right, bottom)))


@dataclass(frozen=True, slots=True)
class TextLayer:
    """What a page's text layer holds."""

    lines: tuple[Line, ...]
    turn: int  # degrees clockwise by which the page must be shown to be read

    @property
    def text(self) -> str:
        """Return all lines as one text."""
        return "\n".join(line.text for line in self.lines)


class LineReader:
    """Reads page after page into the same few C variables."""

    def __init__(self) -> None:
        self._edges = [ctypes.c_double() for _ in range(4)]
        self._edge_refs = [ctypes.byref(edge) for edge in self._edges]
        self._matrix = pdfium.FS_MATRIX()
        self._matrix_ref = ctypes.byref(self._matrix)
        self._name = ctypes.create_string_buffer(96)
        self._flags = ctypes.c_int()
        self._flags_ref = ctypes.byref(self._flags)
        self._faces: dict[bytes, tuple[bool, bool]] = {}

    def read(self, page: Any, textpage: Any, *, page_turn: int) -> TextLayer:
        """Return the lines of a page in content-stream order."""
        handle = textpage.raw
        lines = list(_ranges(textpage))
        turns = [self._turn(handle, start) for _, start, _ in lines]
        turn = _main_turn(lines, turns, page_turn)
        frame = _frame(page, turn)
        found: list[Line] = []
        for (text, start, end), line_turn in zip(lines, turns, strict=True):
            printed = self._line(handle, text, start, end, frame=frame)
            if line_turn != turn:
                printed = [replace(line, rotated=True) for line in printed]
            found.extend(printed)
        return TextLayer(tuple(found), turn)

    def _line(
        self, handle: Any, text: str, start: int, end: int, *, frame: Frame
    ) -> list[Line]:
        """Return a printed line, in parts where wide gaps set them apart."""
        edges = self._edges_of(handle, start, end)
        if not edges or _is_off_page(box := frame.box(*_hull(edges))):
            return []
        size_pt = self._size_pt(handle, start + _middle(text))
        bold, italic = self._face(handle, start)
        if bold or italic:
            last = self._face(handle, end - 1 - (text[-1] == SOFT_HYPHEN))
            bold, italic = bold and last[0], italic and last[1]
        if not text.isascii() and RIGHT_TO_LEFT.search(text):
            text = self._with_ligatures_righted(handle, text, start)
        shown = self._with_note_marks(handle, text, start, size_pt)
        line = Line(shown, box, round(size_pt, 1), bold, italic)
        gap = WIDE_GAP_EM * max(size_pt, 4.0)
        if len(edges) < 2 or not _has_gap(edges, gap, upright=frame.turn % 180 == 0):
            return [line]
        return self._pieces(handle, line, start, end, gap=gap, frame=frame)

    def _edges_of(self, handle: Any, start: int, end: int) -> list[Edges]:
        """Return the rectangles pdfium makes of a stretch of characters."""
        x0, y1, x1, y0 = self._edges
        found: list[Edges] = []
        for index in range(pdfium.FPDFText_CountRects(handle, start, end - start)):
            pdfium.FPDFText_GetRect(handle, index, *self._edge_refs)
            found.append((x0.value, y0.value, x1.value, y1.value))
        return found

    def _char_edges(self, handle: Any, index: int) -> tuple[float, float, float, float]:
        """Return left, right, bottom, top of one character."""
        pdfium.FPDFText_GetCharBox(handle, index, *self._edge_refs)
        left, right, bottom, top = self._edges
        return left.value, right.value, bottom.value, top.value

    def _size_pt(self, handle: Any, index: int) -> float:
        size: float = pdfium.FPDFText_GetFontSize(handle, index)
        if not pdfium.FPDFText_GetMatrix(handle, index, self._matrix_ref):
            return size
        return size * math.hypot(self._matrix.c, self._matrix.d)

    def _turn(self, handle: Any, index: int) -> int:
        """Return the quarter turn, degrees clockwise, that makes a character stand."""
        angle = pdfium.FPDFText_GetCharAngle(handle, index)
        # pdfium counts angles clockwise, and says -1 where it knows none.
        return -round(math.degrees(angle) / 90) % 4 * 90 if angle > 0 else 0

    def _face(self, handle: Any, index: int) -> tuple[bool, bool]:
        """Return whether a character's font is bold and italic."""
        pdfium.FPDFText_GetFontInfo(handle, index, self._name, 96, self._flags_ref)
        name = self._name.value
        known = self._faces.get(name)
        if known is None:
            flags = self._flags.value
            known = self._faces[name] = (
                bool(BOLD_NAME.search(name)) or bool(flags & FORCE_BOLD),
                bool(ITALIC_NAME.search(name)) or bool(flags & ITALIC),
            )
        return known

    def _with_ligatures_righted(self, handle: Any, text: str, start: int) -> str:
        """Return a line in which ligatures are spelled in reading order.

        pdfium turns right-to-left text round letter by letter, also inside a
        single glyph that stands for several letters.
        """
        placed = [
            (self._char_edges(handle, start + at), c) for at, c in enumerate(text)
        ]
        spelled: list[str] = []
        for _, glyph in groupby(placed, key=lambda pair: pair[0]):
            letters = "".join(c for _, c in glyph)
            is_turned = len(letters) > 1 and RIGHT_TO_LEFT.search(letters)
            spelled.append(letters[::-1] if is_turned else letters)
        return "".join(spelled)

    def _with_note_marks(
        self, handle: Any, text: str, start: int, size_pt: float
    ) -> str:
        """Return a line whose small raised numbers are written as superscripts."""
        if not DIGIT.search(text):
            return text
        marks = [
            m
            for m in NOTE_MARK.finditer(text)
            if self._is_raised(handle, start + m.start(), start + m.end(), size_pt)
        ]
        for mark in reversed(marks):
            raised = mark.group().translate(SUPERSCRIPT)
            text = text[: mark.start()] + raised + text[mark.end() :]
        return text

    def _is_raised(self, handle: Any, start: int, end: int, size_pt: float) -> bool:
        if self._size_pt(handle, start) > RAISED_SIZE * size_pt:
            return False
        beside = start - 1 if start > 0 else end
        _, _, bottom, top = self._char_edges(handle, start)
        _, _, bottom_beside, top_beside = self._char_edges(handle, beside)
        if top_beside - bottom_beside < 0.3 * size_pt:  # a full stop says little
            return bottom > bottom_beside + 0.15 * size_pt
        return (bottom + top) > (bottom_beside + top_beside)

    def _pieces(
        self,
        handle: Any,
        line: Line,
        start: int,
        end: int,
        *,
        gap: float,
        frame: Frame,
    ) -> list[Line]:
        """Return the parts of a line that wide gaps set apart, left to right."""
        text, along = line.text, (0, 1) if frame.turn % 180 == 0 else (2, 3)
        cuts = [
            at
            for at, char in enumerate(text)
            if char == " "
            and 0 < at < len(text) - 1
            and self._gap(handle, start + at, along) > gap
        ]
        if not cuts or cuts[0] <= SHORT_PIECE_CHARS:
            return [line]
        pieces = []
        for first, past in zip([0, *cuts], [*cuts, len(text)], strict=True):
            edges = self._edges_of(handle, start + first, min(end, start + past))
            if edges and (piece := text[first:past].strip()):
                box = frame.box(*_hull(edges))
                pieces.append(replace(line, text=piece, box=box))
        return pieces

    def _gap(self, handle: Any, space: int, along: tuple[int, int]) -> float:
        """Return how far apart the characters on both sides of a space stand."""
        near, far = along
        before = self._char_edges(handle, space - 1)
        after = self._char_edges(handle, space + 1)
        return max(after[near] - before[far], before[near] - after[far])


def _ranges(textpage: Any) -> Iterator[tuple[str, int, int]]:
    """Yield each line with its first and past-last character in pdfium's count."""
    text = textpage.get_text_range()
    # The text leaves characters out and adds none: of equal length, it has them all.
    has_all = len(text) == textpage.count_chars()
    char_at = pdfium.FPDFText_GetCharIndexFromTextIndex
    for found in LINE.finditer(text):
        kept = found.group().rstrip()
        start = found.start()
        end = start + len(kept) - 1
        if not has_all:
            start, end = char_at(textpage.raw, start), char_at(textpage.raw, end)
        if start >= 0 and end >= start:
            yield kept, start, end + 1


def _hull(edges: list[Edges]) -> Edges:
    if len(edges) == 1:  # as of nearly all lines
        return edges[0]
    return (
        min(e[0] for e in edges),
        min(e[1] for e in edges),
        max(e[2] for e in edges),
        max(e[3] for e in edges),
    )


def _has_gap(edges: list[Edges], gap: float, *, upright: bool) -> bool:
    near, far = (0, 2) if upright else (1, 3)
    ordered = sorted(edges, key=lambda e: e[near])
    reach = ordered[0][far]
    for edge in ordered[1:]:
        if edge[near] - reach > gap:
            return True
        reach = max(reach, edge[far])
    return False


def _middle(text: str) -> int:
    """Return a place near the middle that pdfium did not make up, as it does spaces."""
    at = len(text) // 2
    while at > 0 and text[at].isspace():
        at -= 1
    return at


def _is_off_page(box: Box) -> bool:
    return box.right < 0 or box.left > 1 or box.bottom < 0 or box.top > 1


def _main_turn(
    lines: list[tuple[str, int, int]], turns: list[int], page_turn: int
) -> int:
    """Return how the page must be turned for most of its characters to stand up."""
    if set(turns) <= {page_turn}:  # as on nearly all pages
        return page_turn
    chars: Counter[int] = Counter()
    for (text, _, _), turn in zip(lines, turns, strict=True):
        chars[turn] += len(text)
    turn, count = chars.most_common(1)[0]
    # A few labels on a turned page are no reason to turn it.
    return turn if count > chars[page_turn] * 2 else page_turn


def _frame(page: Any, turn: int) -> Frame:
    left, bottom, right, top = page.get_cropbox(fallback_ok=True)
    width, height = max(1.0, right - left), max(1.0, top - bottom)
    return Frame(left, bottom, width, height, turn)
