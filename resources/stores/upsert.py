"""Insert-or-update, which SQL dialects spell alike and SQLAlchemy does not."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[Mapping[str, Any]]


def insert_new(
    connection: Connection, table: Table, rows: Rows, *, by: Sequence[str]
) -> None:
    """Insert rows, leaving out those whose columns ``by`` exist already."""
    if rows:
        statement = _insert_if_new(connection.dialect.name, table, tuple(by))
        connection.execute(statement, [dict(row) for row in rows])


def insert_counting(
    connection: Connection, table: Table, rows: Rows, *, by: tuple[str, ...]
) -> int:
    """Insert rows as ``insert_new`` does, and return how many were new."""
    statement = _insert_if_new(connection.dialect.name, table, by)
    return sum(connection.execute(statement, dict(row)).rowcount for row in rows)


def _insert(dialect: str, table: Table) -> Any:
    made = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return made(table)


@cache
def _insert_if_new(dialect: str, table: Table, by: tuple[str, ...]) -> Any:
    """Return a statement made once: making it takes longer than carrying it out."""
    statement = _insert(dialect, table)
    return statement.on_conflict_do_nothing(index_elements=list(by) or None)


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
    dialect, names = connection.dialect.name, tuple(rows[0])
    statement = _insert_or_update(dialect, table, names, tuple(by), tuple(keep))
    connection.execute(statement, [dict(row) for row in rows])


@cache
def _insert_or_update(
    dialect: str,
    table: Table,
    names: tuple[str, ...],
    by: tuple[str, ...],
    keep: tuple[str, ...],
) -> Any:
    statement = _insert(dialect, table)
    changed = {
        name: statement.excluded[name]
        for name in names
        if name not in by and name not in keep
    }
    return statement.on_conflict_do_update(index_elements=list(by), set_=changed)


def insert_if_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row and tell whether it is there: no unique key was taken."""
    statement = _insert_if_new(connection.dialect.name, table, ())
    return bool(connection.execute(statement, dict(row)).rowcount)


def dialect_insert(connection: Connection, table: Table) -> Any:
    """Return an insert that may say what to do when a row is there already."""
    return _insert(connection.dialect.name, table)


def insert_selected(
    connection: Connection, table: Table, columns: Sequence[str], query: Select[Any]
) -> None:
    """Insert what a question answers, leaving out rows that a unique index knows."""
    statement = _insert(connection.dialect.name, table).from_select(
        list(columns), query
    )
    connection.execute(statement.on_conflict_do_nothing())
