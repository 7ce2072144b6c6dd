"""How fast people go, kept for all processes: one row and one statement each time.

Two requests at once can never both be let through where one may: the statement changes
the row only when there is room, and says whether it did.
"""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, case, delete, literal, select

from lectern.accounts.people import Principal, Role
from lectern.accounts.rates import LEAP_US, Pace, RateClass, Rates, SlowedRate
from lectern.errors import TooFast
from lectern.ids import digest
from resources.stores import schema_limits
from resources.stores.database import Database
from resources.stores.ledger import Ledger
from resources.stores.upsert import dialect_insert

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_rate = schema_limits.rate.c


class RateStore:
    """The table of how fast everybody goes."""

    def __init__(self, database: Database, rates: Rates, ledger: Ledger) -> None:
        self._database = database
        self._rates = rates
        self._ledger = ledger

    def take(self, principal: Principal, kind: RateClass, cost: int = 1) -> None:
        """Let somebody ask for so many elements.

        Raises:
            TooFast: They asked for more than they may; it says when to come back.
        """
        pace = self.pace_of(principal)
        rate = self._rates.of(kind, pace)
        self._take(f"{kind.value}:{pace.value}:{principal.owner_id}", rate, cost)

    def take_for_address(self, network: str, kind: RateClass, cost: int = 1) -> None:
        """Let whoever is not signed in ask, by network address.

        Raises:
            TooFast: They asked for more than they may; it says when to come back.
        """
        # No address is kept: a digest tells networks apart as well.
        key = f"{kind.value}:net:{digest('network', network)[:32]}"
        self._take(key, self._rates.of(kind), cost)

    def pace_of(self, principal: Principal) -> Pace:
        """Return how fast somebody may go."""
        if self._ledger.is_below_floor(principal):
            return Pace.IN_DEBT
        return Pace.GUEST if principal.role is Role.GUEST else Pace.USUAL

    def _take(self, key: str, rate: SlowedRate, cost: int) -> None:
        if not self._rates.enabled or cost < 1:
            return
        now_us = self._now_us()
        table = schema_limits.rate
        start = _start(now_us, rate)
        is_free = start + rate.needed_us(cost) <= now_us + rate.burst_us
        with self._database.write() as connection:
            row = {"key": key, "free_at_us": now_us + cost * rate.interval_us}
            statement = (
                dialect_insert(connection, table)
                .values(row)
                .on_conflict_do_update(
                    index_elements=["key"],
                    set_={"free_at_us": start + cost * rate.interval_us},
                    where=is_free,
                )
                .returning(_rate.free_at_us)
            )
            if connection.execute(statement).scalar_one_or_none() is not None:
                return
        raise _too_fast(self._wait_us(key, rate, cost))

    def _wait_us(self, key: str, rate: SlowedRate, cost: int) -> int:
        query = select(_rate.free_at_us).where(_rate.key == key)
        with self._database.read() as connection:
            free_at_us = connection.execute(query).scalar_one_or_none()
        return rate.wait_us(free_at_us or 0, self._now_us(), cost)

    def drop_idle(self) -> int:
        """Forget who has nothing left to be worked off; return how many."""
        idle = delete(schema_limits.rate).where(_rate.free_at_us < self._now_us())
        with self._database.write() as connection:
            return connection.execute(idle).rowcount

    def _now_us(self) -> int:
        since = self._database.now() - EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _start(now_us: int, rate: SlowedRate) -> ColumnElement[int]:
    """Return from when on new work counts, as ``SlowedRate.start`` says in Python."""
    return case(
        (_rate.free_at_us > now_us + LEAP_US + rate.burst_us, literal(now_us)),
        (_rate.free_at_us < now_us, literal(now_us)),
        else_=_rate.free_at_us,
    )


def _too_fast(wait_us: int) -> TooFast:
    seconds = max(1, -(-wait_us // 1_000_000))
    when = f"{seconds} seconds" if seconds < 120 else f"{round(seconds / 60)} minutes"
    return TooFast(
        f"That was asked for too often. Wait {when if seconds > 1 else 'a second'} and "
        "try again.",
        retry_after_seconds=seconds,
    )
