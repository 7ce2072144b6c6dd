"""Text as XHTML: escaped, without what XML cannot hold, marked up inside fragments."""

import itertools
import re
from collections.abc import Iterator, Sequence
from html import escape

from lectern.documents.blocks import Block
from lectern.documents.pages import BlockKind, Span, SpanKind
from lectern.exports.fragments import Fragment

NOT_XML = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
"""Characters that no XML 1.0 document may hold, or that it discourages."""
TAGS = {SpanKind.EMPHASIS: "em", SpanKind.STRONG: "strong", SpanKind.CODE: "code"}
CLASSES = {
    BlockKind.CAPTION: "caption",
    BlockKind.TABLE: "table",
    BlockKind.CODE: "code",
    BlockKind.MATHS: "maths",
    BlockKind.LIST: "item",
    BlockKind.FOOTNOTE: "note",
}


def plain(text: str) -> str:
    """Return somebody's text so that XML shows it sign by sign."""
    return escape(NOT_XML.sub("\ufffd", text), quote=True)


def fragment_id(block: Block, number: int) -> str:
    """Return the id of a block's fragment inside its page."""
    return f"b{block.index}-{number}"


def block_markup(block: Block, fragments: Sequence[Fragment]) -> str:
    """Return the inside of a block: its text, each fragment an element with an id."""
    parts: list[str] = []
    at = 0
    for number, fragment in enumerate(fragments):
        end = fragment.end_char
        while end > fragment.start_char and block.shown[end - 1].isspace():
            end -= 1
        parts.append(_marked(block, at, fragment.start_char))
        inside = _marked(block, fragment.start_char, end)
        parts.append(f'<span id="{fragment_id(block, number)}">{inside}</span>')
        at = end
    parts.append(_marked(block, at, len(block.shown)))
    return "".join(parts)


def paragraph(blocks: Sequence[Block], insides: Sequence[str]) -> str:
    """Return the blocks of one paragraph as one element."""
    first = blocks[0]
    body = " ".join(insides)
    about = f' id="p{first.index}"'
    if first.language:
        about += f' lang="{plain(first.language)}" xml:lang="{plain(first.language)}"'
    if first.direction == "rtl":
        about += ' dir="rtl"'
    match first.kind:
        case BlockKind.HEADING:
            level = min(6, max(1, first.level))
            return f"<h{level}{about}>{body}</h{level}>"
        case BlockKind.QUOTE:
            return f"<blockquote{about}><p>{body}</p></blockquote>"
        case BlockKind.FOOTNOTE:
            return f'<aside epub:type="footnote"{about}><p>{body}</p></aside>'
    kind = CLASSES.get(first.kind)
    return f"<p{about}" + (f' class="{kind}"' if kind else "") + f">{body}</p>"


def _marked(block: Block, start: int, end: int) -> str:
    """Return a stretch of a block's text with its emphasis."""
    if end <= start:
        return ""
    spans = [
        span
        for span in block.spans
        if span.kind in TAGS and span.start < end and span.end > start
    ]
    return "".join(_pieces(block.shown, spans, start, end))


def _pieces(text: str, spans: Sequence[Span], start: int, end: int) -> Iterator[str]:
    edges = {start, end}
    for span in spans:
        edges |= {max(start, span.start), min(end, span.end)}
    cuts = sorted(edges)
    for first, last in itertools.pairwise(cuts):
        tags = sorted(
            {TAGS[span.kind] for span in spans if span.start <= first < span.end}
        )
        opened = "".join(f"<{tag}>" for tag in tags)
        closed = "".join(f"</{tag}>" for tag in reversed(tags))
        yield f"{opened}{plain(text[first:last])}{closed}"
