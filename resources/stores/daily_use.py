"""How much of what is limited by the day each person has used, by the day in UTC.

Taking is one statement, which either adds or finds that it would be too much: two
requests can never both take what is left once.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, case, delete, select

from lectern.accounts.units import Unit
from lectern.ids import OwnerId
from resources.stores import schema_limits
from resources.stores.database import Database
from resources.stores.upsert import dialect_insert

KEPT = timedelta(days=40)
"""How long days that are over are kept, to be looked at."""

_use = schema_limits.daily_use.c


class DailyUse:
    """The table of what was used in each day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(
        self, owner_id: OwnerId, unit: Unit, amount: int, *, limit: int | None
    ) -> bool:
        """Add to what a person used today, unless that would be more than ``limit``."""
        with self._database.write() as connection:
            return self.take_within(connection, owner_id, unit, amount, limit=limit)

    def take_within(
        self,
        connection: Connection,
        owner_id: OwnerId,
        unit: Unit,
        amount: int,
        *,
        limit: int | None,
    ) -> bool:
        """Do so in the caller's transaction."""
        if limit is not None and amount > limit:
            return False
        statement = self._adding(connection, owner_id, unit, amount)
        together = _use.amount + statement.excluded.amount
        adding = statement.on_conflict_do_update(
            index_elements=["owner_id", "unit", "day"],
            set_={"amount": together},
            where=None if limit is None else together <= limit,
        )
        taken = connection.execute(adding.returning(_use.amount)).scalar_one_or_none()
        return taken is not None

    def add(
        self, connection: Connection, owner_id: OwnerId, unit: Unit, amount: int
    ) -> None:
        """Add what was used, whatever the limit; what is below zero is given back."""
        if not amount:
            return
        statement = self._adding(connection, owner_id, unit, max(0, amount))
        together = _use.amount + amount
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["owner_id", "unit", "day"],
                set_={"amount": case((together < 0, 0), else_=together)},
            )
        )

    def give_back(self, owner_id: OwnerId, unit: Unit, amount: int) -> None:
        """Take back what was taken and not used."""
        if amount > 0:
            with self._database.write() as connection:
                self.add(connection, owner_id, unit, -amount)

    def _adding(
        self, connection: Connection, owner_id: OwnerId, unit: Unit, amount: int
    ) -> Any:
        row = {
            "owner_id": owner_id,
            "unit": unit.value,
            "day": self.day(),
            "amount": amount,
        }
        return dialect_insert(connection, schema_limits.daily_use).values(row)

    def used(
        self, owner_id: OwnerId, *, connection: Connection | None = None
    ) -> dict[Unit, int]:
        """Return what a person has used today."""
        query = select(_use.unit, _use.amount).where(
            _use.owner_id == owner_id, _use.day == self.day()
        )
        with self._database.read_within(connection) as reading:
            return {Unit(unit): amount for unit, amount in reading.execute(query)}

    def now(self) -> datetime:
        """Return the time by which days are told apart."""
        return self._database.now()

    def day(self) -> str:
        """Return the day that it is, in UTC."""
        return self._database.now().astimezone(UTC).date().isoformat()

    def began_at(self) -> datetime:
        """Return when today began."""
        today = self._database.now().astimezone(UTC).date()
        return datetime.combine(today, time(), UTC)

    def drop_old(self) -> int:
        """Forget days that are long over; return how many rows."""
        before = (self._database.now() - KEPT).astimezone(UTC).date().isoformat()
        statement = delete(schema_limits.daily_use).where(_use.day < before)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount
