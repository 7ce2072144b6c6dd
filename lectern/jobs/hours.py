"""Off-peak hours: when work that nobody waits for may go on. Pure; no clock."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
STEPS_LOOKED_AHEAD = 1000
"""Windows; three years of nights."""


def zone_of(name: str) -> tzinfo | None:
    """Return a time zone by its name; None, for the machine's own, without one.

    Raises:
        ValueError: There is no such zone.
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{name!r} is no time zone. Write one such as Europe/Vienna or UTC."
        ) from error


@dataclass(frozen=True, slots=True)
class OffPeak:
    """Hours of each day, on the clock of one zone. They may go over midnight; the
    same time twice is the whole day."""

    start: time
    end: time
    zone: tzinfo | None = None  # None: the machine's

    @classmethod
    def parse(cls, hours: str, zone: tzinfo | None = None) -> "OffPeak":
        """Read ``22:00-06:00``.

        Raises:
            ValueError: It is not of that form.
        """
        found = HOURS.fullmatch(hours)
        if found is None:
            raise ValueError(f"{hours!r} are no hours. Write them as 22:00-06:00.")
        hour, minute, end_hour, end_minute = map(int, found.groups())
        return cls(time(hour, minute), time(end_hour, end_minute), zone)

    def is_open(self, now: datetime) -> bool:
        """Whether work may go on at this moment."""
        clock = now.astimezone(self.zone).time()
        if self.start == self.end:
            return True
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def opens_at(self, now: datetime) -> datetime:
        """Return when work may go on, in UTC: now, or when the hours begin."""
        return now.astimezone(UTC) if self.is_open(now) else self._next(self.start, now)

    def closes_at(self, now: datetime) -> datetime | None:
        """Return when hours that are open end, in UTC; None when they never do."""
        return None if self.start == self.end else self._next(self.end, now)

    def done_at(self, now: datetime, seconds: float) -> datetime:
        """Return when so much work will be done that goes on in these hours only."""
        left = timedelta(seconds=seconds)
        moment = now
        for _ in range(STEPS_LOOKED_AHEAD):
            moment = self.opens_at(moment)
            closes = self.closes_at(moment)
            if closes is None or moment + left <= closes:
                break
            left -= closes - moment
            moment = closes
        return moment + left

    def _next(self, clock: time, now: datetime) -> datetime:
        """Return the next moment after ``now`` at which the clock shows this time.

        Made on the wall's clock first, so that a night in which clocks are put back
        or forward is an hour longer or shorter.
        """
        today = now.astimezone(self.zone).date()
        for days in range(3):
            day = today + timedelta(days=days)
            wall = datetime.combine(day, clock, self.zone)  # naive is local time
            moment = wall.astimezone(UTC)
            if moment > now:
                return moment
        raise AssertionError  # one of three days is ahead
