"""Pages as an engine recognised them, and the order a reader expects them in.

A page holds either printed ``lines`` (PDF text layer, OCR), from which paragraphs
have to be rebuilt, or ``elements`` (EPUB, HTML, office files, Markdown), whose
structure the source itself states.
"""

from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a piece of text is; decides how it is shown and whether it is spoken."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    QUOTE = "quote"
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    TABLE = "table"
    CODE = "code"
    MATHS = "maths"
    FURNITURE = "furniture"  # running heads, folios, margin numbers


class SpanKind(StrEnum):
    """What a stretch inside a block is."""

    LINK = "link"
    CITATION = "citation"  # "[12]", "(Smith et al., 2020)" in square-bracket styles
    NOTE_MARK = "note_mark"  # the raised number that leads to a footnote
    CODE = "inline_code"  # unlike BlockKind's, as both are keys of one policy
    MATHS = "inline_maths"
    EMPHASIS = "emphasis"
    STRONG = "strong"
    SAID = "said"  # a filter's: said otherwise, as ``target`` says


class RecognitionMethod(StrEnum):
    """How the text of a page was won."""

    TEXT_LAYER = "text_layer"
    TESSERACT = "tesseract"
    RAPIDOCR = "rapidocr"
    MISTRAL = "mistral"
    VISION = "vision"  # a vision model on a server
    MARKUP = "markup"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle as fractions of the page, 0…1 from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Span:
    """A marked stretch of a text: characters ``start`` to ``end`` (exclusive)."""

    start: int
    end: int
    kind: SpanKind
    target: str = ""  # a link's URL or anchor, a note's label, what is said instead


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line, in the order the engine stated.

    ``text`` ends in U+FFFE where the source marks a line-end hyphen as soft.
    """

    text: str
    box: Box | None = None
    font_size_pt: float | None = None
    bold: bool = False
    italic: bool = False
    rotated: bool = False  # runs up or down the page, as a margin stamp does
    confidence: float | None = None  # 0…1, OCR only


@dataclass(frozen=True, slots=True)
class Element:
    """One piece of text whose kind the source states."""

    kind: BlockKind
    text: str
    level: int = 0  # heading 1…6; nesting depth of a list item from 1
    spans: tuple[Span, ...] = ()
    language: str | None = None  # BCP 47, where the source states it
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    """One page as its engine replied."""

    number: int  # one-based, as stated by the engine; never its place in the reply
    method: RecognitionMethod
    engine: str  # name and version, "pypdfium2 5.15.2"
    content_digest: str  # of what was recognised, so that the result can be cached
    lines: tuple[Line, ...] = ()
    elements: tuple[Element, ...] = ()
    width_pt: float = 0.0
    height_pt: float = 0.0
    rotation_degrees: int = 0  # by which the page was turned to be read
    confidence: float | None = None  # mean, 0…1, OCR only
    remarks: tuple[str, ...] = ()  # what a person should know about this page


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """One line of a table of contents, where the file carries one."""

    title: str
    level: int  # from 1
    page: int | None = None  # one-based
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Recognition:
    """All that recognition found in one file."""

    pages: tuple[RecognisedPage, ...]  # in the engine's order, unsorted
    page_count: int  # how many the file states to have
    title: str = ""  # from metadata, empty when none or useless
    author: str = ""
    language: str | None = None
    outline: tuple[OutlineEntry, ...] = ()
    reused_pages: int = 0  # taken from the page cache
    sent_pages: int = 0  # read by an engine elsewhere, as that engine counts them
    replies: tuple[bytes, ...] = ()  # JSON as that engine sent it
