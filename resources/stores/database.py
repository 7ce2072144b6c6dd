"""The app database: connections, transactions and nothing about any table.

``read()`` and ``write()`` are the only ways in. On SQLite a writer takes its lock
when it begins (a transaction that reads first and writes later could otherwise
fail half-way), and writers of one process queue on a lock of ours, which wakes
them at once where SQLite's own waiting sleeps and retries.
"""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine, Pool, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from lectern.errors import DiskReserveReached, StoreError

Clock = Callable[[], datetime]

LOCK_SECONDS = 15.0
"""How long a writer waits for another before it gives up."""

ALIVE = {
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""What libpq is told, so that a network that was cut is noticed: within 20 seconds
instead of a quarter of an hour."""
ALIVE_THERE = " ".join(
    (
        "-ctcp_keepalives_idle=5",
        "-ctcp_keepalives_interval=5",
        "-ctcp_keepalives_count=3",
        "-ctcp_user_timeout=20000",
    )
)
"""What the server is told, for the same: a process that was cut off in the middle of
a change would else keep its rows locked, for two hours."""

_WRITE = "lectern_write"


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


class Database:
    """One app database, safe to share between threads and to carry over a fork."""

    def __init__(self, url: str, *, clock: Clock = utc_now) -> None:
        self.url = with_driver(make_url(url))
        self._clock = clock
        self._engine = _sqlite_engine(url) if self.is_sqlite else _engine(self.url)
        self._writing = threading.Lock()
        self._abandoned: list[Pool] = []
        _OPEN.add(self)

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is in use."""
        return self.url.get_backend_name() == "sqlite"

    def now(self) -> datetime:
        """Return the time by which rows are stamped and claims expire."""
        return self._clock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection; each question sees one moment of the database."""
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def one_moment(self) -> Iterator[Connection]:
        """Yield a connection whose every question sees the same moment."""
        with _translated(), self._engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection whose changes are kept together, or none of them."""
        with self._one_writer(), _translated(), self._engine.connect() as connection:
            connection.execution_options(**{_WRITE: True})
            with connection.begin():
                yield connection

    @contextmanager
    def joined(self, connection: Connection | None) -> Iterator[Connection]:
        """Yield the caller's transaction where there is one, else a new one."""
        if connection is not None:
            yield connection
            return
        with self.write() as own:
            yield own

    @contextmanager
    def read_within(self, connection: Connection | None) -> Iterator[Connection]:
        """Yield the caller's transaction where there is one, else one that reads."""
        if connection is not None:
            yield connection
            return
        with self.read() as own:
            yield own

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        lock = self._writing
        if not lock.acquire(timeout=LOCK_SECONDS):
            raise StoreError(
                "The database was busy for too long. Try again in a moment."
            )
        try:
            yield
        finally:
            lock.release()

    def after_fork(self) -> None:
        """Forget every connection of the parent, in the child.

        They are kept referenced: closing them here would run SQLite's clean-up
        on files that the parent still has open.
        """
        self._abandoned.append(self._engine.pool)
        self._engine.dispose(close=False)
        self._writing = threading.Lock()

    def close(self) -> None:
        """Close every idle connection."""
        self._engine.dispose()


_OPEN: "weakref.WeakSet[Database]" = weakref.WeakSet()


def _after_fork() -> None:
    for database in list(_OPEN):
        database.after_fork()


os.register_at_fork(after_in_child=_after_fork)


def with_driver(url: URL) -> URL:
    """Name the one PostgreSQL driver that Dagster works with, whatever is asked for.

    SQLAlchemy 2.1 takes psycopg 3 for a plain ``postgresql://``, and Dagster's
    notifications are a syntax error there.
    """
    is_postgres = url.get_backend_name() == "postgresql"
    return url.set(drivername="postgresql+psycopg2") if is_postgres else url


def _engine(url: URL) -> Engine:
    """Return connections to a server, which may be restarted while we live."""
    options = f"{url.query.get('options', '')} {ALIVE_THERE}".strip()
    try:
        return create_engine(
            url,
            pool_size=8,
            max_overflow=24,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": int(LOCK_SECONDS),
                "options": options,
                **ALIVE,
            },
        )
    except ModuleNotFoundError as error:
        raise StoreError(
            f"The database driver {error.name} is not installed. Install it with "
            "`pip install 'lectern[postgres]'`."
        ) from error


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=56,
        connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # Transactions are begun by us (below) and not by the driver.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {int(LOCK_SECONDS * 1000)}")
    _write_ahead(connection)
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have changes written ahead.

    Two processes that open a new file at one moment both ask for the whole of it, and
    SQLite tells one that it is locked without any waiting: only trying again helps.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    is_write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        if "disk is full" in str(error):
            raise DiskReserveReached(
                "The disk is full, so nothing was changed. Free some space."
            ) from error
        cause = getattr(error, "orig", None) or error
        raise StoreError(f"The database did not answer: {cause}.") from error
