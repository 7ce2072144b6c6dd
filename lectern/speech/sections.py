"""Sections: how far back a voice that goes on from what it said may listen.

Each heading begins one, so that sections can be spoken side by side, and an edit
changes the sound of what follows in its own section only. A long stretch without a
heading is divided as well: whoever jumps into it must not wait until all that comes
before has been spoken.
"""

from collections.abc import Sequence

from lectern.documents.blocks import Block
from lectern.documents.pages import BlockKind

LONGEST_SECTION_BLOCKS = 24
"""Past this many a new paragraph begins a section; about seven minutes of speech."""


def section_starts(blocks: Sequence[Block]) -> list[int]:
    """Return for each block the index of the block that its section begins with."""
    starts: list[int] = []
    start = 0
    for index, block in enumerate(blocks):
        is_long = index - start >= LONGEST_SECTION_BLOCKS
        if block.kind is BlockKind.HEADING or (is_long and block.part == 0):
            start = index
        starts.append(start)
    return starts
