"""What is printed on a page and is no part of the text: running heads and feet,
page numbers, numbers down the margin, stamps along the edge.

It is found by repetition over the whole document and never by words. Nothing is
thrown away: furniture is shown, greyed, and not spoken.
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from lectern.documents.blocks import Finding
from lectern.documents.pages import Line, RecognisedPage

Place = tuple[int, int]
"""A page's place in the document and a line's place on it, both from 0."""

EDGE = 0.15
"""Share of the page at its head and foot in which running heads stand."""
FOLIO_EDGE = 0.08
LEAST_PAGES = 3
LEAST_SHARE = 0.12
CHAPTER_DENSITY = 0.3
"""A head that changes by chapter is seen on this share of its own stretch."""
SAME_HEIGHT = 0.012
LONGEST_HEAD_CHARS = 120
MARGIN_NUMBERS = 4
LONE_GAP = 2.2
"""Heights of blank that set a head apart, on pages too few for repetition."""
DIGITS = re.compile(r"\d+")
FOLIO = re.compile(
    r"^(?:page|seite|página|pagina|страница|стр\.?|p\.)?[\s\[(|·•–—-]*"
    r"(?:(?P<arabic>\d{1,4})|(?P<roman>[ivxlc]{1,7}))"
    r"(?:\s*(?:/|of|von|de|di|sur|из)\s*\d{1,4})?[\s\])|·•–—-]*$",
    re.IGNORECASE,
)
PAGE_IN_HEAD = re.compile(r"^\d{1,4}\s+[^\W\d_]{3}|[^\W\d_]{3,}\s+\d{1,4}$")
ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@dataclass(frozen=True, slots=True)
class Furniture:
    """Which lines are furniture, and what that told about the document."""

    places: frozenset[Place]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """The lines in the edges of one page, with where they stand."""

    index: int
    line: Line
    top: float
    bottom: float

    @property
    def middle(self) -> float:
        """Return the height of the line's middle, 0…1 from the top."""
        return (self.top + self.bottom) / 2


def find_furniture(pages: Sequence[RecognisedPage]) -> Furniture:
    """Return the furniture of a document whose pages hold printed lines."""
    edges = [_edge_lines(page) for page in pages]
    folios, findings = _folios(pages, edges)
    found: set[Place] = set(folios)
    found |= _outermost(edges, _running_heads(edges) | folios)
    for place, page in enumerate(pages):
        found |= {(place, index) for index in _stamps(page)}
        found |= {(place, index) for index in _margin_numbers(page)}
    if len(pages) < LEAST_PAGES:
        found |= _heads_of_few_pages(pages, found)
    if found:
        touched = len({place for place, _ in found})
        message = f"Running heads, page numbers or margin marks on {touched} pages."
        findings.append(Finding("furniture", message))
    return Furniture(frozenset(found), tuple(findings))


def folio_value(text: str) -> int | None:
    """Return the number of a page number standing alone, arabic or roman."""
    match = FOLIO.match(text)
    if match is None:
        return None
    if match["arabic"]:
        return int(match["arabic"])
    value = 0
    digits = [ROMAN[c] for c in match["roman"].lower()]
    for digit, following in zip(digits, [*digits[1:], 0], strict=True):
        value += -digit if digit < following else digit
    return value or None


def _edge_lines(page: RecognisedPage) -> list[Edge]:
    """Return the lines in the edges, and the page's first and last wherever."""
    upright = [
        (line.box.top, line.box.bottom, index)
        for index, line in enumerate(page.lines)
        if line.box is not None and not line.rotated
    ]
    if not upright:
        return []
    *_, first = min(upright, key=itemgetter(0))
    *_, last = max(upright, key=itemgetter(1))
    return [
        Edge(index, page.lines[index], top, bottom)
        for top, bottom, index in upright
        if index in (first, last) or not EDGE <= (top + bottom) / 2 <= 1 - EDGE
    ]


def _running_heads(edges: Sequence[Sequence[Edge]]) -> set[Place]:
    """Return lines that stand at the same height with the same words elsewhere."""
    seen: dict[str, list[tuple[int, Edge]]] = defaultdict(list)
    for place, lines in enumerate(edges):
        for edge in lines:
            at_edge = not EDGE <= edge.middle <= 1 - EDGE
            if at_edge and len(edge.line.text) <= LONGEST_HEAD_CHARS:
                seen[DIGITS.sub("#", edge.line.text.strip())].append((place, edge))
    found: set[Place] = set()
    for places in seen.values():
        if len(places) >= LEAST_PAGES and _is_running(places, page_count=len(edges)):
            found |= {(place, edge.index) for place, edge in places}
    return found


def _outermost(edges: Sequence[Sequence[Edge]], likely: set[Place]) -> set[Place]:
    """Return the likely lines with nothing but such lines between them and the edge.

    What repeats below a line that does not is text that happens to repeat.
    """
    found: set[Place] = set()
    for place, lines in enumerate(edges):
        upper = sorted((e for e in lines if e.middle < 0.5), key=lambda e: e.middle)
        lower = sorted((e for e in lines if e.middle >= 0.5), key=lambda e: -e.middle)
        for half in (upper, lower):
            barrier: float | None = None
            for edge in half:
                if barrier is not None and abs(edge.middle - barrier) > SAME_HEIGHT:
                    break
                if (place, edge.index) in likely:
                    found.add((place, edge.index))
                elif barrier is None:
                    barrier = edge.middle
    return found


