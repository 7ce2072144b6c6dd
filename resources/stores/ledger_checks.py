"""The ledger held against itself: what must be so always, and is looked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select

from lectern.accounts.ledger import HOUSE, HoldState
from lectern.accounts.units import Unit
from lectern.ids import OwnerId
from resources.stores import schema_ledger
from resources.stores.database import Database

_account = schema_ledger.ledger_account.c
_entry = schema_ledger.ledger_entry.c
_hold = schema_ledger.ledger_hold.c
_credit = schema_ledger.ledger_credit.c


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One number that is not what it must be."""

    owner_id: OwnerId
    unit: Unit
    what: str  # "balance", "held", "house" or "credit"
    found: int
    expected: int


def mismatches(database: Database, *, limit: int = 100) -> Sequence[Mismatch]:
    """Return what does not add up: nothing, ever.

    Balance = Σ entries and held = Σ open holds of each account, and the deltas of a
    unit add up to 0 over all accounts. Each is one statement, which sees one moment.
    """
    with database.read() as connection:
        found = [
            *_accounts(connection, limit),
            *_house(connection),
            *_credits(connection, limit),
        ]
    return found[:limit]


def _accounts(connection: Connection, limit: int) -> list[Mismatch]:
    posted = (
        select(_entry.owner_id, _entry.unit, func.sum(_entry.delta).label("sum"))
        .where(_entry.owner_id != HOUSE)
        .group_by(_entry.owner_id, _entry.unit)
        .subquery()
    )
    open_ = (
        select(_hold.owner_id, _hold.unit, func.sum(_hold.amount).label("sum"))
        .where(_hold.state == HoldState.OPEN)
        .group_by(_hold.owner_id, _hold.unit)
        .subquery()
    )
    account = schema_ledger.ledger_account
    balance = func.coalesce(posted.c.sum, 0)
    held = func.coalesce(open_.c.sum, 0)
    query = (
        select(
            _account.owner_id,
            _account.unit,
            _account.balance,
            balance,
            _account.held,
            held,
        )
        .select_from(
            account.outerjoin(
                posted,
                and_(
                    posted.c.owner_id == _account.owner_id,
                    posted.c.unit == _account.unit,
                ),
            ).outerjoin(
                open_,
                and_(
                    open_.c.owner_id == _account.owner_id,
                    open_.c.unit == _account.unit,
                ),
            )
        )
        .where(or_(_account.balance != balance, _account.held != held))
    )
    found = []
    for owner_id, unit, has, sum_, holds, held_sum in connection.execute(
        query.limit(limit)
    ):
        who = (OwnerId(owner_id), Unit(unit))
        if has != sum_:
            found.append(Mismatch(*who, "balance", int(has), int(sum_)))
        if holds != held_sum:
            found.append(Mismatch(*who, "held", int(holds), int(held_sum)))
    return found


def _house(connection: Connection) -> list[Mismatch]:
    total = func.sum(_entry.delta)
    query = select(_entry.unit, total).group_by(_entry.unit).having(total != 0)
    return [
        Mismatch(HOUSE, Unit(unit), "house", int(sum_), 0)
        for unit, sum_ in connection.execute(query)
    ]


def _credits(connection: Connection, limit: int) -> list[Mismatch]:
    wrong = or_(_credit.remaining < 0, _credit.remaining > _credit.amount)
    query = select(
        _credit.owner_id, _credit.unit, _credit.remaining, _credit.amount
    ).where(wrong)
    return [
        Mismatch(OwnerId(owner_id), Unit(unit), "credit", remaining, amount)
        for owner_id, unit, remaining, amount in connection.execute(query.limit(limit))
    ]
