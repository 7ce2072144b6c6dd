"""Long lists of keys, in portions that one query can name."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

KEYS_A_QUERY = 500
"""SQLite takes 32,766 values at most; a few hundred are as fast for each."""


def portions(keys: Iterable[T], at_once: int = KEYS_A_QUERY) -> list[list[T]]:
    """Return the distinct keys, in order, a few hundred at a time."""
    distinct = list(dict.fromkeys(keys))
    starts = range(0, len(distinct), at_once)
    return [distinct[start : start + at_once] for start in starts]
