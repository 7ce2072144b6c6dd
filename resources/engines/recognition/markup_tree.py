"""HTML, as an lxml tree, to elements whose kind the tags state.

Shared by web pages and EPUB. It never follows a reference out of the tree.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from lectern.documents.pages import BlockKind, Element, SpanKind
from resources.engines.recognition.inline import InlineText

SKIPPED = frozenset(
    {"script", "style", "head", "template", "noscript", "svg", "canvas", "audio"}
    | {"video", "object", "iframe", "input", "button", "select", "textarea"}
    | {"rt", "rp", "map"}
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "center", "dd", "details"}
    | {"dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer"}
    | {"form", "header", "hgroup", "hr", "html", "legend", "li", "main", "nav", "ol"}
    | {"p", "pre", "section", "summary", "table", "tbody", "td", "th", "thead", "tr"}
    | {"ul", "caption"}
) | frozenset(HEADINGS)
SPAN_KINDS = {
    "em": SpanKind.EMPHASIS,
    "i": SpanKind.EMPHASIS,
    "cite": SpanKind.EMPHASIS,
    "dfn": SpanKind.EMPHASIS,
    "strong": SpanKind.STRONG,
    "b": SpanKind.STRONG,
    "code": SpanKind.CODE,
    "kbd": SpanKind.CODE,
    "samp": SpanKind.CODE,
    "tt": SpanKind.CODE,
}
NOTE_TYPES = frozenset(
    {"footnote", "endnote", "rearnote", "note", "doc-footnote", "doc-endnote"}
)
NOTE_GROUPS = frozenset({"footnotes", "endnotes", "rearnotes", "doc-endnotes"})
PLACE_MARKS = re.compile(
    r"(?:^|[\s_-])(?:page-?(?:num(?:ber)?|break|no)|pb|pn|lnum|line-?(?:num(?:ber)?|no))"
    r"(?:$|[\s_-])",
    re.IGNORECASE,
)
"""Classes of numbers of printed pages and of lines of verse, in running text."""
NUMBER = re.compile(r"[\[(]?(?:p\.?\s*)?(?:\d{1,5}|[ivxlc]{1,8})[\])]?", re.IGNORECASE)
BACK_ARROWS = frozenset("^↑↩⇑↵⤴") | {"↩︎", "[^]", "back"}
NOTE_REFERENCES = frozenset({"noteref", "doc-noteref"})
NOTE_MARK = re.compile(r"[\[({]?(?:\d{1,4}|[ivxlc]{1,6}|[a-z]|[*†‡§¶#]{1,3})[\])}]?\.?")
EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a piece of text."""

    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    language: str | None = None
    prefix: str = ""  # number of a list item
    in_note: bool = False


