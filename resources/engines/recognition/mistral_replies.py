"""Pages as Mistral's OCR returns them, made into ours.

Read from the JSON and not from the client's classes, which drop what they do not know
and refuse a page for one missing field. What a reply must have is checked here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.documents.pages import (
    BlockKind,
    Element,
    RecognisedPage,
    RecognitionMethod,
)
from lectern.errors import BadEngineReply
from resources.engines.recognition import reply_text
from resources.engines.recognition.paper import Drawing

TABLE_PLACE = re.compile(r"\[(tbl-[\w.-]+)\]\(\1\)")
IMAGE_PLACE = re.compile(r"!\[(img-[\w.-]+)\]\(\1\)")
IMAGE_ID = re.compile(r"\b(?:img|tbl)-(\d+)(?=\.\w+\b)")
SURE_AT_LEAST, SURE_AT_MOST = 0.0, 1.0
KINDS = {
    "text": BlockKind.PARAGRAPH,
    "list": BlockKind.LIST,
    "caption": BlockKind.CAPTION,
    "references": BlockKind.FOOTNOTE,
    "aside_text": BlockKind.QUOTE,
    "signature": BlockKind.PARAGRAPH,
}
"""Blocks of running text; a type that is not known here is a paragraph."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, read as far as it makes sense."""

    pages: dict[int, Mapping[str, Any]]  # by place among those sent, from 0
    model: str  # that answered, by its own account
    pages_processed: int  # that are paid for


