"""How long listeners wait for sound: sorted into bounds, and never told of anybody."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

BOUNDS_MS = (100, 250, 500, 1000, 2000, 3000, 5000, 10_000, 20_000, 60_000)
"""Up to which waits are counted together; the last count has no bound."""
BEYOND_MS = 2**31 - 1
"""Stands for no bound."""
LONGEST_MS = 600_000
"""A longer wait is taken for this: the machine slept, or somebody made it up."""
UNDERRUNS_AT_ONCE = 20
"""Of one report of a player, which comes every five seconds."""


class Wait(StrEnum):
    """What is waited for; the value is stored."""

    FIRST_SOUND = "first_sound"  # from pressing play to hearing, as the player saw it
    FIRST_BLOCK = "first_block"  # from the cursor to its block, as the run saw it


@dataclass(frozen=True, slots=True)
class Waits:
    """A histogram: how many waits were up to each bound, and their sum."""

    counts: Mapping[int, int]  # by bound in ms, those up to the bound before left out
    total_ms: int

    def cumulative(self) -> list[tuple[int, int]]:
        """Return how many waits were at most as long as each bound."""
        found, so_far = [], 0
        for bound in (*BOUNDS_MS, BEYOND_MS):
            so_far += self.counts.get(bound, 0)
            found.append((bound, so_far))
        return found


def bound_of(wait_ms: int) -> int:
    """Return under which bound a wait is counted."""
    place = bisect_left(BOUNDS_MS, wait_ms)
    return BOUNDS_MS[place] if place < len(BOUNDS_MS) else BEYOND_MS


def believable_wait_ms(claimed_ms: float) -> int:
    """Return a wait as it is counted: not below 0, and not for ever."""
    return round(min(max(claimed_ms, 0), LONGEST_MS))
