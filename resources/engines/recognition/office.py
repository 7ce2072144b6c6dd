"""Office documents, read by pandoc in its sandbox to its own syntax tree.

pandoc is a program of its own, so it gets this process's limits and no file but
the one it is given.
"""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind, Element, Span, SpanKind
from lectern.errors import DamagedFile, PasswordProtected, TookTooLong
from resources.engines.recognition.guards import Archive, Caps
from resources.engines.recognition.inline import InlineText
from resources.engines.recognition.text_boxes import with_boxes_freed

READERS = {
    Format.DOCX: "docx",
    Format.ODT: "odt",
    Format.PPTX: "pptx",
    Format.RTF: "rtf",
    Format.FB2: "fb2",
}
ARCHIVES = frozenset({Format.DOCX, Format.ODT, Format.PPTX})
HEAP_MEGABYTES = 900
"""Of pandoc; a book of 900 pages takes 600."""
NOTE_ANCHOR = "note-"
SPAN_KINDS = {
    "Emph": SpanKind.EMPHASIS,
    "Strong": SpanKind.STRONG,
}
PASSED_THROUGH = frozenset(
    {"Underline", "Strikeout", "Subscript", "SmallCaps", "Emph", "Strong"}
)
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
CAPTION_STYLES = re.compile(r"caption|beschriftung|légende", re.IGNORECASE)
QUOTE_STYLES = re.compile(r"quot|zitat|citation", re.IGNORECASE)


def read(path: Path, kind: Format, caps: Caps) -> tuple[list[Element], dict[str, str]]:
    """Return the elements of a document, and its title, author and language.

    Raises:
        DamagedFile: pandoc cannot read it.
        InflatesTooMuch: It unpacks to more than allowed.
        PasswordProtected: It is encrypted.
    """
    if kind in ARCHIVES:
        with Archive(path, caps) as archive:
            archive.check()
            if kind is Format.ODT and _is_encrypted(archive):
                raise PasswordProtected(
                    "This OpenDocument text is protected with a password. Open it in "
                    "LibreOffice, save it without the password, and upload it again."
                )
            if kind is Format.DOCX:
                path = with_boxes_freed(path, archive, Path.cwd())
    if kind is Format.RTF:
        path = _with_plain_notes(path, Path.cwd() / "notes.rtf")
    tree = _tree(path, READERS[kind])
    reader = _Reader()
    reader.blocks(tree["blocks"], _Context())
    stated = _metadata(tree["meta"])
    return [*_title(stated, reader.elements), *reader.elements, *reader.notes], stated


def _with_plain_notes(path: Path, copy: Path) -> Path:
    """Return an RTF whose notes pandoc sees: it skips those marked as optional."""
    data = path.read_bytes()
    if b"{\\*\\footnote" not in data:
        return path
    copy.write_bytes(data.replace(b"{\\*\\footnote", b"{\\footnote"))
    return copy


def _title(stated: dict[str, str], elements: list[Element]) -> list[Element]:
    """Return the title as a heading: pandoc takes it out of the text."""
    title = stated.get("title", "")
    if not title or any(element.text == title for element in elements[:3]):
        return []
    return [Element(BlockKind.HEADING, title, 1)]


def _is_encrypted(archive: Archive) -> bool:
    name = "META-INF/manifest.xml"
    return archive.has(name) and b"encryption-data" in archive.read(name)


def _tree(path: Path, reader: str) -> dict[str, Any]:
    """Return pandoc's syntax tree of a document."""
    import pypandoc

    # Text boxes of DOCX and frames of ODT are read too; styles tell captions.
    extensions = "+styles" if reader == "docx" else ""
    command = [
        str(pypandoc.get_pandoc_path()),
        "--sandbox",
        f"--from={reader}{extensions}",
        "--to=json",
        "+RTS", f"-M{HEAP_MEGABYTES}m", "-RTS",
        str(path),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL, 251):
        raise TookTooLong(
            "The document is too large or too intricate to be read. Split it, or save "
            "it as PDF, and try again."
        )
    if done.returncode != 0:
        raise DamagedFile(
            "The document cannot be read: it is damaged or not of the kind it claims "
            "to be. Open it in the program it comes from, save it again, and try that."
        )
    tree: dict[str, Any] = json.loads(done.stdout)
    return tree


