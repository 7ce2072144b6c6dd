"""A paragraph: the unit between recognised pages and blocks."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from lectern.documents.characters import clean, clean_code, clean_lines
from lectern.documents.pages import BlockKind, Element, Span

CELL_MARK = " | "


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A whole paragraph, joined over lines, columns and pages."""

    kind: BlockKind
    text: str
    page: int  # one-based page on which it starts
    level: int = 0  # heading 1…6, list depth, else 0
    spans: tuple[Span, ...] = ()  # offsets in ``text``
    language: str | None = None  # where the source states it
    anchor: str = ""
    page_starts: tuple[tuple[int, int], ...] = ()  # (character, page) after the first

    def page_at(self, char: int) -> int:
        """Return the page on which a character stands."""
        if not self.page_starts:
            return self.page
        place = bisect_right(self.page_starts, char, key=lambda start: start[0])
        return self.page_starts[place - 1][1] if place else self.page


def from_element(element: Element, *, page: int) -> Paragraph | None:
    """Return what a source states as one paragraph, or None if it holds no words."""
    spans: tuple[Span, ...] = ()
    if element.kind is BlockKind.CODE:
        text = clean_code(element.text)
    elif element.kind is BlockKind.TABLE:
        text = clean_lines(element.text.replace("\t", CELL_MARK))
    elif element.spans:
        text, spans = _cleaned_with_spans(element.text, element.spans)
    else:
        text = clean_lines(element.text)
    if not text.strip():
        return None
    return Paragraph(
        element.kind,
        text,
        page,
        level=element.level,
        spans=spans,
        language=element.language,
        anchor=element.anchor,
    )


def _cleaned_with_spans(
    text: str, spans: Sequence[Span]
) -> tuple[str, tuple[Span, ...]]:
    """Return cleaned text and its spans moved along.

    The text is cleaned piece by piece between the edges of spans, so that each edge
    has a place in the result.
    """
    edges = sorted({0, len(text)} | {e for s in spans for e in (s.start, s.end)})
    edges = [edge for edge in edges if 0 <= edge <= len(text)]
    place: dict[int, int] = {}
    cleaned = ""
    for start, end in zip(edges, [*edges[1:], len(text)], strict=True):
        place[start] = len(cleaned)
        piece = "\n".join(clean(line) for line in text[start:end].split("\n"))
        if not cleaned or cleaned[-1].isspace():
            piece = piece.lstrip(" " if cleaned else None)
        cleaned += piece
    place[len(text)] = len(cleaned)
    whole = cleaned.rstrip()
    moved = (
        _trimmed(whole, place[span.start], place[span.end], span)
        for span in spans
        if span.start in place and span.end in place
    )
    return whole, tuple(span for span in moved if span.start < span.end)


def _trimmed(text: str, start: int, end: int, span: Span) -> Span:
    end = min(end, len(text))
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end, span.kind, span.target)
