"""Insert-or-update, which SQL dialects spell alike and SQLAlchemy does not."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[Mapping[str, Any]]


def _insert(connection: Connection, table: Table) -> Any:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_new(
    connection: Connection, table: Table, rows: Rows, *, by: Sequence[str]
) -> None:
    """Insert rows, leaving out those whose columns ``by`` exist already."""
    if rows:
        statement = _insert(connection, table).on_conflict_do_nothing(
            index_elements=list(by)
        )
        connection.execute(statement, [dict(row) for row in rows])


def insert_counting(
    connection: Connection, table: Table, rows: Rows, *, by: Sequence[str]
) -> int:
    """Insert rows as ``insert_new`` does, and return how many were new."""
    count = 0
    for row in rows:
        statement = _insert(connection, table).on_conflict_do_nothing(
            index_elements=list(by)
        )
        count += connection.execute(statement, dict(row)).rowcount
    return count


def insert_or_update(
    connection: Connection,
    table: Table,
    rows: Rows,
    *,
    by: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert rows, or update those whose columns ``by`` exist, but for ``keep``."""
    if not rows:
        return
    statement = _insert(connection, table)
    changed = {
        name: statement.excluded[name]
        for name in rows[0]
        if name not in by and name not in keep
    }
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(by), set_=changed),
        [dict(row) for row in rows],
    )


def insert_if_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row and tell whether it is there: no unique key was taken."""
    statement = _insert(connection, table).on_conflict_do_nothing()
    return bool(connection.execute(statement, dict(row)).rowcount)


def dialect_insert(connection: Connection, table: Table) -> Any:
    """Return an insert that may say what to do when a row is there already."""
    return _insert(connection, table)


def insert_selected(
    connection: Connection, table: Table, columns: Sequence[str], query: Select[Any]
) -> None:
    """Insert what a question answers, leaving out rows that a unique index knows."""
    statement = _insert(connection, table).from_select(list(columns), query)
    connection.execute(statement.on_conflict_do_nothing())
