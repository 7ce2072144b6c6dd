"""The app database as one file: as it stood at one moment, while others write to it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, func, select

from lectern.errors import StoreError
from resources.stores import schema
from resources.stores.blobs import sync_folder
from resources.stores.database import Database
from resources.stores.moving import move


def sqlite_at(path: Path) -> Database:
    """Open an app database in a file."""
    return Database(URL.create("sqlite", database=str(path)).render_as_string())


def take_snapshot(database: Database, path: Path) -> None:
    """Write a database to a new file, whatever it is kept in.

    Raises:
        StoreError: It could not be read, or is damaged.
    """
    if database.is_sqlite:
        _copy_sqlite(Path(database.url.database or ""), path)
    else:
        target = sqlite_at(path)
        try:
            move(database, target, moved=lambda _name, _rows: None)
        finally:
            target.close()
    settle(path)


def settle(path: Path) -> None:
    """Leave a database as one durable file, and be sure that it is sound."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(
            f"The copy of the database cannot be used: {error}."
        ) from error
    if found != "ok":
        raise StoreError(f"The database is damaged: {found}. Restore a backup.")
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    sync_folder(path.parent)


def rows_of(database: Database) -> dict[str, int]:
    """Return how many rows each table has, in one moment."""
    with database.one_moment() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in schema.metadata.sorted_tables
            if table is not schema.document_text
        }


def _copy_sqlite(source: Path, target: Path) -> None:
    try:
        # Its own way of copying: one moment, and nobody who writes waits for it.
        with (
            closing(sqlite3.connect(source)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing)
    except sqlite3.Error as error:
        raise StoreError(f"The database could not be copied: {error}.") from error