def _metadata(meta: dict[str, Any]) -> dict[str, str]:
    return {
        name: _meta_text(meta[name])
        for name in ("title", "author", "lang")
        if name in meta
    }


def _meta_text(value: Any) -> str:
    if value["t"] == "MetaList":
        return ", ".join(_meta_text(item) for item in value["c"])
    if value["t"] == "MetaString":
        return str(value["c"])
    text = InlineText()
    for inline in value["c"] if value["t"] == "MetaInlines" else ():
        _plain(inline, text)
    return text.result()[0]


@dataclass(frozen=True, slots=True)
class _Context:
    """What surrounds a block."""

    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    prefix: str = ""
    anchor: str = ""


@dataclass(slots=True)
class _Reader:
    """Turns pandoc's blocks into elements; notes are kept for the end."""

    elements: list[Element] = field(default_factory=list)
    notes: list[Element] = field(default_factory=list)
    _note_count: int = 0

    def blocks(self, blocks: list[Any], context: _Context) -> None:
        """Take in blocks one after another; a prefix belongs to the first."""
        for block in blocks:
            before = len(self.elements)
            self._block(block["t"], block.get("c"), context)
            if len(self.elements) > before:
                context = replace(context, prefix="", anchor="")

    def _block(self, kind: str, content: Any, context: _Context) -> None:
        handler = getattr(self, f"_on_{kind.lower()}", None)
        if handler:  # rules and raw markup say nothing
            handler(content, context)

    def _on_para(self, inlines: list[Any], context: _Context) -> None:
        text = InlineText()
        text.add(context.prefix)
        self._inlines(inlines, text)
        shown, spans = text.result()
        if len(spans) == 1 and _is_maths_alone(spans[0], shown):
            self._append(shown, BlockKind.MATHS, (), context)
        else:
            self._append(shown, context.kind, spans, context)

    _on_plain = _on_para

    def _on_header(self, content: Any, _: _Context) -> None:
        level, (identifier, *_rest), inlines = content
        heading = _Context(BlockKind.HEADING, min(level, 6), "", identifier)
        self._on_para(inlines, heading)

    def _on_bulletlist(self, items: list[Any], context: _Context) -> None:
        self._list(items, context, numbers=None)

    def _on_orderedlist(self, content: Any, context: _Context) -> None:
        (start, *_), items = content
        self._list(items, context, numbers=start)

    def _on_definitionlist(self, content: Any, context: _Context) -> None:
        for term, definitions in content:
            self._on_para(term, context)
            for definition in definitions:
                self.blocks(definition, context)

    def _on_blockquote(self, blocks: list[Any], context: _Context) -> None:
        is_plain = context.kind is BlockKind.PARAGRAPH
        kind = BlockKind.QUOTE if is_plain else context.kind
        self.blocks(blocks, replace(context, kind=kind))

    def _on_codeblock(self, content: Any, context: _Context) -> None:
        self._append(content[1].strip("\n"), BlockKind.CODE, (), context)

    def _on_figure(self, content: Any, context: _Context) -> None:
        _, (_, caption), body = content
        self.blocks(body, context)
        self.blocks(caption, replace(context, kind=BlockKind.CAPTION))

    def _list(
        self, items: list[Any], context: _Context, *, numbers: int | None
    ) -> None:
        inside = replace(context, kind=BlockKind.LIST, level=context.level + 1)
        for place, item in enumerate(items):
            prefix = "" if numbers is None else f"{numbers + place}. "
            self.blocks(item, replace(inside, prefix=prefix))

    def _on_lineblock(self, lines: list[Any], context: _Context) -> None:
        inlines: list[Any] = []
        for line in lines:
            inlines += [*line, {"t": "LineBreak"}]
        self._on_para(inlines, context)

    def _on_div(self, content: Any, context: _Context) -> None:
        (_, _, attributes), blocks = content
        style = dict(attributes).get("custom-style", "")
        if CAPTION_STYLES.search(style):
            context = replace(context, kind=BlockKind.CAPTION)
        elif QUOTE_STYLES.search(style):
            context = replace(context, kind=BlockKind.QUOTE)
        elif style.lower() == "title":
            context = _Context(BlockKind.HEADING, 1)
        self.blocks(blocks, context)

    def _on_table(self, content: Any, context: _Context) -> None:
        _, (_, caption), _, (_, head_rows), bodies, (_, foot_rows) = content
        self.blocks(caption, replace(context, kind=BlockKind.CAPTION))
        rows = list(head_rows)
        for _, _, intermediate, body in bodies:
            rows += [*intermediate, *body]
        rows += foot_rows
        cells = [[cell[4] for cell in row[1]] for row in rows]
        if max((len(row) for row in cells), default=0) < 2:  # a frame round text
            for row in cells:
                for blocks in row:
                    self.blocks(blocks, context)
            return
        lines = ["\t".join(self._cell(blocks) for blocks in row) for row in cells]
        text = "\n".join(line for line in lines if line.strip())
        self._append(text, BlockKind.TABLE, (), context)

    def _cell(self, blocks: list[Any]) -> str:
        inner = _Reader()
        inner.blocks(blocks, _Context())
        return " ".join(" ".join(e.text for e in inner.elements).split())

    def _append(
        self, text: str, kind: BlockKind, spans: tuple[Span, ...], context: _Context
    ) -> None:
        if text.strip() and text.strip() != context.prefix.strip():
            level = context.level if kind in (BlockKind.HEADING, BlockKind.LIST) else 0
            self.elements.append(
                Element(kind, text, level, spans, None, context.anchor)
            )

    def _inline(self, inline: Any, text: InlineText) -> None:
        kind, content = inline["t"], inline.get("c")
        if kind == "Note":
            self._note(content, text)
        elif kind == "Link":
            _, inlines, (target, _) = content
            with text.marked(SpanKind.LINK, target.removeprefix("#")):
                self._inlines(inlines, text)
        elif kind in PASSED_THROUGH:
            mark = SPAN_KINDS.get(kind)
            with text.marked(mark) if mark else nullcontext():
                self._inlines(content, text)
        elif kind in ("Span", "Cite"):
            self._inlines(content[1], text)
        elif kind == "Quoted":
            single = content[0]["t"] == "SingleQuote"
            text.add("‘" if single else "“")
            self._inlines(content[1], text)
            text.add("’" if single else "”")
        else:
            _plain(inline, text)

    def _inlines(self, inlines: list[Any], text: InlineText) -> None:
        for inline in inlines:
            self._inline(inline, text)

    def _note(self, blocks: list[Any], text: InlineText) -> None:
        self._note_count += 1
        anchor = f"{NOTE_ANCHOR}{self._note_count}"
        with text.marked(SpanKind.NOTE_MARK, anchor):
            text.add(str(self._note_count))
        inner = _Reader()
        inner.blocks(blocks, _Context(BlockKind.FOOTNOTE, anchor=anchor))
        self.notes += inner.elements


def _is_maths_alone(span: Span, shown: str) -> bool:
    is_whole = span.start == 0 and span.end == len(shown)
    return span.kind is SpanKind.MATHS and is_whole


def _plain(inline: Any, text: InlineText) -> None:
    """Add an inline that holds no others."""
    kind, content = inline["t"], inline.get("c")
    match kind:
        case "Str":
            text.add(content)
        case "Space" | "SoftBreak":
            text.add(" ")
        case "LineBreak":
            text.break_line()
        case "Code":
            # Some converters call every fixed-width letter code, above all in Japanese.
            mark = text.marked(SpanKind.CODE) if content[1].isascii() else nullcontext()
            with mark:
                text.add(content[1])
        case "Math":
            with text.marked(SpanKind.MATHS):
                text.add(content[1])
        case "Superscript":
            inner = InlineText()
            for part in content:
                _plain(part, inner)
            text.add(inner.result()[0].translate(SUPERSCRIPTS))
        case _:
            if isinstance(content, list):
                for part in _inner(content):
                    _plain(part, text)


def _inner(content: list[Any]) -> Iterator[Any]:
    """Yield the inlines inside an inline of any other kind; pictures hold none."""
    for part in content:
        if isinstance(part, dict) and "t" in part:
            yield part
