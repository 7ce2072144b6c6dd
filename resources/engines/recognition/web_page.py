"""Web pages: the main content, without what surrounds it.

trafilatura finds the content and keeps its structure in tags of its own, which
are turned back into HTML for the one tree reader. Where it finds too little, the
whole page is read.
"""

import re
from typing import Any

from lxml import etree, html

from lectern.documents.pages import BlockKind, Element
from lectern.errors import DamagedFile
from resources.engines.recognition.guards import check_depth
from resources.engines.recognition.markup_tree import TreeReader
from resources.engines.recognition.plain_text import BYTE_ORDER_MARKS, decode

STATED_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w-]{2,40})", re.IGNORECASE)
WHERE_CHARSET_BYTES = 4096
HTML_NAMES = {
    "list": "ul",
    "item": "li",
    "quote": "blockquote",
    "row": "tr",
    "cell": "td",
    "lb": "br",
    "graphic": "img",
    "del": "s",
}
EMPHASIS = {
    "#b": "b",
    "#i": "i",
    "#u": "span",
    "#t": "code",
    "#sub": "sub",
    "#sup": "sup",
}
SURROUNDINGS = ("nav", "footer", "aside", "form", "iframe")
ENOUGH_SHARE = 0.25
"""Of the page's text: less than this of a short page is not its content."""
SHORT_PAGE_CHARS = 8000


def read(data: bytes, *, depth_limit: int) -> tuple[list[Element], str, str | None]:
    """Return the elements of a page, its title and its language.

    Raises:
        LimitReached: Its elements nest deeper than any real page's.
        DamagedFile: It holds no HTML.
    """
    check_depth(data, limit=depth_limit)
    page = _parsed(decoded(data))
    language = (page.get("lang") or "").split("-")[0].lower() or None
    title = " ".join("".join(page.xpath("//title[1]//text()")).split())
    whole = _whole(page)
    found = _main_content(page)
    length = _chars(whole)
    if _chars(found) < ENOUGH_SHARE * length and length < SHORT_PAGE_CHARS:
        found = whole
    if not found:
        found = whole
    heading = " ".join("".join(page.xpath("//h1[1]//text()")).split())
    return _with_title(found, heading, title), title, language


def fragment(markup: str) -> list[Element]:
    """Return the elements of a piece of HTML inside another text."""
    if not markup.strip() or markup.lstrip().startswith("<!--"):
        return []
    try:
        tree = html.fragment_fromstring(markup, create_parent="div")
    except (etree.ParserError, ValueError):
        return []
    return TreeReader().read(tree)


def decoded(data: bytes) -> str:
    """Return a page's text: by its mark, by what it states, else by guessing."""
    if data.startswith(tuple(mark for mark, _ in BYTE_ORDER_MARKS)):
        return decode(data)
    stated = STATED_CHARSET.search(data[:WHERE_CHARSET_BYTES])
    if stated:
        name = stated.group(1).decode("ascii").lower()
        # Pages that say Latin-1 mean Windows-1252, as every browser takes it.
        name = {"iso-8859-1": "cp1252", "latin-1": "cp1252"}.get(name, name)
        try:
            return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data)


def _parsed(text: str) -> Any:
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.replace("\x00", ""))
    parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    try:
        page = html.document_fromstring(text, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise DamagedFile(
            "The page holds nothing that can be read. Save it again from the browser."
        ) from error
    return page


def _whole(page: Any) -> list[Element]:
    from copy import deepcopy

    body = page.find("body")
    body = deepcopy(page if body is None else body)
    for node in list(body.iter(*SURROUNDINGS)):
        node.drop_tree()
    return TreeReader().read(body)


def _main_content(page: Any) -> list[Element]:
    import trafilatura
    from trafilatura.settings import Document

    document = trafilatura.bare_extraction(
        page,
        include_comments=False,
        include_tables=True,
        include_links=True,
        include_formatting=True,
        favor_recall=True,
        with_metadata=False,
    )
    if not isinstance(document, Document) or document.body is None:
        return []
    for node in document.body.iter("*"):
        _as_html(node)
    return TreeReader().read(document.body)


def _as_html(node: Any) -> None:
    """Give a node of trafilatura's tree the HTML name it stands for."""
    tag, rendition = node.tag, node.get("rend") or ""
    if tag == "head":
        node.tag = rendition if re.fullmatch("h[1-6]", rendition) else "h2"
    elif tag == "hi":
        node.tag = EMPHASIS.get(rendition, "span")
    elif tag == "ref":
        node.tag = "a"
        node.set("href", node.get("target") or "")
    elif tag == "list":
        node.tag = "ol" if rendition == "ol" else "ul"
    elif tag == "code":
        is_block = "\n" in "".join(node.itertext())
        node.tag = "pre" if is_block else "code"
    elif tag in HTML_NAMES:
        node.tag = HTML_NAMES[tag]


def _chars(elements: list[Element]) -> int:
    return sum(len(element.text) for element in elements)


def _with_title(elements: list[Element], heading: str, title: str) -> list[Element]:
    """Return the elements, begun by the page's own heading or title."""
    has_heading = any(
        e.kind is BlockKind.HEADING and e.level == 1 for e in elements[:6]
    )
    first = heading or re.split(r"\s+[-–—|·]\s+", title)[0]
    if has_heading or not first or not elements:
        return elements
    if any(e.text.strip() == first for e in elements[:3]):
        return elements
    return [Element(BlockKind.HEADING, first, 1), *elements]
