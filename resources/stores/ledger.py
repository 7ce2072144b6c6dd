"""The ledger: what people have, what is set aside for work, and what was used.

Nothing is read and then written: holds are made by one conditional ``UPDATE``, and
entries by an insert whose key is unique. So neither threads, nor processes, nor a
retry spends twice or more than there is. Rules: ``lectern/accounts/ledger.py``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from lectern.accounts.allowances import Allowance, allowances_of
from lectern.accounts.ledger import (
    Amounts,
    Balance,
    Entry,
    EntryKind,
    HoldState,
)
from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.errors import AllowanceUsedUp
from lectern.ids import OwnerId
from lectern.usage.amounts import amount_text, unit_text
from resources.stores import schema_ledger
from resources.stores.clearing import delete_where
from resources.stores.database import Database
from resources.stores.ledger_credits import add_credit, bring_up_to_date
from resources.stores.ledger_posting import (
    end_named,
    hold,
    is_account,
    look_again,
    minus,
    move,
    only_amounts,
    post,
    set_aside,
)
from resources.stores.ownership import for_installation
from resources.stores.person_limits import PersonLimits

AllowancesOf = Callable[[Principal, Connection], Mapping[Unit, Allowance]]
"""Returns a person's bounds; a unit that is not named has none."""

HOLD_LASTS = timedelta(minutes=30)
"""After which what a dead process held is free again."""
ENDED_HOLDS_KEPT = timedelta(days=7)

_account = schema_ledger.ledger_account.c
_entry = schema_ledger.ledger_entry.c
_hold = schema_ledger.ledger_hold.c


# Made once: making a statement takes longer than carrying it out.
_FLOORS = select(_account.unit, _account.floor, _account.due_at).where(
    _account.owner_id == bindparam("whose")
)


def no_bounds(
    _principal: Principal, _connection: Connection
) -> Mapping[Unit, Allowance]:
    """Return no allowance: nothing is refused."""
    return {}


def plan_allowances(limits: PersonLimits) -> AllowancesOf:
    """Return what tells a person's bounds by their plan."""

    def of(principal: Principal, connection: Connection) -> Mapping[Unit, Allowance]:
        return allowances_of(limits.plan(principal, connection=connection))

    return of