def read_reply(body: Any, asked: Sequence[int], *, sent: int) -> Reply:
    """Return a reply's pages by their place in the file that was sent.

    ``asked`` are the places asked for, of ``sent`` pages. Of two pages with one index
    the fuller one is taken.

    Raises:
        BadEngineReply: It holds no pages, or does not say which they are.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("pages"), list):
        raise BadEngineReply("Mistral replied without pages. Try again.")
    pages = [page for page in body["pages"] if isinstance(page, Mapping)]
    indices = [page.get("index") for page in pages]
    if not all(isinstance(index, int) for index in indices):
        raise BadEngineReply("Mistral replied with pages that have no number.")
    whole = [index for index in indices if isinstance(index, int)]
    found: dict[int, Mapping[str, Any]] = {}
    for place, page in zip(places(whole, asked, sent=sent), pages, strict=True):
        if place in asked and _chars(page) >= _chars(found.get(place, {})):
            found[place] = page
    usage = body.get("usage_info")
    billed = usage.get("pages_processed") if isinstance(usage, Mapping) else None
    return Reply(
        found,
        str(body.get("model") or "unknown model"),
        billed if isinstance(billed, int) else len(pages),
    )


def places(indices: Sequence[int], asked: Sequence[int], *, sent: int) -> list[int]:
    """Return the place of each page in the file sent, from its stated index.

    An index has meant three things: the place from 0, the place from 1 (models of
    2503), and the place among those asked for. A reply with gaps is taken to mean the
    first, as models do now, unless it cannot.

    Raises:
        BadEngineReply: None of the three fits.
    """
    stated = set(indices)
    if stated <= set(asked):
        return list(indices)
    if stated <= set(range(len(asked))):
        return [asked[index] for index in indices]
    if stated <= {place + 1 for place in asked}:
        return [index - 1 for index in indices]
    if stated <= set(range(sent)):
        return list(indices)  # more than was asked for, which is left aside
    raise BadEngineReply(
        f"Mistral numbered its pages {sorted(stated)[:9]}, of {sent} that were sent. "
        "They cannot be told apart."
    )


def page_of(page: Mapping[str, Any], drawing: Drawing, *, model: str) -> RecognisedPage:
    """Return a page of ours from one of a reply."""
    number = drawing.number
    elements = _of_blocks(page, number) or _of_markdown(page, number)
    scores = page.get("confidence_scores")
    sure = scores.get("average_page_confidence_score") if scores else None
    return RecognisedPage(
        number=number,
        method=RecognitionMethod.MISTRAL if elements else RecognitionMethod.BLANK,
        engine=model[:128],
        content_digest=drawing.shown,
        elements=tuple(elements),
        width_pt=drawing.width_pt,
        height_pt=drawing.height_pt,
        confidence=_fraction(sure) if elements else None,
    )


def _of_blocks(page: Mapping[str, Any], number: int) -> list[Element]:
    blocks = page.get("blocks")
    if not isinstance(blocks, list) or not blocks:
        return []
    tables = _tables(page)
    images = _images(page)
    found: list[Element] = []
    feet: list[Element] = []
    types = set()
    for block in blocks:
        if not isinstance(block, Mapping):
            continue
        kind = str(block.get("type"))
        types.add(kind)
        content = str(block.get("content") or "")
        if kind == "footer":
            feet += reply_text.footer(content)
        elif kind == "table":
            given = tables.get(str(block.get("table_id"))) or content
            found += reply_text.table(_with_tables(given, tables))
        elif kind == "image":
            found += _image(content, str(block.get("image_id")), images, number)
        else:
            found += _running(kind, content)
    if "header" not in types:
        found = [*reply_text.furniture(str(page.get("header") or "")), *found]
    if "footer" not in types:
        feet += reply_text.footer(str(page.get("footer") or ""))
    return [*found, *feet]


def _running(kind: str, content: str) -> list[Element]:
    match kind:
        case "title":
            return reply_text.heading(content)
        case "header":
            return reply_text.furniture(content)
        case "equation":
            return reply_text.maths(content)
        case "code":
            return reply_text.code(content)
    known = KINDS.get(kind, BlockKind.PARAGRAPH)
    level = 1 if known is BlockKind.LIST else 0
    return reply_text.elements(content, kind=known, level=level)


def _of_markdown(page: Mapping[str, Any], number: int) -> list[Element]:
    """Return a page without blocks: its Markdown, with tables put where they stand."""
    tables, images = _tables(page), _images(page)
    found = reply_text.furniture(str(page.get("header") or ""))
    text = str(page.get("markdown") or "")[: reply_text.PAGE_CHARS]
    at = 0
    places = [*TABLE_PLACE.finditer(text), *IMAGE_PLACE.finditer(text)]
    for place in sorted(places, key=lambda match: match.start()):
        found += reply_text.elements(text[at : place.start()])
        at = place.end()
        if place[1] in tables:
            found += reply_text.table(tables[place[1]])
        else:
            found += _image("", place[1], images, number)
    found += reply_text.elements(text[at:])
    return [*found, *reply_text.footer(str(page.get("footer") or ""))]


def _image(
    content: str, image_id: str, images: Mapping[str, str], number: int
) -> list[Element]:
    """Return what a picture is said to show, under the name it has in the document."""
    said = reply_text.image_words(content) or images.get(image_id, "")
    if not said:
        return []
    found = reply_text.elements(said, kind=BlockKind.CAPTION)
    anchor = name_in_document(image_id, number)
    return [
        Element(e.kind, e.text, e.level, e.spans, e.language, anchor) for e in found
    ]


def name_in_document(name: str, number: int) -> str:
    """Return a picture's or table's name with its page: replies count from 0 each."""
    found = IMAGE_ID.search(name)
    what = name.split("-")[0] if name else "img"
    return f"p{number}-{what}{found[1] if found else ''}"


def _tables(page: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(table.get("id")): str(table.get("content") or "")
        for table in page.get("tables") or ()
        if isinstance(table, Mapping)
    }


def _images(page: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(image.get("id")): str(image.get("image_annotation") or "")
        for image in page.get("images") or ()
        if isinstance(image, Mapping)
    }


def _with_tables(content: str, tables: Mapping[str, str]) -> str:
    return TABLE_PLACE.sub(lambda match: tables.get(match[1], ""), content)


def _fraction(value: Any) -> float | None:
    if not isinstance(value, int | float):
        return None
    return round(min(SURE_AT_MOST, max(SURE_AT_LEAST, float(value))), 3)


def _chars(page: Mapping[str, Any]) -> int:
    blocks = page.get("blocks") or ()
    in_blocks = sum(
        len(str(b.get("content") or "")) for b in blocks if isinstance(b, Mapping)
    )
    return len(str(page.get("markdown") or "")) + in_blocks
