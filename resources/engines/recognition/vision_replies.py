"""What vision models write of a page, in the forms they write it, as elements."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lectern.documents.pages import BlockKind, Element
from lectern.errors import BadEngineReply
from resources.engines.recognition import reply_text
from resources.engines.recognition.vision_profiles import Form

FRONT_MATTER = re.compile(r"\A\s*---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
FENCED = re.compile(r"\A\s*```(?:markdown|md|html)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL)
TURNS = (0, 90, 180, 270)
GROUNDING = re.compile(
    r"<\|ref\|>(.*?)<\|/ref\|>\s*(?:<\|det\|>.*?<\|/det\|>)?\s*", re.DOTALL
)
SPECIAL = re.compile(r"<[|｜][^<>]{0,60}[|｜]>")
PLACE = re.compile(r"<loc_\d+>")
DOCTAG = re.compile(r"<(\w+)(?:\s[^<>]*)?>(.*?)</\1>", re.DOTALL)
LIST_ITEM = re.compile(r"<list_item>(.*?)</list_item>", re.DOTALL)
CELL = re.compile(r"<(fcel|ched|rhed|srow|ecel|lcel|ucel|xcel|nl)>")
TAG = re.compile(r"</?\w+>")
REPEATS = 8
LONGEST_PERIOD_CHARS = 200
LEAST_REPEATED_CHARS = 160
"""So much of the same at the end of a reply is a model that cannot stop."""


@dataclass(frozen=True, slots=True)
class VisionReply:
    """One reply, read."""

    elements: tuple[Element, ...]
    turn_degrees: int = 0  # clockwise, by which the page has to be turned first
    language: str | None = None


def read_reply(text: str, form: Form) -> VisionReply:
    """Return what a model wrote of a page.

    Raises:
        BadEngineReply: It repeats itself without end, or is not in its own form.
    """
    if repeats_itself(text):
        raise BadEngineReply("The model repeats itself without end.")
    return _READERS[form](text[: reply_text.PAGE_CHARS])


def repeats_itself(text: str) -> bool:
    """Tell whether a text ends in the same few words over and over.

    Rows of dots and empty table cells repeat too, but have no letters.
    """
    tail = text.rstrip()[-LONGEST_PERIOD_CHARS * (REPEATS + 1) :]
    for period in range(1, min(LONGEST_PERIOD_CHARS, len(tail) // REPEATS) + 1):
        least = max(REPEATS * period, LEAST_REPEATED_CHARS)
        if least > len(tail):
            continue
        end = tail[-least:]
        if end[period:] == end[:-period] and any(c.isalnum() for c in end[-period:]):
            return True
    return False


def _markdown(text: str) -> VisionReply:
    if fenced := FENCED.match(text):
        text = fenced[1]
    return VisionReply(tuple(reply_text.elements(SPECIAL.sub("", text))))


def _front_matter(text: str) -> VisionReply:
    head = FRONT_MATTER.match(text)
    if head is None:
        raise BadEngineReply("The model left out what it was to say of the page.")
    lines = (line.partition(":") for line in head[1].splitlines())
    stated = {name.strip(): value.strip() for name, _, value in lines}
    is_upright = stated.get("is_rotation_valid", "true").lower() != "false"
    try:
        turn = int(stated.get("rotation_correction", "0"))
    except ValueError:
        turn = 0
    if turn not in TURNS:
        raise BadEngineReply("The model wants the page turned by no quarter.")
    language = stated.get("primary_language", "").lower()
    read = _markdown(text[head.end() :])
    return VisionReply(
        read.elements,
        0 if is_upright else turn,
        language if re.fullmatch(r"[a-z]{2,3}", language) else None,
    )


def _grounded(text: str) -> VisionReply:
    """Read Markdown whose pieces are preceded by their kind and place."""
    pieces = GROUNDING.split(text)
    if len(pieces) == 1:
        return _markdown(text)
    found = list(_markdown(pieces[0]).elements)
    for kind, content in zip(pieces[1::2], pieces[2::2], strict=True):
        found += _of_category(kind, SPECIAL.sub("", content))
    return VisionReply(tuple(found))


def _layout(text: str) -> VisionReply:
    """Read a list of pieces with their category, or plain text where it is none."""
    if fenced := re.match(r"\A\s*```json\s*\n(.*?)\n?```\s*\Z", text, re.DOTALL):
        text = fenced[1]
    if not text.lstrip().startswith("["):
        return _markdown(text)
    try:
        pieces = json.loads(text)
    except ValueError as error:
        raise BadEngineReply("The model's list of pieces breaks off.") from error
    found: list[Element] = []
    for piece in pieces:
        if isinstance(piece, dict):
            found += _of_category(
                str(piece.get("category")), str(piece.get("text") or "")
            )
    return VisionReply(tuple(found))


def _of_category(category: str, content: str) -> list[Element]:
    """Return a piece by the name that layout models give its kind."""
    name = category.strip().lower().replace("-", "_").replace(" ", "_")
    read = _CATEGORIES.get(name)
    return read(content) if read else reply_text.elements(content)


def _picture(content: str) -> list[Element]:
    said = reply_text.image_words(content)
    return reply_text.elements(said, kind=BlockKind.CAPTION) if said else []


_caption = partial(reply_text.elements, kind=BlockKind.CAPTION)
_list_item = partial(reply_text.elements, kind=BlockKind.LIST, level=1)
_CATEGORIES: dict[str, Callable[[str], list[Element]]] = {
    "title": reply_text.heading,
    "sub_title": reply_text.heading,
    "section_header": reply_text.heading,
    "header": reply_text.furniture,
    "page_header": reply_text.furniture,
    "footer": reply_text.footer,
    "page_footer": reply_text.footer,
    "page_number": reply_text.footer,
    "table": reply_text.table,
    "formula": reply_text.maths,
    "equation": reply_text.maths,
    "code": reply_text.code,
    "list": _list_item,
    "list_item": _list_item,
    "caption": _caption,
    "image_caption": _caption,
    "table_caption": _caption,
    "footnote": partial(reply_text.elements, kind=BlockKind.FOOTNOTE),
    "picture": _picture,
    "image": _picture,
    "figure": _picture,
}


def _doctags(text: str) -> VisionReply:
    body = PLACE.sub("", text)
    body = re.sub(r"</?doctag>|<page_break>", "", SPECIAL.sub("", body))
    found: list[Element] = []
    for tag, content in DOCTAG.findall(body):
        found += _of_tag(tag, content)
    if not found and body.strip() and "<" not in body:
        return _markdown(body)
    if not found and body.strip():
        raise BadEngineReply("The model's tags hold nothing that can be read.")
    return VisionReply(tuple(found))


def _of_tag(tag: str, content: str) -> list[Element]:
    if tag == "otsl":
        return _table_of_cells(content)
    if tag in ("unordered_list", "ordered_list"):
        ordered = tag == "ordered_list"
        return [
            Element(BlockKind.LIST, f"{n}. {words}" if ordered else words, 1)
            for n, item in enumerate(LIST_ITEM.findall(content), start=1)
            if (words := " ".join(TAG.sub("", item).split()))
        ]
    if tag in ("picture", "chart"):
        found = re.findall(r"<caption>(.*?)</caption>", content, re.DOTALL)
        return [e for words in found for e in _of_category("caption", words)]
    if tag.startswith("section_header_level_"):
        level = min(6, int(tag.rsplit("_", 1)[1]) + 1) if tag[-1].isdigit() else 2
        words = " ".join(TAG.sub("", content).split())
        return [Element(BlockKind.HEADING, words, level)] if words else []
    if tag == "title":
        words = " ".join(TAG.sub("", content).split())
        return [Element(BlockKind.HEADING, words, 1)] if words else []
    return _of_category(tag, TAG.sub("", content).strip())


def _table_of_cells(content: str) -> list[Element]:
    caption = re.search(r"<caption>(.*?)</caption>", content, re.DOTALL)
    before = _of_category("caption", caption[1]) if caption else []
    if caption:
        content = content.replace(caption[0], "")
    rows: list[list[str]] = [[]]
    pieces = CELL.split(content)
    for cell, words in zip(pieces[1::2], pieces[2::2], strict=True):
        if cell == "nl":
            rows.append([])
        else:
            rows[-1].append(" ".join(TAG.sub("", words).split()))
    text = "\n".join("\t".join(row).rstrip() for row in rows if any(row))
    return [*before, Element(BlockKind.TABLE, text)] if text else before


_READERS: dict[Form, Callable[[str], VisionReply]] = {
    "markdown": _markdown,
    "front_matter": _front_matter,
    "grounded": _grounded,
    "layout": _layout,
    "doctags": _doctags,
}