@dataclass(slots=True)
class TreeReader:
    """Reads one tree. ``resolve`` turns a reference into an anchor or address."""

    resolve: Callable[[str], str] = lambda reference: reference
    own_anchor: Callable[[str], str] = lambda identifier: identifier
    targets: Collection[str] = ()  # anchors that something points to
    note_targets: Collection[str] = ()  # of these, those that are notes
    _elements: list[Element] = field(default_factory=list)
    _text: InlineText = field(default_factory=InlineText)
    _anchor: str = ""

    def read(self, root: Any, *, language: str | None = None) -> list[Element]:
        """Return the elements of a tree in document order."""
        self._block(root, Context(language=language))
        return self._elements

    def _walk(self, node: Any, context: Context) -> None:
        """Take in a node's text and children."""
        self._text.add(node.text or "")
        for child in node:
            if isinstance(child.tag, str):
                self._child(child, context)
            self._text.add(child.tail or "")

    def _child(self, node: Any, context: Context) -> None:
        tag = _name(node)
        if tag in SKIPPED or _is_hidden(node):
            return
        if tag == "br":
            self._text.break_line()
        elif tag == "math":
            self._maths(node, context)
        elif tag == "img":
            return
        elif tag in BLOCKS:
            self._block(node, context)
        else:
            self._inline(node, tag, context)

    def _inline(self, node: Any, tag: str, context: Context) -> None:
        self._note_anchor(node, context)
        if _is_place_mark(node):
            return
        if tag == "a" and node.get("href"):
            self._link(node, context)
        elif kind := SPAN_KINDS.get(tag):
            with self._text.marked(kind):
                self._walk(node, context)
        else:
            self._walk(node, context)

    def _link(self, node: Any, context: Context) -> None:
        target = self.resolve(node.get("href"))
        words = "".join(node.itertext()).strip()
        kind = SpanKind.LINK
        if words.lower() in BACK_ARROWS:
            return
        if target in self.note_targets or is_note_reference(node, words):
            if context.in_note:  # the way back from a note to its mark
                return
            kind = SpanKind.NOTE_MARK
        with self._text.marked(kind, target):
            self._walk(node, context)

    def _maths(self, node: Any, context: Context) -> None:
        text = node.get("alttext") or " ".join("".join(node.itertext()).split())
        if node.get("display") == "block":
            self._flush(context)
            self._text.add(text)
            self._flush(replace(context, kind=BlockKind.MATHS, prefix=""))
            return
        with self._text.marked(SpanKind.MATHS):
            self._text.add(text)

    def _block(self, node: Any, context: Context) -> None:
        tag = _name(node)
        if tag in ("div", "p") and _is_place_mark(node):
            self._flush(context)
            return
        inner = self._entered(node, tag, context)
        self._flush(context)
        self._note_anchor(node, inner)
        if tag == "table":
            self._table(node, inner)
        elif tag == "pre":
            self._code(node, inner)
        elif tag in ("ul", "ol"):
            self._list(node, tag, inner)
        else:
            self._walk(node, inner)
        self._flush(inner)

    def _entered(self, node: Any, tag: str, context: Context) -> Context:
        """Return the context inside a block."""
        language = node.get(XML_LANGUAGE) or node.get("lang")
        if language:
            context = replace(context, language=language.split("-")[0].lower())
        if self._is_note(node, context):
            return replace(context, kind=BlockKind.FOOTNOTE, level=0, in_note=True)
        if context.in_note:
            return context
        if tag in HEADINGS:
            return replace(context, kind=BlockKind.HEADING, level=HEADINGS[tag])
        if tag == "blockquote":
            return replace(context, kind=BlockKind.QUOTE)
        if tag in ("figcaption", "caption"):
            return replace(context, kind=BlockKind.CAPTION, level=0)
        return context

    def _is_note(self, node: Any, context: Context) -> bool:
        types = _types(node)
        if types & NOTE_TYPES or (types & NOTE_GROUPS and _name(node) != "section"):
            return True
        identifier = node.get("id")
        return bool(identifier) and self.own_anchor(identifier) in self.note_targets

    def _list(self, node: Any, tag: str, context: Context) -> None:
        is_note = context.kind is BlockKind.FOOTNOTE
        kind = BlockKind.FOOTNOTE if is_note else BlockKind.LIST
        inside = replace(context, kind=kind, level=context.level + 1)
        if context.kind in (BlockKind.HEADING, BlockKind.QUOTE):
            inside = replace(inside, level=1)
        number = _whole(node.get("start"), default=1)
        for child in node:
            if not isinstance(child.tag, str):
                continue
            prefix = ""
            if _name(child) == "li" and tag == "ol" and not is_note:
                number = _whole(child.get("value"), default=number)
                prefix, number = f"{number}. ", number + 1
            self._block(child, replace(inside, prefix=prefix))

    def _code(self, node: Any, context: Context) -> None:
        text = InlineText(keeps_space=True)
        text.add("".join(node.itertext()))
        code, _ = text.result()
        if code.strip():
            self._append(code, BlockKind.CODE, (), context)

    def _table(self, node: Any, context: Context) -> None:
        rows = list(_rows(node))
        if _is_layout(node, rows):
            for row in rows:
                for cell in row:
                    self._block(cell, context)
            return
        for caption in node:
            if isinstance(caption.tag, str) and _name(caption) == "caption":
                self._block(caption, context)
        lines = ["\t".join(_cell_text(cell) for cell in row).rstrip() for row in rows]
        text = "\n".join(line for line in lines if line.strip())
        if text:
            self._append(text, BlockKind.TABLE, (), context)

    def _note_anchor(self, node: Any, context: Context) -> None:
        """Remember where something points, for the element that comes next."""
        identifier = node.get("id") or (node.get("name") if _name(node) == "a" else "")
        if not identifier or self._anchor:
            return
        anchor = self.own_anchor(identifier)
        if context.in_note or anchor in self.targets:
            self._anchor = anchor

    def _flush(self, context: Context) -> None:
        """End the running text, as an element if there is any."""
        text, spans = self._text.result()
        self._text = InlineText()
        if text and any(char.isalnum() for char in text):
            if context.prefix:
                spans = tuple(
                    replace(
                        span,
                        start=span.start + len(context.prefix),
                        end=span.end + len(context.prefix),
                    )
                    for span in spans
                )
            self._append(context.prefix + text, context.kind, spans, context)

    def _append(
        self, text: str, kind: BlockKind, spans: tuple[Any, ...], context: Context
    ) -> None:
        level = context.level if kind in (BlockKind.HEADING, BlockKind.LIST) else 0
        self._elements.append(
            Element(kind, text, level, spans, context.language, self._anchor)
        )
        self._anchor = ""


