"""How a reading child and its parent talk: one JSON value a line.

A 600-page document has tens of thousands of lines, so pages are lists, not
objects. Nothing here is kept on disk; see ``lectern.documents.interchange``.
"""

import json
from typing import Any

from lectern import errors
from lectern.documents.pages import (
    BlockKind,
    Box,
    Element,
    Line,
    OutlineEntry,
    RecognisedPage,
    RecognitionMethod,
    Span,
    SpanKind,
)

BOLD, ITALIC, ROTATED = 1, 2, 4
JsonValue = Any


_to_json = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False
).encode


def encode(message: dict[str, JsonValue]) -> bytes:
    """Return a message as one line."""
    return _to_json(message).encode("utf-8", "replace") + b"\n"


def page_to_wire(page: RecognisedPage) -> list[JsonValue]:
    """Return a page as plain lists."""
    return [
        page.number,
        page.method.value,
        page.engine,
        page.content_digest,
        [_line_to_wire(line) for line in page.lines],
        [_element_to_wire(element) for element in page.elements],
        page.width_pt,
        page.height_pt,
        page.rotation_degrees,
        page.confidence,
        page.remarks,
    ]


def page_from_wire(wire: list[JsonValue]) -> RecognisedPage:
    """Return the page that ``page_to_wire`` made lists of."""
    return RecognisedPage(
        number=wire[0],
        method=RecognitionMethod(wire[1]),
        engine=wire[2],
        content_digest=wire[3],
        lines=tuple(_line_from_wire(line) for line in wire[4]),
        elements=tuple(_element_from_wire(element) for element in wire[5]),
        width_pt=wire[6],
        height_pt=wire[7],
        rotation_degrees=wire[8],
        confidence=wire[9],
        remarks=tuple(wire[10]),
    )


def _line_to_wire(line: Line) -> list[JsonValue]:
    flags = BOLD * line.bold | ITALIC * line.italic | ROTATED * line.rotated
    box = line.box
    edges = box and [
        round(box.left, 4),
        round(box.top, 4),
        round(box.right, 4),
        round(box.bottom, 4),
    ]
    return [line.text, edges, line.font_size_pt, flags, line.confidence]


def _line_from_wire(wire: list[JsonValue]) -> Line:
    text, edges, font_size_pt, flags, confidence = wire
    return Line(
        text,
        Box(*edges) if edges else None,
        font_size_pt,
        bool(flags & BOLD),
        bool(flags & ITALIC),
        bool(flags & ROTATED),
        confidence,
    )


def _element_to_wire(element: Element) -> list[JsonValue]:
    spans = [[s.start, s.end, s.kind.value, s.target] for s in element.spans]
    return [
        element.kind.value,
        element.text,
        element.level,
        spans,
        element.language,
        element.anchor,
    ]


def _element_from_wire(wire: list[JsonValue]) -> Element:
    kind, text, level, spans, language, anchor = wire
    return Element(
        BlockKind(kind),
        text,
        level,
        tuple(Span(s[0], s[1], SpanKind(s[2]), s[3]) for s in spans),
        language,
        anchor,
    )


def outline_to_wire(outline: tuple[OutlineEntry, ...]) -> list[JsonValue]:
    """Return an outline as plain lists."""
    return [[o.title, o.level, o.page, o.anchor] for o in outline]


def outline_from_wire(wire: list[JsonValue]) -> tuple[OutlineEntry, ...]:
    """Return the outline that ``outline_to_wire`` made lists of."""
    return tuple(OutlineEntry(*entry) for entry in wire)


def error_to_wire(error: errors.LecternError) -> dict[str, JsonValue]:
    """Return a typed error as plain values."""
    return {
        "code": error.code,
        "message": error.message,
        "used": getattr(error, "used", None),
        "limit": getattr(error, "limit", None),
    }


def error_from_wire(wire: dict[str, JsonValue]) -> errors.LecternError:
    """Return the error that ``error_to_wire`` described."""
    kind = _error_kinds(errors.LecternError)[wire["code"]]
    if issubclass(kind, errors.LimitReached):
        return kind(wire["message"], used=wire["used"], limit=wire["limit"])
    return kind(wire["message"])


def _error_kinds(
    root: type[errors.LecternError],
) -> dict[str, type[errors.LecternError]]:
    kinds = {root.code: root}
    for child in root.__subclasses__():
        kinds.update(_error_kinds(child))
    return kinds
