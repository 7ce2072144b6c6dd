"""What is said of what is shown: speak, skip or announce, by kind.

The policy is applied when a block is spoken and never changes the block.
"""

from dataclasses import dataclass
from enum import StrEnum

from lectern.documents.pages import BlockKind, SpanKind


class Speaking(StrEnum):
    """What to do with a kind of text."""

    SPEAK = "speak"
    SKIP = "skip"
    ANNOUNCE = "announce"  # say that it is there: "Table.", "Code, 12 lines."


Policy = dict[BlockKind | SpanKind, Speaking]
"""Choices that differ from ``DEFAULT_POLICY``."""

DEFAULT_POLICY: dict[BlockKind | SpanKind, Speaking] = {
    BlockKind.HEADING: Speaking.SPEAK,
    BlockKind.PARAGRAPH: Speaking.SPEAK,
    BlockKind.LIST: Speaking.SPEAK,
    BlockKind.QUOTE: Speaking.SPEAK,
    BlockKind.CAPTION: Speaking.SPEAK,
    BlockKind.FOOTNOTE: Speaking.SKIP,
    BlockKind.TABLE: Speaking.ANNOUNCE,
    BlockKind.CODE: Speaking.ANNOUNCE,
    BlockKind.MATHS: Speaking.ANNOUNCE,
    BlockKind.FURNITURE: Speaking.SKIP,
    SpanKind.CITATION: Speaking.SKIP,
    SpanKind.NOTE_MARK: Speaking.SKIP,
    SpanKind.LINK: Speaking.SPEAK,  # the linked words; a bare address is announced
    SpanKind.CODE: Speaking.SPEAK,
    SpanKind.MATHS: Speaking.SPEAK,
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """``spoken[spoken_start:spoken_end]`` says ``shown[shown_start:shown_end]``."""

    spoken_start: int
    spoken_end: int
    shown_start: int
    shown_end: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is said of one block."""

    text: str  # empty when skipped
    skipped_because: str | None  # "furniture", "footnote", …; None when spoken
    stretches: tuple[Stretch, ...]  # covers ``text`` in order, without gaps
