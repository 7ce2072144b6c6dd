"""An account brought up to its day: the plan's bound, the month's grant, what expired.

Use is not taken from a credit when it happens, which would cost every block of sound
a look at all credits. It is taken from them here, before one expires: the difference
between what remains of the credits and the balance is what was used since.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from lectern.accounts.allowances import GAUGES, Allowance, period_of, to_grant
from lectern.accounts.ledger import Credit, EntryKind, to_expire, waterfall
from lectern.accounts.units import Unit
from lectern.ids import OwnerId
from resources.stores import schema_ledger
from resources.stores.ledger_posting import is_account, move, post
from resources.stores.upsert import insert_new

LOOK_AGAIN = timedelta(hours=1)
"""How late, at most, a changed plan is noticed of which nobody told."""
HELD_LOOK_AGAIN = timedelta(minutes=1)
"""The same while a credit has expired of which something is held."""

_account = schema_ledger.ledger_account.c
_credit = schema_ledger.ledger_credit.c


def bring_up_to_date(
    connection: Connection,
    owner_id: OwnerId,
    unit: Unit,
    allowance: Allowance | None,
    *,
    now: datetime,
) -> int | None:
    """Open an account or bring it up to now; return its floor, None without a bound."""
    row = {"owner_id": owner_id, "unit": unit, "balance": 0, "held": 0, "due_at": now}
    by = ["owner_id", "unit"]
    insert_new(connection, schema_ledger.ledger_account, [row], by=by)
    mine = select(schema_ledger.ledger_account).where(is_account(owner_id, unit))
    account = connection.execute(mine.with_for_update()).mappings().one()
    floor = _floor(unit, allowance)
    due_at = now + LOOK_AGAIN
    if allowance is not None and unit not in GAUGES:
        due_at = min(
            due_at, _Metered(connection, owner_id, unit, account, now).bring(allowance)
        )
    connection.execute(
        update(schema_ledger.ledger_account)
        .where(is_account(owner_id, unit))
        .values(floor=floor, due_at=due_at)
    )
    return floor


def _floor(unit: Unit, allowance: Allowance | None) -> int | None:
    if allowance is None:
        return None
    return -allowance.amount if unit in GAUGES else 0


class _Metered:
    """One account with a monthly allowance, locked by its transaction."""

    def __init__(
        self,
        connection: Connection,
        owner_id: OwnerId,
        unit: Unit,
        account: Any,
        now: datetime,
    ) -> None:
        self._connection = connection
        self._owner_id = owner_id
        self._unit = unit
        self._account = account
        self._now = now
        self._balance = int(account["balance"])

    def bring(self, allowance: Allowance) -> datetime:
        """Expire, roll over and grant what is due; return when to look again."""
        kept = self._credits()
        if self._account["floor"] is None:
            self._forgive(sum(credit.remaining for credit in kept))
        kept = self._spend(kept)
        is_left = self._expire(kept, allowance)
        self._grant_month(allowance)
        if is_left:
            return self._now + HELD_LOOK_AGAIN
        ends = [c.expires_at for c in self._credits() if c.expires_at is not None]
        return min([period_of(self._now).ends_at, *ends])

    def _credits(self) -> Sequence[Credit]:
        return credits_of(self._connection, self._owner_id, self._unit)

    def _forgive(self, granted: int) -> None:
        """Let what was used without a bound count for nothing now that there is one."""
        delta = granted - self._balance
        if delta:
            key = f"bound:{self._now.isoformat()}"
            self._post(delta, key, EntryKind.ADJUST, "A plan with a bound began.")

    def _spend(self, before: Sequence[Credit]) -> list[Credit]:
        """Take from the credits what was used since the last look."""
        spent = sum(credit.remaining for credit in before) - self._balance
        after = waterfall(before, spent)
        remaining = {credit.id: credit.remaining for credit in before}
        for credit in after:
            if credit.remaining != remaining[credit.id]:
                self._set_remaining(credit.id, credit.remaining)
        return after

    def _expire(self, credits_: Sequence[Credit], allowance: Allowance) -> bool:
        """Take back what has expired; True while some of it is held."""
        for credit, amount in to_expire(
            credits_, held=int(self._account["held"]), now=self._now
        ):
            left = credit.remaining - amount
            key = f"expire:{credit.id}:{left}"
            self._post(-amount, key, EntryKind.EXPIRE, credit.source)
            self._set_remaining(credit.id, left)
            if credit.source.startswith("month:"):
                self._roll_over(credit, amount, allowance.rollover)
        return any(c.has_expired(self._now) and c.remaining for c in self._credits())

    def _roll_over(self, credit: Credit, amount: int, most: int) -> None:
        """Keep of a month what the plan lets be kept."""
        sum_ = func.coalesce(func.sum(_credit.remaining), 0)
        there = self._connection.execute(
            select(sum_).where(
                _credit.owner_id == self._owner_id,
                _credit.unit == self._unit,
                _credit.source.startswith("rollover:"),
            )
        ).scalar_one()
        kept = min(amount, max(0, most - int(there)))
        if kept:
            source = f"rollover:{credit.source}:{credit.remaining}"
            self._give(source, kept, period="", level=0, expires_at=None)

    def _grant_month(self, allowance: Allowance) -> None:
        """Grant the month's allowance, once; more of it when the plan has grown."""
        period = period_of(self._now)
        granted = self._connection.execute(
            select(func.max(_credit.level)).where(
                _credit.owner_id == self._owner_id,
                _credit.unit == self._unit,
                _credit.period == period.name,
            )
        ).scalar_one()
        amount = to_grant(allowance, granted=granted, left=period.share_left(self._now))
        is_new = granted is None or allowance.amount > granted
        if is_new:
            self._give(
                f"month:{period.name}:{allowance.amount}",
                amount,
                period=period.name,
                level=allowance.amount,
                expires_at=period.ends_at,
            )

    def _give(
        self,
        source: str,
        amount: int,
        *,
        period: str,
        level: int,
        expires_at: datetime | None,
    ) -> None:
        add_credit(
            self._connection,
            self._owner_id,
            self._unit,
            amount,
            source=source,
            period=period,
            level=level,
            expires_at=expires_at,
        )
        if amount:
            self._post(amount, source, EntryKind.GRANT, source)

    def _post(self, delta: int, key: str, kind: EntryKind, ref: str) -> None:
        deltas = {self._unit: delta}
        connection, owner_id = self._connection, self._owner_id
        is_new = post(
            connection, owner_id, deltas, key=key, kind=kind, ref=ref, at=self._now
        )
        if is_new:
            self._balance += delta
            move(connection, owner_id, balance=deltas)

    def _set_remaining(self, credit_id: int, remaining: int) -> None:
        self._connection.execute(
            update(schema_ledger.ledger_credit)
            .where(_credit.id == credit_id)
            .values(remaining=remaining)
        )


def add_credit(
    connection: Connection,
    owner_id: OwnerId,
    unit: Unit,
    amount: int,
    *,
    source: str,
    period: str = "",
    level: int = 0,
    expires_at: datetime | None,
) -> None:
    """Write down a credit."""
    connection.execute(
        insert(schema_ledger.ledger_credit).values(
            owner_id=owner_id,
            unit=unit,
            source=source,
            period=period,
            level=level,
            amount=amount,
            remaining=amount,
            expires_at=expires_at,
        )
    )


def credits_of(
    connection: Connection, owner_id: OwnerId, unit: Unit
) -> Sequence[Credit]:
    """Return the credits of which something remained at the last look."""
    query = select(
        _credit.id,
        _credit.source,
        _credit.amount,
        _credit.remaining,
        _credit.expires_at,
    ).where(_credit.owner_id == owner_id, _credit.unit == unit, _credit.remaining > 0)
    rows = connection.execute(query.order_by(_credit.id))
    return [Credit(**row) for row in rows.mappings()]
