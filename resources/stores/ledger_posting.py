"""Entries and balances, in a transaction of the caller's: the ledger's statements.

The order is the same everywhere, so that no two transactions wait for each other:
entries, then holds, then accounts by the names of their units.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, update

from lectern.accounts.ledger import HOUSE, Amounts, EntryKind, HoldState
from lectern.accounts.units import Unit
from lectern.errors import StoreError
from lectern.ids import OwnerId
from resources.stores import schema_ledger
from resources.stores.portions import portions
from resources.stores.upsert import insert_counting

_account = schema_ledger.ledger_account.c
_hold = schema_ledger.ledger_hold.c


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NAMED = ("owner_id", "key", "unit")

# Made once: making a statement takes longer than carrying it out.
_MOVE = (
    update(schema_ledger.ledger_account)
    .where(_account.owner_id == bindparam("whose"), _account.unit == bindparam("of"))
    .values(
        balance=_account.balance + bindparam("by_balance"),
        held=_account.held + bindparam("by_held"),
    )
)


def post(
    connection: Connection,
    owner_id: OwnerId,
    deltas: Amounts,
    *,
    key: str,
    kind: EntryKind,
    ref: str,
    at: datetime,
) -> bool:
    """Write the entries of one operation; False when its key was posted before.

    Balances are left to ``move``: both belong into one transaction.
    """
    rows = []
    for unit, delta in sorted(deltas.items()):
        for owner, name, amount in (
            (owner_id, key, delta),
            (HOUSE, f"{owner_id}|{key}", -delta),
        ):
            rows.append(
                {
                    "key": name,
                    "owner_id": owner,
                    "unit": unit,
                    "delta": amount,
                    "kind": kind,
                    "ref": ref,
                    "at": at,
                }
            )
    written = insert_counting(connection, schema_ledger.ledger_entry, rows, by=NAMED)
    if written not in (0, len(rows)):
        raise StoreError(
            f"The ledger knows a part of “{key}” already, with other units. "
            "Nothing was changed; please report this."
        )
    return bool(written)


def move(
    connection: Connection,
    owner_id: OwnerId,
    *,
    balance: Amounts | None = None,
    held: Amounts | None = None,
) -> list[Unit]:
    """Change what accounts have and what of it is held; return units without one."""
    balance, held = balance or {}, held or {}
    missing = []
    for unit in sorted({*balance, *held}):
        values = {"by_balance": balance.get(unit, 0), "by_held": held.get(unit, 0)}
        if any(values.values()):
            named = {"whose": owner_id, "of": unit}
            if not connection.execute(_MOVE, values | named).rowcount:
                missing.append(unit)
    return missing


def set_aside(
    connection: Connection, owner_id: OwnerId, unit: Unit, amount: int
) -> bool:
    """Hold an amount if there is so much: read and written in one statement."""
    enough = _account.balance - _account.held - amount >= _account.floor
    changed = connection.execute(
        update(schema_ledger.ledger_account)
        .where(is_account(owner_id, unit), enough)
        .values(held=_account.held + amount)
    )
    return changed.rowcount == 1


def hold(
    connection: Connection,
    owner_id: OwnerId,
    wanted: Mapping[str, Amounts],
    units: Collection[Unit],
    *,
    expires_at: datetime,
) -> dict[Unit, int]:
    """Write holds of these units; return how much is new of each."""
    table = schema_ledger.ledger_hold
    new: dict[Unit, int] = {}
    for unit in sorted(units):
        for key, amounts in wanted.items():
            row = {
                "owner_id": owner_id,
                "key": key,
                "unit": unit,
                "amount": amounts.get(unit, 0),
                "state": HoldState.OPEN,
                "expires_at": expires_at,
            }
            if amounts.get(unit) and insert_counting(
                connection, table, [row], by=NAMED
            ):
                new[unit] = new.get(unit, 0) + amounts[unit]
    return new


def end_named(
    connection: Connection, owner_id: OwnerId, state: HoldState, keys: Collection[str]
) -> dict[Unit, int]:
    """Close a person's open holds of these keys; return how much is free by that."""
    free: dict[Unit, int] = {}
    mine = and_(_hold.owner_id == owner_id, _hold.state == HoldState.OPEN)
    for some in portions(keys):
        ended = connection.execute(
            update(schema_ledger.ledger_hold)
            .where(mine, _hold.key.in_(some))
            .values(state=state)
            .returning(_hold.unit, _hold.amount)
        )
        for unit, amount in ended:
            free[Unit(unit)] = free.get(Unit(unit), 0) + amount
    return free


def look_again(connection: Connection, owner_id: OwnerId) -> None:
    """Have a changed plan take effect with the next look at a person's accounts."""
    connection.execute(
        update(schema_ledger.ledger_account)
        .where(_account.owner_id == owner_id)
        .values(due_at=LONG_AGO)
    )


def is_account(owner_id: OwnerId, unit: Unit) -> ColumnElement[bool]:
    """Return the condition that names one account."""
    return and_(_account.owner_id == owner_id, _account.unit == unit)


def minus(amounts: Amounts) -> dict[Unit, int]:
    """Return the amounts with the opposite sign."""
    return {unit: -amount for unit, amount in amounts.items()}


def only_amounts(amounts: Mapping[Any, int]) -> dict[Unit, int]:
    """Return what is not nothing, checked.

    Raises:
        StoreError: An amount is below 0.
    """
    if any(amount < 0 for amount in amounts.values()):
        raise StoreError("An amount of the ledger is below 0: please report this.")
    return {Unit(unit): amount for unit, amount in amounts.items() if amount}
