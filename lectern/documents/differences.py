"""What two readings of one page have in common, word by word."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_WORDS = 4000
"""Of one page; a longer one is compared as far as this, the rest as one piece."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of words: the same in both readings, or what each has in its place."""

    left: str
    right: str

    @property
    def is_same(self) -> bool:
        """Whether both readings have the same words here."""
        return self.left == self.right


def compare(left: str, right: str) -> tuple[Piece, ...]:
    """Return two texts as stretches, the same ones and the different ones in turn.

    White space does not count. The left sides joined give the words of the left
    text, the right sides those of the right one.
    """
    ours, theirs = left.split(), right.split()
    head, their_head = ours[:MOST_WORDS], theirs[:MOST_WORDS]
    matcher = SequenceMatcher(None, head, their_head, autojunk=False)
    pieces = [
        Piece(" ".join(head[a:b]), " ".join(their_head[c:d]))
        for _, a, b, c, d in matcher.get_opcodes()
    ]
    rest = Piece(" ".join(ours[MOST_WORDS:]), " ".join(theirs[MOST_WORDS:]))
    if rest.left or rest.right:
        pieces.append(rest)
    return tuple(pieces)


def share_same(pieces: Sequence[Piece]) -> float:
    """Return which share of the words of both readings is the same, 0…1."""
    same = sum(2 * len(piece.left.split()) for piece in pieces if piece.is_same)
    words = sum(len(p.left.split()) + len(p.right.split()) for p in pieces)
    return same / words if words else 1.0
