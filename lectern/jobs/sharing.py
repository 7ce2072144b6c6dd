"""How places are shared between people. Pure: no clock, no store, no process.

Whoever has least comes next. Somebody who has nothing is let in at once, beyond the
places there are, while others hold several: nobody then waits for another's books.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GUEST_FACTOR = 2
"""Times the places that may be taken at most, those of guests included."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be done at one time."""

    places: int
    most_a_person: int = 0  # 0 is as many as there are places
    has_guests: bool = True  # whether somebody with nothing is let in beyond them


def next_in(waiting: Sequence[str], running: Iterable[str], room: Room) -> int | None:
    """Return which of those who wait comes next, as its position; None for nobody.

    ``waiting`` are the owners of what waits, in order of arrival, ``running`` those of
    what is being done. Of those with least the first comes next.
    """
    held = Counter(running)
    allowed = room.most_a_person or len(waiting) + held.total()
    may = [place for place, owner in enumerate(waiting) if held[owner] < allowed]
    if not may:
        return None
    chosen = min(may, key=lambda place: (held[waiting[place]], place))
    if held.total() < room.places:
        return chosen
    return chosen if _is_guest(waiting[chosen], held, room) else None


def _is_guest(owner: str, held: Counter[str], room: Room) -> bool:
    """Whether somebody is to be let in beyond the places."""
    is_too_much = held.total() >= room.places * GUEST_FACTOR
    others_hold_several = max(held.values(), default=0) > 1
    return (
        room.has_guests and not held[owner] and others_hold_several and not is_too_much
    )


def has_too_much(owner: str, running: Sequence[str], room: Room) -> bool:
    """Whether somebody should give a place back: all are taken, and it is not theirs.

    With more done than there are places, whoever holds most of them has too much.
    """
    held = Counter(running)
    share = max(1, room.places // max(1, len(held)))
    most = max(held.values(), default=0)
    return held.total() > room.places and held[owner] > share and held[owner] == most
