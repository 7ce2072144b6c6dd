"""The silence after a block. It is part of the block's own sound.

A player that plays blocks one after the other, and an export that joins them, need
no pauses of their own. The numbers depend on the block alone and never on its
neighbours: otherwise an edit in one block would change the sound of another.
"""

from lectern.documents.pages import BlockKind

AFTER_SENTENCE_MS: dict[BlockKind, int] = {
    BlockKind.HEADING: 800,
    BlockKind.PARAGRAPH: 460,
    BlockKind.LIST: 420,
    BlockKind.QUOTE: 500,
    BlockKind.CAPTION: 560,
    BlockKind.FOOTNOTE: 500,
    BlockKind.TABLE: 600,
    BlockKind.CODE: 600,
    BlockKind.MATHS: 500,
    BlockKind.FURNITURE: 400,
}
AFTER_CLAUSE_MS = 220
"""A block that had to end inside a sentence, at a comma or the like."""
AFTER_WORD_MS = 40
"""A block that had to end between two words: hardly any silence."""

STANDALONE = frozenset(
    {
        BlockKind.HEADING,
        BlockKind.LIST,
        BlockKind.CAPTION,
        BlockKind.TABLE,
        BlockKind.CODE,
        BlockKind.MATHS,
        BlockKind.FURNITURE,
    }
)
"""Kinds that are complete without a full stop."""

SENTENCE_ENDS = frozenset(".!?…。！？｡।॥؟۔։።჻¡¿")
CLAUSE_ENDS = frozenset(",;:–—，、；：،؛")
CLOSERS = "\"'”’»›)]}」』）】〉》 \u200e\u200f"


def pause_after_ms(kind: BlockKind, spoken: str) -> int:
    """Return the milliseconds of silence after a block of this kind and text."""
    text = spoken.rstrip(CLOSERS)
    last = text[-1:]
    if kind in STANDALONE or last in SENTENCE_ENDS or not last:
        return AFTER_SENTENCE_MS[kind]
    return AFTER_CLAUSE_MS if last in CLAUSE_ENDS else AFTER_WORD_MS