class Ledger:
    """Accounts, entries, holds and credits."""

    def __init__(
        self, database: Database, *, allowances: AllowancesOf = no_bounds
    ) -> None:
        self._database = database
        self._allowances = allowances

    def reserve(
        self,
        principal: Principal,
        amounts: Amounts,
        *,
        key: str,
        lasts: timedelta = HOLD_LASTS,
        connection: Connection | None = None,
    ) -> None:
        """Set amounts aside for work that is about to begin; once for each key.

        Units without a bound are not held.

        Raises:
            AllowanceUsedUp: There is not so much left; nothing was held.
        """
        self.reserve_all(principal, {key: amounts}, lasts=lasts, connection=connection)

    def reserve_all(
        self,
        principal: Principal,
        wanted: Mapping[str, Amounts],
        *,
        lasts: timedelta = HOLD_LASTS,
        connection: Connection | None = None,
    ) -> bool:
        """Set amounts aside for several pieces of work, all of them or none; tell
        whether anything has a bound, and is held.

        Raises:
            AllowanceUsedUp: There is not so much left; nothing was held.
        """
        now = self._database.now()
        amounts = {key: only_amounts(some) for key, some in wanted.items()}
        units = sorted({unit for some in amounts.values() for unit in some})
        with self._database.joined(connection) as joined:
            floors = self._floors(joined, principal, units, now)
            bounded = [unit for unit in units if floors[unit] is not None]
            if not bounded:
                return False
            new = hold(
                joined, principal.owner_id, amounts, bounded, expires_at=now + lasts
            )
            for unit, amount in new.items():
                self._set_aside(joined, principal, unit, amount, now)
        return True

    def settle(
        self,
        principal: Principal,
        used: Amounts,
        *,
        key: str,
        ref: str = "",
        holds: Collection[str] | None = None,
        at: datetime | None = None,
        connection: Connection | None = None,
    ) -> bool:
        """Charge what was really made and end its holds; False when done before.

        ``holds`` names what was reserved, the key itself unless stated. What was made
        beyond it is charged all the same, and may take the balance below its floor.
        """
        amounts, now = only_amounts(used), at or self._database.now()
        owner_id = principal.owner_id
        with self._database.joined(connection) as joined:
            is_new = bool(amounts) and post(
                joined,
                owner_id,
                minus(amounts),
                key=key,
                kind=EntryKind.USE,
                ref=ref,
                at=now,
            )
            state = HoldState.SETTLED if is_new else HoldState.RELEASED
            named = [key] if holds is None else holds
            free = end_named(joined, owner_id, state, named)
            used_now = minus(amounts) if is_new else {}
            self._move(joined, principal, used_now, held=minus(free))
        return is_new

    def release(
        self,
        principal: Principal,
        keys: Collection[str],
        *,
        connection: Connection | None = None,
    ) -> bool:
        """Give back what was set aside for work that came to nothing."""
        with self._database.joined(connection) as joined:
            free = end_named(joined, principal.owner_id, HoldState.RELEASED, keys)
            move(joined, principal.owner_id, held=minus(free))
        return bool(free)

    def grant(
        self,
        principal: Principal,
        unit: Unit,
        amount: int,
        *,
        key: str,
        reason: str,
        expires_at: datetime | None = None,
    ) -> bool:
        """Give somebody an amount on top of their plan; once for each key."""
        now = self._database.now()
        deltas = only_amounts({unit: amount})
        with self._database.write() as connection:
            self._floors(connection, principal, [unit], now)
            if not deltas or not post(
                connection,
                principal.owner_id,
                deltas,
                key=key,
                kind=EntryKind.GRANT,
                ref=reason,
                at=now,
            ):
                return False
            add_credit(
                connection,
                principal.owner_id,
                unit,
                amount,
                source=key,
                expires_at=expires_at,
            )
            self._move(connection, principal, deltas)
            look_again(connection, principal.owner_id)
        return True

    def correct(
        self,
        principal: Principal,
        deltas: Mapping[Unit, int],
        *,
        key: str,
        kind: EntryKind,
        reason: str,
        connection: Connection | None = None,
    ) -> bool:
        """Change balances by an operator's hand, or give use back (``REFUND``)."""
        now = self._database.now()
        changes = {unit: delta for unit, delta in deltas.items() if delta}
        owner_id = principal.owner_id
        with self._database.joined(connection) as joined:
            if not changes or not post(
                joined, owner_id, changes, key=key, kind=kind, ref=reason, at=now
            ):
                return False
            self._move(joined, principal, changes)
        return True

    def look_again(self, principal: Principal) -> None:
        """Have a changed plan take effect with the next look at the accounts."""
        with self._database.write() as connection:
            look_again(connection, principal.owner_id)

    def balances(self, principal: Principal) -> dict[Unit, Balance]:
        """Return what somebody has of each unit, brought up to now."""
        now, units = self._database.now(), list(Unit)
        query = select(
            _account.unit, _account.balance, _account.held, _account.floor
        ).where(_account.owner_id == principal.owner_id)
        if self._is_due(principal, now):
            with self._database.write() as connection:
                self._floors(connection, principal, units, now)
        with self._database.read() as connection:
            found = {
                Unit(row["unit"]): Balance(**{**row, "unit": Unit(row["unit"])})
                for row in connection.execute(query).mappings()
            }
        return {unit: found[unit] for unit in units}

    def is_below_floor(self, principal: Principal) -> bool:
        """Tell whether somebody has used more than there was, of any unit."""
        below = _account.balance < _account.floor
        query = select(_account.unit).where(
            _account.owner_id == principal.owner_id, below
        )
        with self._database.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def entries(
        self,
        principal: Principal,
        *,
        unit: Unit | None = None,
        before: int | None = None,
        limit: int = 200,
    ) -> Sequence[Entry]:
        """Return a person's entries, newest first; ``before`` an entry's id."""
        query = select(schema_ledger.ledger_entry).where(
            _entry.owner_id == principal.owner_id
        )
        if unit is not None:
            query = query.where(_entry.unit == unit)
        if before is not None:
            query = query.where(_entry.id < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_entry.id.desc()).limit(limit))
            return [
                Entry(
                    **{**row, "unit": Unit(row["unit"]), "kind": EntryKind(row["kind"])}
                )
                for row in rows.mappings()
            ]

    @for_installation("upkeep frees what was held by work that never ended")
    def expire_holds(self) -> int:
        """Free what was held by work that never ended; return how many people's."""
        now = self._database.now()
        is_over = _hold.expires_at <= now
        query = select(_hold.owner_id).where(_hold.state == HoldState.OPEN, is_over)
        with self._database.read() as connection:
            owners = connection.scalars(query.distinct()).all()
        for owner_id in owners:
            with self._database.write() as connection:
                self._expire_of(connection, OwnerId(owner_id), now)
        is_old = _hold.expires_at <= now - ENDED_HOLDS_KEPT
        ended = (_hold.state != HoldState.OPEN) & is_old
        delete_where(self._database, schema_ledger.ledger_hold, ended)
        return len(owners)

    def _expire_of(
        self, connection: Connection, owner_id: OwnerId, now: datetime
    ) -> bool:
        """Free a person's holds that are over; those being settled now are left."""
        mine = (_hold.owner_id == owner_id) & (_hold.state == HoldState.OPEN)
        over = select(_hold.key).where(mine, _hold.expires_at <= now)
        keys = connection.scalars(over.with_for_update(skip_locked=True)).all()
        free = end_named(connection, owner_id, HoldState.EXPIRED, keys)
        move(connection, owner_id, held=minus(free))
        return bool(free)

    def _set_aside(
        self,
        connection: Connection,
        principal: Principal,
        unit: Unit,
        amount: int,
        now: datetime,
    ) -> None:
        owner_id = principal.owner_id
        if set_aside(connection, owner_id, unit, amount):
            return
        # What a dead process held is nobody's any more.
        is_freed = self._expire_of(connection, owner_id, now)
        if is_freed and set_aside(connection, owner_id, unit, amount):
            return
        row = connection.execute(
            select(_account.balance, _account.held, _account.floor).where(
                is_account(owner_id, unit)
            )
        ).one()
        left = Balance(unit, *row).left or 0
        raise refusal(unit, left=left, wanted=amount)

    def _move(
        self,
        connection: Connection,
        principal: Principal,
        balance: Amounts,
        *,
        held: Amounts | None = None,
    ) -> None:
        """Change accounts; those that are not there yet are opened."""
        owner_id = principal.owner_id
        missing = move(connection, owner_id, balance=balance, held=held)
        if missing:
            self._open(connection, principal, missing, self._database.now())
            move(
                connection,
                owner_id,
                balance={u: balance.get(u, 0) for u in missing},
                held={u: (held or {}).get(u, 0) for u in missing},
            )

    def _floors(
        self,
        connection: Connection,
        principal: Principal,
        units: Sequence[Unit],
        now: datetime,
    ) -> dict[Unit, int | None]:
        """Return the floors of accounts, which are there and up to date then."""
        if not units:
            return {}
        rows = connection.execute(_FLOORS, {"whose": principal.owner_id})
        floors: dict[Unit, int | None] = {
            Unit(unit): floor for unit, floor, due_at in rows if due_at > now
        }
        missing = [unit for unit in units if unit not in floors]
        return floors | self._open(connection, principal, missing, now)

    def _open(
        self,
        connection: Connection,
        principal: Principal,
        units: Sequence[Unit],
        now: datetime,
    ) -> dict[Unit, int | None]:
        """Open accounts, or bring them up to date; return their floors."""
        if not units:
            return {}
        allowances = self._allowances(principal, connection)
        return {
            unit: bring_up_to_date(
                connection, principal.owner_id, unit, allowances.get(unit), now=now
            )
            for unit in units
        }

    def _is_due(self, principal: Principal, now: datetime) -> bool:
        query = select(_account.unit).where(
            _account.owner_id == principal.owner_id, _account.due_at > now
        )
        with self._database.read() as connection:
            return len(connection.scalars(query).all()) < len(Unit)


def refusal(unit: Unit, *, left: int, wanted: int) -> AllowanceUsedUp:
    """Return why there is no more work: for too little of a unit."""
    return AllowanceUsedUp(
        f"Your plan's allowance of {unit_text(unit)} is used up: "
        f"{amount_text(unit, left)} left, {amount_text(unit, wanted)} needed. What "
        "exists can be heard as before. Wait for the next month, or ask whoever runs "
        "this Lectern for more.",
        used=wanted,
        limit=left,
    )
