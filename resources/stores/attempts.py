"""Attempts to sign in, counted in one statement each."""

from datetime import datetime

from sqlalchemy import case, delete
from sqlalchemy.dialects import postgresql, sqlite

from lectern.accounts.attempts import Allowed
from lectern.errors import TooManyAttempts
from resources.stores import schema_accounts
from resources.stores.database import Database

_attempt = schema_accounts.sign_in_attempt.c


class Attempts:
    """The table of attempts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, key: str, allowed: Allowed) -> None:
        """Count an attempt, before it is made.

        Raises:
            TooManyAttempts: There were as many as may be; it says when to come back.
        """
        now = self._database.now()
        times, until = self._add(key, now, now + allowed.within)
        if times <= allowed.times:
            return
        seconds = max(1.0, (until - now).total_seconds())
        minutes = max(1, round(seconds / 60))
        raise TooManyAttempts(
            f"That was tried too often. Try again in {minutes} "
            f"minute{'' if minutes == 1 else 's'}.",
            retry_after_seconds=seconds,
        )

    def _add(self, key: str, now: datetime, until: datetime) -> tuple[int, datetime]:
        table = schema_accounts.sign_in_attempt
        dialect = sqlite if self._database.is_sqlite else postgresql
        is_over = _attempt.until <= now
        statement = dialect.insert(table).values(key=key, count=1, until=until)
        counting = statement.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": case((is_over, 1), else_=_attempt.count + 1),
                "until": case((is_over, until), else_=_attempt.until),
            },
        ).returning(_attempt.count, _attempt.until)
        with self._database.write() as connection:
            row = connection.execute(counting).one()
        return int(row[0]), row[1]

    def forget(self, key: str) -> None:
        """Begin counting anew: whoever it was has come in."""
        with self._database.write() as connection:
            mine = _attempt.key == key
            connection.execute(delete(schema_accounts.sign_in_attempt).where(mine))

    def sweep(self) -> int:
        """Forget what is not counted any more; return how many rows."""
        is_over = _attempt.until <= self._database.now()
        with self._database.write() as connection:
            statement = delete(schema_accounts.sign_in_attempt).where(is_over)
            return connection.execute(statement).rowcount
