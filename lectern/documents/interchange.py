"""Recognised pages as JSON bytes, and back. Strict: what does not fit is refused.

Rows are lists and not objects: a book has tens of thousands of lines.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from lectern.documents.pages import (
    BlockKind,
    Box,
    Element,
    Line,
    OutlineEntry,
    RecognisedPage,
    Recognition,
    RecognitionMethod,
    Span,
    SpanKind,
)
from lectern.errors import BadEngineReply

SCHEME = "lectern-recognition-1"
PAGES_FROM_HERE = b',"pages":['
BOLD, ITALIC, ROTATED = 1, 2, 4

Row = Sequence[Any]


def to_json(recognition: Recognition) -> bytes:
    """Return a recognition as JSON."""
    about = _dumped(
        {
            "scheme": SCHEME,
            "page_count": recognition.page_count,
            "title": recognition.title,
            "author": recognition.author,
            "language": recognition.language,
            "outline": [astuple(entry) for entry in recognition.outline],
            "reused_pages": recognition.reused_pages,
        }
    )
    # Page by page: the rows of a whole book at once would take ten times its size.
    pages = b",".join(_dumped(_page_row(page)) for page in recognition.pages)
    return about[:-1] + PAGES_FROM_HERE + pages + b"]}"


def author_in(data: bytes) -> str:
    """Return the author that ``to_json`` wrote, without reading the pages."""
    try:
        about = json.loads(data[: data.index(PAGES_FROM_HERE)] + b"}")
        return str(about["author"])
    except (ValueError, TypeError, KeyError):
        return ""


def from_json(data: bytes) -> Recognition:
    """Return the recognition that ``to_json`` wrote.

    Raises:
        BadEngineReply: The bytes are something else.
    """
    try:
        return _recognition(json.loads(data.decode("utf-8", "surrogatepass")))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise BadEngineReply(
            "The recognised pages cannot be read back. Prepare the document again."
        ) from error


def page_to_json(page: RecognisedPage) -> bytes:
    """Return one page as JSON, as a page cache keeps it."""
    return _dumped([SCHEME, _page_row(page)])


def page_from_json(data: bytes) -> RecognisedPage:
    """Return the page that ``page_to_json`` wrote.

    Raises:
        BadEngineReply: The bytes are something else.
    """
    try:
        scheme, row = json.loads(data.decode("utf-8", "surrogatepass"))
        _require(scheme == SCHEME)
        return _page(row)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise BadEngineReply(
            "A recognised page cannot be read back. Prepare the document again."
        ) from error


def _dumped(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _recognition(value: Any) -> Recognition:
    _require(value.pop("scheme") == SCHEME)
    pages = tuple(_page(row) for row in value.pop("pages"))
    outline = tuple(_outline_entry(row) for row in value.pop("outline"))
    _require(isinstance(value["page_count"], int))
    return Recognition(pages=pages, outline=outline, **value)


def _require(is_so: bool) -> None:  # noqa: FBT001  (reads as a sentence)
    if not is_so:
        raise ValueError


def _page_row(page: RecognisedPage) -> Row:
    return [
        page.number,
        page.method,
        page.engine,
        page.content_digest,
        page.width_pt,
        page.height_pt,
        page.rotation_degrees,
        page.confidence,
        page.remarks,
        [_line_row(line) for line in page.lines],
        [_element_row(element) for element in page.elements],
    ]


def _page(row: Row) -> RecognisedPage:
    number, method, engine, content, width, height, turn, confidence, *rest = row
    remarks, lines, elements = rest
    _require(isinstance(number, int) and isinstance(engine, str))
    return RecognisedPage(
        number=number,
        method=RecognitionMethod(method),
        engine=engine,
        content_digest=content,
        lines=tuple([_line(line) for line in lines]),
        elements=tuple([_element(element) for element in elements]),
        width_pt=width,
        height_pt=height,
        rotation_degrees=turn,
        confidence=confidence,
        remarks=tuple(remarks),
    )


def _line_row(line: Line) -> Row:
    box = line.box
    edges = box and [
        round(box.left, 5),
        round(box.top, 5),
        round(box.right, 5),
        round(box.bottom, 5),
    ]
    flags = BOLD * line.bold + ITALIC * line.italic + ROTATED * line.rotated
    return [line.text, edges, line.font_size_pt, flags, line.confidence]


def _line(row: Row) -> Line:
    text, edges, size, flags, confidence = row
    if not isinstance(text, str) or not 0 <= flags <= BOLD + ITALIC + ROTATED:
        raise ValueError
    return Line(
        text,
        None if edges is None else Box(*edges),
        size,
        flags & BOLD != 0,
        flags & ITALIC != 0,
        flags & ROTATED != 0,
        confidence,
    )


def _element_row(element: Element) -> Row:
    spans = [(s.start, s.end, s.kind, s.target) for s in element.spans]
    return [
        element.kind,
        element.text,
        element.level,
        spans,
        element.language,
        element.anchor,
    ]


def _element(row: Row) -> Element:
    kind, text, level, spans, language, anchor = row
    _require(isinstance(text, str) and isinstance(level, int))
    return Element(
        BlockKind(kind),
        text,
        level,
        tuple(Span(start, end, SpanKind(k), to) for start, end, k, to in spans),
        language,
        anchor,
    )


def _outline_entry(row: Row) -> OutlineEntry:
    title, level, page, anchor = row
    _require(isinstance(title, str) and isinstance(level, int))
    return OutlineEntry(title, level, page, anchor)
