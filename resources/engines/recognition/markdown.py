"""Markdown to elements, by the tokens of markdown-it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lectern.documents.pages import BlockKind, Element, SpanKind
from resources.engines.recognition.inline import InlineText

if TYPE_CHECKING:
    from markdown_it.token import Token

NOTE_ANCHOR = "note-"
TITLE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
SPAN_KINDS = {"em": SpanKind.EMPHASIS, "strong": SpanKind.STRONG, "link": SpanKind.LINK}
HTML_TAG = re.compile(r"<[^>]*>")
SILENT_ELEMENT = re.compile(r"<(script|style|template|textarea)\b")


def read(text: str) -> tuple[list[Element], str]:
    """Return the elements of a text, and the title its front matter states."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin

    parser = (
        MarkdownIt("commonmark", {"maxNesting": 50})
        .enable(["table", "strikethrough"])
        .use(front_matter_plugin)
        .use(footnote_plugin)
        .use(dollarmath_plugin, double_inline=True)
    )
    reader = _Reader()
    for token in parser.parse(text):
        reader.take(token)
    return reader.elements, reader.title


@dataclass(slots=True)
class _Reader:
    """Follows the tokens, and knows what is open around them."""

    elements: list[Element] = field(default_factory=list)
    title: str = ""
    _lists: list[int | None] = field(default_factory=list)  # next number, or None
    _prefix: str = ""
    _quotes: int = 0
    _note: str | None = None
    _heading: int = 0
    _rows: list[list[str]] | None = None

    def take(self, token: "Token") -> None:
        """Take in one block token."""
        handler = getattr(self, f"_on_{token.type}", None)
        if handler:
            handler(token)

    def _on_front_matter(self, token: "Token") -> None:
        found = TITLE.search(token.content)
        self.title = found.group(1) if found else ""

    def _on_heading_open(self, token: "Token") -> None:
        self._heading = int(token.tag[1])

    def _on_heading_close(self, _: "Token") -> None:
        self._heading = 0

    def _on_bullet_list_open(self, _: "Token") -> None:
        self._lists.append(None)

    def _on_ordered_list_open(self, token: "Token") -> None:
        self._lists.append(int(token.attrGet("start") or 1))

    def _on_bullet_list_close(self, _: "Token") -> None:
        self._lists.pop()

    _on_ordered_list_close = _on_bullet_list_close

    def _on_list_item_open(self, _: "Token") -> None:
        number = self._lists[-1]
        self._prefix = "" if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1

    def _on_blockquote_open(self, _: "Token") -> None:
        self._quotes += 1

    def _on_blockquote_close(self, _: "Token") -> None:
        self._quotes -= 1

    def _on_footnote_open(self, token: "Token") -> None:
        self._note = _anchor(token)

    def _on_footnote_close(self, _: "Token") -> None:
        self._note = None

    def _on_table_open(self, _: "Token") -> None:
        self._rows = []

    def _on_tr_open(self, _: "Token") -> None:
        if self._rows is not None:
            self._rows.append([])

    def _on_table_close(self, _: "Token") -> None:
        rows = self._rows or []
        self._rows = None
        text = "\n".join("\t".join(row) for row in rows)
        self.elements.append(Element(BlockKind.TABLE, text))

    def _on_fence(self, token: "Token") -> None:
        if code := token.content.strip("\n"):
            self.elements.append(Element(BlockKind.CODE, code))

    _on_code_block = _on_fence

    def _on_math_block(self, token: "Token") -> None:
        if maths := token.content.strip():
            self.elements.append(Element(BlockKind.MATHS, maths))

    _on_math_block_label = _on_math_block

    def _on_html_block(self, token: "Token") -> None:
        from resources.engines.recognition.web_page import fragment

        self.elements += fragment(token.content)

    def _on_inline(self, token: "Token") -> None:
        text = InlineText()
        if self._prefix:
            text.add(self._prefix)
            self._prefix = ""
        _add_inline(text, list(_readable(token.children or [])))
        shown, spans = text.result()
        if self._rows is not None:
            self._rows[-1].append(shown.replace("\n", " "))
        elif shown:
            kind, level = self._kind()
            anchor, self._note = self._note or "", self._note and ""
            self.elements.append(Element(kind, shown, level, spans, None, anchor))

    def _kind(self) -> tuple[BlockKind, int]:
        if self._note is not None:
            return BlockKind.FOOTNOTE, 0
        if self._heading:
            return BlockKind.HEADING, self._heading
        if self._lists:
            return BlockKind.LIST, len(self._lists)
        return (BlockKind.QUOTE if self._quotes else BlockKind.PARAGRAPH), 0


def _add_inline(text: InlineText, tokens: "list[Token]") -> None:
    """Add running text, opening and closing spans as their tokens come."""
    open_marks = []
    for token in tokens:
        name, _, edge = token.type.rpartition("_")
        if edge == "open" and name in SPAN_KINDS:
            mark = text.marked(SPAN_KINDS[name], str(token.attrGet("href") or ""))
            mark.__enter__()
            open_marks.append(mark)
        elif edge == "close" and name in SPAN_KINDS and open_marks:
            open_marks.pop().__exit__(None, None, None)
        else:
            _add_leaf(text, token)


def _add_leaf(text: InlineText, token: "Token") -> None:
    match token.type:
        case "text" | "text_special":
            text.add(token.content)
        case "softbreak":
            text.add(" ")
        case "hardbreak":
            text.break_line()
        case "code_inline":
            with text.marked(SpanKind.CODE):
                text.add(token.content)
        case "math_inline" | "math_inline_double":
            with text.marked(SpanKind.MATHS):
                text.add(token.content)
        case "footnote_ref":
            with text.marked(SpanKind.NOTE_MARK, _anchor(token)):
                text.add(str(token.meta["id"] + 1))
        case "html_inline" if token.content.lower().startswith("<br"):
            text.break_line()
        case _:
            return


def _readable(children: Sequence["Token"]) -> Iterator["Token"]:
    """Leave out what stands inside script and style elements."""
    inside = ""
    for child in children:
        tag = child.content.lower() if child.type == "html_inline" else ""
        if inside:
            inside = "" if tag.startswith(f"</{inside}") else inside
        elif match := SILENT_ELEMENT.match(tag):
            inside = match[1]
        else:
            yield child


def _anchor(token: "Token") -> str:
    return f"{NOTE_ANCHOR}{token.meta['id'] + 1}"
