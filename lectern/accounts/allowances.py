"""What a plan gives: how much of a unit each month, and what is left over of it."""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lectern.accounts.plans import Plan
from lectern.accounts.units import Unit

GAUGES = frozenset({Unit.STORAGE_BYTES})
"""Units of which there is a level and no flow: what is given back can be used again."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A bound on one unit."""

    amount: int  # a month; of a gauge, at any moment
    rollover: int = 0  # at most so much of what is left at a month's end is kept


def allowances_of(plan: Plan) -> dict[Unit, Allowance]:
    """Return the bounds that a plan sets."""
    return {
        unit: Allowance(amount, plan.rollover.get(unit, 0))
        for unit, amount in plan.allowances.items()
    }


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month in UTC."""

    name: str  # "2026-11"
    starts_at: datetime
    ends_at: datetime

    def share_left(self, now: datetime) -> float:
        """Return how much of the month is still to come, 0…1."""
        whole = self.ends_at - self.starts_at
        return min(1.0, max(0.0, (self.ends_at - now) / whole))


def period_of(now: datetime) -> Period:
    """Return the month of a moment."""
    moment = now.astimezone(UTC)
    starts_at = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    days = calendar.monthrange(moment.year, moment.month)[1]
    ends_at = starts_at + timedelta(days=days)
    return Period(f"{moment:%Y-%m}", starts_at, ends_at)


def to_grant(allowance: Allowance, *, granted: int | None, left: float) -> int:
    """Return what is still to be granted in a month of which a share is ``left``.

    ``granted`` is the greatest monthly amount that was granted in it before, None at
    its begin. A larger plan gives the difference for the rest of the month; a smaller
    one takes nothing back and gives less from the next month on.
    """
    if granted is None:
        return allowance.amount
    return max(0, round((allowance.amount - granted) * left))
