"""Words broken at line ends, joined by what the document itself writes elsewhere.

A hyphen at a line's end is either the printer's ("com-pile") or the writer's
("half-second"). The same word mostly occurs again, unbroken, in the same document.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from lectern.documents.characters import SOFT_HYPHEN

HYPHENS = "-\u2010\u00ad" + SOFT_HYPHEN
BROKEN = re.compile(rf"(?<=[^\W_])[{HYPHENS}]$")
LAST_WORD = re.compile(r"[^\W_]+(?:[-‐'’][^\W_]+)*$")
FIRST_WORD = re.compile(r"[^\W_]+(?:[-‐'’][^\W_]+)*")
AROUND_WORDS = ".,;:!?…\"“”„«»‘’'()[]{}<>/|*—–-"
SUSPENDED = frozenset(
    {
        "and",
        "or",
        "to",
        "und",
        "oder",
        "bis",
        "et",
        "ou",
        "y",
        "e",
        "o",
        "u",
        "i",
        "en",
        "of",
        "och",
        "eller",
    }
)
"""After these a hyphen belongs to a word left out: "pre- and postwar"."""
KNOWN_HALF_CHARS = 3
"""Shorter halves are seen as words by chance ("to-tal")."""


class Vocabulary:
    """The unbroken words of one document, and how often each stands there."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Take the lines; they are counted when the first word is asked for."""
        self._texts = texts

    @cached_property
    def _exact(self) -> Counter[str]:
        """Return how often each word occurs; halves of broken ones are left out."""
        whole: list[str] = []
        is_rest = False
        for text in self._texts:
            kept = text.partition(" ")[2] if is_rest else text
            is_rest = text[-1:] in HYPHENS
            whole.append(kept.rpartition(" ")[0] if is_rest else kept)
        # Most tokens occur many times, and each is looked at once.
        words: Counter[str] = Counter()
        for token, count in Counter("\n".join(whole).split()).items():
            words[token.strip(AROUND_WORDS)] += count
        return words

    @cached_property
    def _folded(self) -> Counter[str]:
        folded: Counter[str] = Counter()
        for word, count in self._exact.items():
            folded[_fold(word)] += count
        return folded

    def count(self, word: str) -> int:
        """Return how often a word occurs, in whatever case."""
        return self._folded[_fold(word)]

    def has_exactly(self, word: str) -> bool:
        """Return whether a word occurs in just this case."""
        return word in self._exact


def _fold(word: str) -> str:
    return word.lower().replace("‐", "-")


def is_broken(text: str) -> bool:
    """Return whether a line ends inside a word."""
    return text[-1:] in HYPHENS and BROKEN.search(text) is not None


def join_lines(left: str, right: str, vocabulary: Vocabulary) -> str:
    """Return two consecutive lines as one text."""
    if not is_broken(left):
        return f"{left.rstrip(SOFT_HYPHEN)} {right}"
    stem = left[:-1]
    word, follower = LAST_WORD.search(stem), FIRST_WORD.match(right)
    if word is None or follower is None:
        return f"{stem}-{right}"
    if left[-1] != SOFT_HYPHEN and follower.group() in SUSPENDED:
        return f"{left} {right}"
    if _is_one_word(word.group(), follower.group(), vocabulary):
        return stem + right
    return f"{stem}-{right}"


def _is_one_word(left: str, right: str, vocabulary: Vocabulary) -> bool:
    """Return whether two halves are one word without a hyphen."""
    joined, hyphenated = left + right, f"{left}-{right}"
    if not right[0].isalpha() or not left[-1].isalpha():
        return False
    is_name = right[0].isupper() and not (left.isupper() and right.isupper())
    if is_name:
        return vocabulary.has_exactly(joined) and not vocabulary.count(hyphenated)
    seen_joined, seen_apart = vocabulary.count(joined), vocabulary.count(hyphenated)
    if seen_joined or seen_apart:
        return seen_joined >= seen_apart
    return not (
        min(len(left), len(right)) >= KNOWN_HALF_CHARS
        and vocabulary.count(left)
        and vocabulary.count(right)
    )
