"""Deleting many rows a few at a time, so that nobody waits long for the database."""

from sqlalchemy import ColumnElement, Table, delete, select, tuple_

from resources.stores.database import Database

ROWS_AT_ONCE = 2000
"""Deleted in tens of milliseconds; on SQLite every writer waits for that long."""


def delete_where(
    database: Database,
    table: Table,
    condition: ColumnElement[bool],
    *,
    rows_at_once: int = ROWS_AT_ONCE,
) -> int:
    """Delete the rows of a condition, some in each transaction; return how many.

    Stopped half-way, the next call goes on.
    """
    identity = list(table.primary_key.columns)
    some = select(*identity).where(condition).limit(rows_at_once)
    named = identity[0] if len(identity) == 1 else tuple_(*identity)
    statement = delete(table).where(named.in_(some))
    deleted = 0
    while True:
        with database.write() as connection:
            count = connection.execute(statement).rowcount
        deleted += count
        if count < rows_at_once:
            return deleted