def _is_running(places: Sequence[tuple[int, Edge]], *, page_count: int) -> bool:
    pages = sorted({place for place, _ in places})
    if len(pages) < LEAST_PAGES:
        return False
    if len(pages) >= LEAST_SHARE * page_count:
        return True
    # A head that names the chapter: at one height, page by page or on every other.
    heights = sorted(edge.middle for _, edge in places)
    usual = heights[len(heights) // 2]
    level = sum(abs(height - usual) <= SAME_HEIGHT for height in heights)
    stretch = pages[-1] - pages[0] + 1
    return level >= 0.8 * len(heights) and len(pages) >= CHAPTER_DENSITY * stretch


def _folios(
    pages: Sequence[RecognisedPage], edges: Sequence[Sequence[Edge]]
) -> tuple[set[Place], list[Finding]]:
    """Return page numbers: alone in the outer edge, or counting with the pages."""
    found: set[Place] = set()
    stated: list[tuple[int, int, int]] = []  # page number, folio, index of the line
    offsets: Counter[int] = Counter()
    numbers: list[tuple[int, Edge, int]] = []
    for place, lines in enumerate(edges):
        for edge in lines:
            value = folio_value(edge.line.text.strip())
            if value is not None:
                numbers.append((place, edge, value))
                offsets[value - pages[place].number] += 1
    for place, edge, value in numbers:
        number = pages[place].number
        counts = offsets[value - number] >= max(2, LEAST_SHARE * len(pages))
        if counts or not FOLIO_EDGE <= edge.middle <= 1 - FOLIO_EDGE:
            found.add((place, edge.index))
            stated.append((number, value, edge.index))
    return found, _out_of_order(stated)


def _out_of_order(stated: Sequence[tuple[int, int, int]]) -> list[Finding]:
    """Return pages whose printed number comes after a higher one by a swap."""
    findings: list[Finding] = []
    for (_, before, _), (page, value, _), (_, after, _) in zip(
        stated, stated[1:], stated[2:], strict=False
    ):
        if value == before + 2 and after == before + 1:
            message = (
                f"Page {page} is printed as {value} and stands before {after}: "
                "two pages may have been swapped."
            )
            findings.append(Finding("folio_out_of_order", message, page))
    return findings


def _stamps(page: RecognisedPage) -> Iterable[int]:
    """Return lines that run along the page's edge, unless most of the page does."""
    rotated = [index for index, line in enumerate(page.lines) if line.rotated]
    return rotated if 2 * len(rotated) < len(page.lines) else ()


def _margin_numbers(page: RecognisedPage) -> list[int]:
    """Return numbers counting down a margin, with no text above or below them."""
    numbers: list[tuple[float, int, int, Line]] = []
    for index, line in enumerate(page.lines):
        text = line.text.strip()
        if line.box is not None and len(text) <= 4 and text.isdecimal():
            numbers.append((line.box.top, int(text), index, line))
    if len(numbers) < MARGIN_NUMBERS:
        return []
    numbers.sort(key=lambda number: number[0])
    values = [value for _, value, _, _ in numbers]
    steps = Counter(b - a for a, b in itertools.pairwise(values))
    step, times = steps.most_common(1)[0]
    if step not in (1, 5, 10) or times < 0.7 * (len(values) - 1):
        return []
    members = {index for _, _, index, _ in numbers}
    left = min(line.box.left for *_, line in numbers if line.box)
    right = max(line.box.right for *_, line in numbers if line.box)
    if right - left > 0.05 or _has_text_between(page, left, right, members):
        return []
    return sorted(members)


def _has_text_between(
    page: RecognisedPage, left: float, right: float, members: set[int]
) -> bool:
    return any(
        line.box is not None
        and not line.rotated
        and index not in members
        and line.box.left < right
        and line.box.right > left
        and EDGE <= (line.box.top + line.box.bottom) / 2 <= 1 - EDGE
        for index, line in enumerate(page.lines)
    )


def _heads_of_few_pages(
    pages: Sequence[RecognisedPage], known: set[Place]
) -> set[Place]:
    """Return heads and feet of one or two pages, which cannot repeat.

    Only what stands at the very edge, is short, no larger than the text, ends like
    no sentence and is set apart by blank is taken for one.
    """
    found: set[Place] = set()
    for place, page in enumerate(pages):
        upright = sorted(
            (line.box.top, line.box.bottom, index)
            for index, line in enumerate(page.lines)
            if line.box and not line.rotated and (place, index) not in known
        )
        if len(upright) < 3:
            continue
        (top, bottom, first), (below, *_) = upright[0], upright[1]
        height = max(bottom - top, 0.008)
        has_folio = PAGE_IN_HEAD.search(page.lines[first].text) is not None
        is_at_edge = bottom < (EDGE if has_folio else 0.065)
        if is_at_edge and below - bottom > (1.2 if has_folio else LONE_GAP) * height:
            found |= {(place, first)} if _is_head(page, first) else set()
        (top, _, last), above = upright[-1], upright[-2][1]
        if top > 0.93 and top - above > LONE_GAP * height:
            found |= {(place, last)} if _is_head(page, last) else set()
    return found


def _is_head(page: RecognisedPage, index: int) -> bool:
    line = page.lines[index]
    sizes = sorted(other.font_size_pt or 0.0 for other in page.lines)
    usual = sizes[len(sizes) // 2]
    is_small = not line.font_size_pt or line.font_size_pt <= 1.05 * usual
    return is_small and len(line.text) <= 80 and line.text[-1:] not in ".!?:;,"
