"""Long lists of keys, in portions that one query can name."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

KEYS_A_QUERY = 500
"""SQLite takes 32,766 values at most; a few hundred are as fast for each."""


def portions(keys: Iterable[T]) -> list[list[T]]:
    """Return the distinct keys, in order, a few hundred at a time."""
    distinct = list(dict.fromkeys(keys))
    starts = range(0, len(distinct), KEYS_A_QUERY)
    return [distinct[start : start + KEYS_A_QUERY] for start in starts]
