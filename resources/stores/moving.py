"""The app database moved to another one: from the embedded SQLite to PostgreSQL.

Every row, in one transaction of the target: it holds all of them or none. The source
is read as it stood at one moment and is not changed. Blobs stay
where they are.
"""

from collections.abc import Callable

from sqlalchemy import Connection, Table, func, insert, inspect, select, text

from lectern.errors import InvalidRequest, StoreError
from lectern.ids import DocumentId
from resources.stores import schema, search
from resources.stores.database import Database
from resources.stores.migrations import migrate, require_current

ROWS_AT_ONCE = 2000

Moved = Callable[[str, int], None]
"""Called with each table's name and how many rows it had."""


def move(source: Database, target: Database, *, moved: Moved) -> int:
    """Copy everything from one app database to an empty one; return the rows.

    Raises:
        InvalidRequest: The target holds something already.
        StoreError: One of them does not answer, or is of another version.
    """
    require_current(source)
    migrate(target)
    total = 0
    with source.one_moment() as reading, target.write() as writing:
        _refuse_used(writing)
        for table in _tables():
            count = _copy(reading, writing, table)
            moved(table.name, count)
            total += count
        _copy_texts(reading, writing)
        _continue_numbering(writing)
        _check(reading, writing)
    return total


def _tables() -> list[Table]:
    """Return the tables, each after those it refers to; texts are another matter."""
    tables = schema.metadata.sorted_tables
    return [table for table in tables if table is not schema.document_text]


def _refuse_used(writing: Connection) -> None:
    used = [table.name for table in _tables() if _count(writing, table)]
    if used:
        raise InvalidRequest(
            f"The database to move to holds rows already ({', '.join(used)}). "
            "Name an empty one: nothing was changed."
        )


def _copy(reading: Connection, writing: Connection, table: Table) -> int:
    rows = reading.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
    count = 0
    for some in rows.mappings().partitions(ROWS_AT_ONCE):
        writing.execute(insert(table), [dict(row) for row in some])
        count += len(some)
    return count


def _copy_texts(reading: Connection, writing: Connection) -> None:
    """Make every document findable, in the way of the target's database."""
    if reading.dialect.name == "sqlite":
        query = text("SELECT document_id, title, body FROM document_search")
    else:
        query = text("SELECT document_id, title, body FROM document_text")
    for document_id, title, body in reading.execute(query):
        search.index_text(writing, DocumentId(document_id), title=title, body=body)


def _continue_numbering(writing: Connection) -> None:
    """Let rows to come be numbered after those that came."""
    if writing.dialect.name != "postgresql":
        return  # SQLite looks at the highest number itself
    for table in _tables():
        column = table.autoincrement_column
        if column is None or not isinstance(column.type, type(schema.Number)):
            continue
        if not inspect(writing).has_table(table.name):
            continue
        highest = writing.scalar(select(func.max(column)))
        if highest is not None:
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            writing.execute(select(func.setval(sequence, highest)))


def _check(reading: Connection, writing: Connection) -> None:
    wrong = [
        table.name
        for table in _tables()
        if _count(reading, table) != _count(writing, table)
    ]
    if wrong:
        raise StoreError(
            f"Not every row of {', '.join(wrong)} arrived, so nothing was kept. "
            "Try again."
        )


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0
