"""Whether the clock can be believed, before anything is deleted because of its age.

A clock that is set a month ahead by mistake makes every deleted document old enough to
be purged. So the moment is noted again and again; after a leap, nothing is deleted
until the clock has gone on steadily for a while.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lectern.accounts.people import Principal
from lectern.ids import OwnerId
from resources.stores.preferences import Preferences

BACKWARDS = timedelta(minutes=10)
"""Clocks are put right by seconds all the time."""
FORWARDS = timedelta(days=1)
"""A machine that was off looks the same as a clock that leapt."""
STEADY_FOR = timedelta(hours=1)
INSTALLATION = Principal(OwnerId("installation"))
NAME = "clock"


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment noted last, and since when the clock is doubted, if it is."""

    seen_at: datetime
    doubted_since: datetime | None = None
    is_sweep_due: bool = False  # one was put off

    @property
    def is_steady(self) -> bool:
        """Whether the clock can be believed."""
        return self.doubted_since is None


def looked_at(before: Clock | None, now: datetime) -> Clock:
    """Return what is to be thought of the clock now; the first look is believed."""
    if before is None:
        return Clock(now)
    passed = now - before.seen_at
    if not -BACKWARDS <= passed <= FORWARDS:
        return Clock(now, now, before.is_sweep_due)
    since = before.doubted_since
    if since is not None and now - since >= STEADY_FOR:
        since = None
    return Clock(now, since, before.is_sweep_due)


class ClockWatch:
    """Notes the moment in the app database."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences

    def look(self, now: datetime) -> Clock:
        """Note the moment, and return what is to be thought of the clock."""
        clock = looked_at(self._noted(), now)
        self._note(clock)
        return clock

    def put_off(self, clock: Clock) -> None:
        """Note that a sweep is due as soon as the clock is steady."""
        self._note(Clock(clock.seen_at, clock.doubted_since, is_sweep_due=True))

    def swept(self, clock: Clock) -> None:
        """Note that no sweep is due."""
        if clock.is_sweep_due:
            self._note(Clock(clock.seen_at, clock.doubted_since))

    def _noted(self) -> Clock | None:
        kept = self._preferences.get(INSTALLATION, NAME)
        if kept is None:
            return None
        since = kept["doubted_since"]
        return Clock(
            datetime.fromisoformat(kept["seen_at"]),
            datetime.fromisoformat(since) if since else None,
            kept["is_sweep_due"],
        )

    def _note(self, clock: Clock) -> None:
        since = clock.doubted_since
        self._preferences.put(
            INSTALLATION,
            NAME,
            {
                "seen_at": clock.seen_at.isoformat(),
                "doubted_since": since.isoformat() if since else None,
                "is_sweep_due": clock.is_sweep_due,
            },
        )
