"""What keeps “it is kept, so it stays” and “it is unused, so it goes” apart.

A store on another machine can neither touch an object in one step nor delete it on
condition of its age: whoever deletes asks for the age and then deletes. A put between
the two would be lost. So a put holds a blob's name shared, and a deletion holds it
alone, from the question to the deletion.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from sqlalchemy import text

from lectern.ids import BlobHash
from resources.stores.blob_cache import BlobCache
from resources.stores.database import Database

_KEY_BITS = 64


class BlobGuard(Protocol):
    """Keeps puts and deletions of a name apart."""

    def keeping(self, names: Sequence[BlobHash]) -> AbstractContextManager[None]:
        """Hold off deletions of these blobs until the end."""

    def deleting(self, name: BlobHash) -> AbstractContextManager[None]:
        """Wait for who puts this blob, and hold off others until the end."""


class MachineGuard:
    """Between processes of one machine, which is all there is with SQLite."""

    def __init__(self, cache: BlobCache) -> None:
        self._cache = cache

    @contextmanager
    def keeping(self, names: Sequence[BlobHash]) -> Iterator[None]:
        """Hold off deletions of these blobs until the end."""
        with ExitStack() as stack:
            # In order, and each turn once: those who wait cannot wait for each other.
            for name in {name[:3]: name for name in sorted(names)}.values():
                stack.enter_context(self._cache.turn(name, "put", shared=True))
            yield

    @contextmanager
    def deleting(self, name: BlobHash) -> Iterator[None]:
        """Wait for who puts this blob, and hold off others until the end."""
        with self._cache.turn(name, "put"):
            yield


class DatabaseGuard:
    """Between machines, by PostgreSQL's advisory locks.

    They last as long as a transaction, so a process that dies lets go. When the
    connection is lost meanwhile, the lock is too, and a deletion may have come in
    between: then the end of ``keeping`` raises ``StoreError``, the put counts for
    nothing, and nobody writes the name into the database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def keeping(self, names: Sequence[BlobHash]) -> Iterator[None]:
        """Hold off deletions of these blobs until the end."""
        query = text(
            "SELECT pg_advisory_xact_lock_shared(key) "
            "FROM unnest(CAST(:keys AS bigint[])) AS key"
        )
        # In order: those who wait cannot wait for each other.
        keys = sorted({_key(name) for name in names})
        with self._database.read() as connection:
            connection.execute(query, {"keys": keys})
            yield
            connection.execute(text("SELECT 1"))

    @contextmanager
    def deleting(self, name: BlobHash) -> Iterator[None]:
        """Wait for who puts this blob, and hold off others until the end."""
        query = text("SELECT pg_advisory_xact_lock(:key)")
        with self._database.read() as connection:
            connection.execute(query, {"key": _key(name)})
            yield


def _key(name: BlobHash) -> int:
    """Return a lock's number; two blobs that share one wait for each other."""
    number = int(name[: _KEY_BITS // 4], 16)
    return number - 2**_KEY_BITS if number >= 2 ** (_KEY_BITS - 1) else number