def is_note_reference(node: Any, words: str) -> bool:
    """Return whether a link is the mark of a note, by what it says it is."""
    if _types(node) & NOTE_REFERENCES:
        return True
    reference = node.get("href") or ""
    if "#" not in reference or not NOTE_MARK.fullmatch(words.lower()):
        return False
    parent = node.getparent()
    raised = parent is not None and _name(parent) == "sup"
    holds_raised = any(isinstance(c.tag, str) and _name(c) == "sup" for c in node)
    said = re.search(r"(foot|end)?note|fn", f"{node.get('class')} {reference}".lower())
    return raised or holds_raised or bool(said)


def _name(node: Any) -> str:
    """Return a tag without its namespace, in lower case."""
    tag: str = node.tag
    return tag.rsplit("}", 1)[-1].lower()


def _types(node: Any) -> set[str]:
    return set(f"{node.get(EPUB_TYPE) or ''} {node.get('role') or ''}".split())


def _is_place_mark(node: Any) -> bool:
    """Return whether a node only numbers a printed page or a line of verse."""
    stated = "pagebreak" in _types(node) or "doc-pagebreak" in _types(node)
    if not stated and not PLACE_MARKS.search(node.get("class") or ""):
        return False
    words = "".join(node.itertext()).strip()
    return not words or bool(NUMBER.fullmatch(words))


def _is_hidden(node: Any) -> bool:
    style = (node.get("style") or "").replace(" ", "").lower()
    return node.get("hidden") is not None or "display:none" in style


def _rows(table: Any) -> Iterator[list[Any]]:
    """Yield the cells of each row, of this table and not of tables inside it."""
    for child in table:
        if not isinstance(child.tag, str):
            continue
        tag = _name(child)
        if tag == "tr":
            yield [c for c in child if isinstance(c.tag, str)]
        elif tag in ("thead", "tbody", "tfoot"):
            yield from _rows(child)


def _is_layout(table: Any, rows: list[list[Any]]) -> bool:
    """Return whether a table only places running text on the page."""
    if max((len(row) for row in rows), default=0) < 2 or len(rows) < 2:
        return True
    if any(_name(n) == "table" for n in table.iterdescendants("*") if n is not table):
        return True
    cells = [_cell_text(cell) for row in rows for cell in row]
    return max(map(len, cells), default=0) > 600


def _cell_text(cell: Any) -> str:
    return " ".join("".join(cell.itertext()).split())


def _whole(stated: str | None, *, default: int) -> int:
    return int(stated) if stated and re.fullmatch(r"-?\d{1,6}", stated) else default
