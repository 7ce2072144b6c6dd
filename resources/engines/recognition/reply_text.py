"""The text that models write of a page: Markdown with formulas and tables in it.

It comes from another machine and repeats what an untrusted file says, so its length
and the depth of its tables are capped before any parser sees them.
"""

import re
from dataclasses import replace

from lectern.documents.pages import BlockKind, Element
from lectern.errors import LimitReached
from resources.engines.recognition import markdown
from resources.engines.recognition.guards import check_depth
from resources.engines.recognition.web_page import fragment

PAGE_CHARS = 200_000
"""More than any sheet holds."""
TABLE_DEPTH = 60
IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
INLINE_MATHS = re.compile(r"\\\((.+?)\\\)", re.DOTALL)
BLOCK_MATHS = re.compile(r"\\\[(.+?)\\\]", re.DOTALL)
RAISED = re.compile(
    r"[ \t]*(?:\\\(\s*\^\s*\{?\s*([\w*†‡§]{1,3}|\\dagger|\\ddagger)\s*\}?\s*\\\)"
    r"|(?<!\$)\$\s*\{?\}?\^\s*\{?\s*([\w*†‡§]{1,3}|\\dagger|\\ddagger)\s*\}?\s*\$(?!\$))"
)
"""A formula that is nothing but a raised sign: the mark of a footnote."""
MONEY = re.compile(r"(?<![\\$])\$(?=\d[\d,.]*(?:\s|[.,;:)]|[kKmMbB]\b|$))")
"""A dollar sign before an amount, which opens no formula."""
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
DAGGERS = {"\\dagger": "†", "\\ddagger": "‡"}
TAG = re.compile(r"<[^<>]{0,400}>")
FOLIO = re.compile(
    r"\W*(?:(?:page|seite|p\.)\s*)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:/|of|von)\s*\d{1,4})?\W*",
    re.IGNORECASE,
)
NOTE = re.compile(r"(?:[⁰¹²³⁴-⁹]{1,3}|[*†‡§¶]{1,3}|\[?\d{1,3}[\]).]?(?=\s+\D))\s*\S")


def elements(
    text: str, *, kind: BlockKind = BlockKind.PARAGRAPH, level: int = 0
) -> list[Element]:
    """Return the elements of a piece of Markdown.

    What the Markdown itself does not mark as something takes the kind stated.
    """
    found, _title = markdown.read(_prepared(text))
    return [
        replace(e, kind=kind, level=level) if e.kind is BlockKind.PARAGRAPH else e
        for e in found
    ]


def table(content: str) -> list[Element]:
    """Return a table written in HTML or Markdown; its words alone if it is neither."""
    content = content[:PAGE_CHARS]
    if "<" not in content:
        return elements(content, kind=BlockKind.TABLE)
    try:
        check_depth(content.encode("utf-8", "replace"), limit=TABLE_DEPTH)
    except LimitReached:
        words = " ".join(TAG.sub(" ", content).split())
        return elements(words, kind=BlockKind.TABLE)
    return fragment(content)


def maths(content: str) -> list[Element]:
    """Return a formula that stands by itself, without the signs around it."""
    tex = content.strip()
    for opening, closing in (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$")):
        if tex.startswith(opening) and tex.endswith(closing) and len(tex) > 4:
            tex = tex[len(opening) : -len(closing)].strip()
            break
    return [Element(BlockKind.MATHS, tex[:PAGE_CHARS])] if tex else []


def code(content: str) -> list[Element]:
    """Return a piece of code, without the fence around it."""
    lines = content.strip("\n").splitlines()
    if lines and lines[0].lstrip().startswith("```"):
        lines = lines[1:]
    if lines and lines[-1].strip() == "```":
        lines = lines[:-1]
    text = "\n".join(lines)
    return [Element(BlockKind.CODE, text[:PAGE_CHARS])] if text.strip() else []


def heading(content: str) -> list[Element]:
    """Return a heading; its level is what the Markdown says, else the second."""
    found = elements(content, kind=BlockKind.HEADING, level=2)
    return [
        replace(e, kind=BlockKind.HEADING, level=min(6, max(1, e.level))) for e in found
    ]


def furniture(content: str) -> list[Element]:
    """Return what stands at the head of a page."""
    return [
        Element(BlockKind.FURNITURE, " ".join(line.split())[:1000])
        for line in _prepared(content).splitlines()
        if line.strip()
    ]


def footer(content: str) -> list[Element]:
    """Return what stands at the foot of a page: footnotes first, then its furniture.

    Engines give both in one piece. A line that begins with a mark begins a footnote,
    which goes on until a page number or another mark.
    """
    notes: list[str] = []
    rest: list[str] = []
    for line in _prepared(content).splitlines():
        words = " ".join(line.split())
        if not words:
            continue
        if FOLIO.fullmatch(words):
            rest.append(words)
        elif NOTE.match(words):
            notes.append(words)
        elif notes and not rest:
            notes[-1] = f"{notes[-1]} {words}"
        else:
            rest.append(words)
    found = [e for note in notes for e in elements(note, kind=BlockKind.FOOTNOTE)]
    return [*found, *(Element(BlockKind.FURNITURE, words[:1000]) for words in rest)]


def image_words(content: str) -> str:
    """Return what a picture is said to show; empty where only its name is given."""
    said = IMAGE.sub(lambda match: _described(match[1]), content)
    return said.strip()


def _described(alt: str) -> str:
    is_name = re.fullmatch(r"(?:p\d+-)?(?:img|image|figure)?[-_]?\d*\.?\w{0,4}", alt)
    return "" if is_name else alt


def _prepared(text: str) -> str:
    """Return Markdown whose formulas our reader knows, without pictures."""
    text = text[:PAGE_CHARS].replace("\x00", "")
    text = RAISED.sub(_raised, text)
    text = MONEY.sub(r"\\$", text)
    text = BLOCK_MATHS.sub(lambda m: f"\n\n$$\n{m[1].strip()}\n$$\n\n", text)
    text = INLINE_MATHS.sub(lambda m: f"${m[1].strip()}$", text)
    return IMAGE.sub(lambda match: _described(match[1]), text)


def _raised(match: re.Match[str]) -> str:
    mark = (match[1] or match[2]).strip()
    return DAGGERS.get(mark, mark).translate(SUPERSCRIPTS)
