"""Blocks: the pieces of a document that are shown, spoken and cached one by one."""

from dataclasses import dataclass
from typing import Literal

from lectern.documents.pages import BlockKind, Span
from lectern.ids import BlockId


@dataclass(frozen=True, slots=True)
class Block:
    """A few sentences of one paragraph: about 250 characters, 325 at most."""

    id: BlockId
    index: int  # from 0, in reading order
    kind: BlockKind
    page: int  # one-based page on which it starts
    paragraph: int  # from 0; blocks cut from one paragraph share it
    start_char: int  # in the document's text; paragraphs are joined by "\n\n"
    end_char: int  # exclusive
    shown: str
    spans: tuple[Span, ...]  # offsets in ``shown``
    language: str  # BCP 47 primary tag, "en"
    direction: Literal["ltr", "rtl"]
    level: int  # heading 1…6, list depth, else 0
    chapter: int | None  # index into the document's chapters
    part: int = 0  # from 0, its place among the blocks of its paragraph


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the document a reader can jump to."""

    title: str
    level: int  # from 1
    block_index: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a check found in the pages, in words for a person."""

    code: Literal[
        "missing_page",
        "repeated_page",
        "reordered_pages",
        "low_confidence",
        "folio_out_of_order",
        "furniture",
        "remark",
    ]
    message: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The readable result of one document version."""

    blocks: tuple[Block, ...]
    chapters: tuple[Chapter, ...]
    findings: tuple[Finding, ...]
    title: str
    language: str
    page_count: int
