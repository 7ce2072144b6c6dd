"""Blobs in a folder.

Each is written aside, synced, renamed to its name, and the folder of that name is
synced.
"""

import errno
import fcntl
import hashlib
import io
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lectern.errors import DiskReserveReached, StoreError
from lectern.ids import BlobHash
from resources.stores.blob_contract import blob_hash, broken_blob, no_such_blob

SYNC_THREADS = 4
"""Files synced at one time; measured best on one disk (more are slower)."""


class Placing(Protocol):
    """Where a finished file goes."""

    def place(self, synced: Path, name: BlobHash) -> None:
        """Make a blob of a file that is synced."""


class BlobWriter:
    """Writes one blob piece by piece. Only ``commit`` makes it exist."""

    def __init__(self, store: Placing, path: Path) -> None:
        self._store = store
        self._path = path
        self._file = path.open("xb")
        self._hasher = hashlib.sha256()
        self.size_bytes = 0

    @property
    def name(self) -> BlobHash:
        """The name that what was written would have."""
        return BlobHash(self._hasher.hexdigest())

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        with translated_os_errors():
            self._file.write(chunk)
        self._hasher.update(chunk)
        self.size_bytes += len(chunk)

    def commit(self) -> BlobHash:
        """Make the blob durable and visible, and return its name."""
        name = self.name
        with translated_os_errors():
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._store.place(self._path, name)
            finally:
                self.abandon()
        return name

    def abandon(self) -> None:
        """Leave nothing behind. Harmless after ``commit``."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> "BlobWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()


class BlobStore:
    """A folder of blobs: ``ab/cd/<hash>`` below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._aside = root / "aside"
        self._lock_path = root / ".lock"
        self._aside.mkdir(parents=True, exist_ok=True)
        self._lock_path.touch()

    def put(self, data: bytes) -> BlobHash:
        """Keep these bytes and return their name."""
        return self.put_many([data])[0]

    def put_many(self, items: Sequence[bytes]) -> list[BlobHash]:
        """Keep several blobs; synced side by side, each folder once."""
        names = [blob_hash(data) for data in items]
        missing = {
            name: data
            for name, data in zip(names, items, strict=True)
            if not self._keep(name)
        }
        with translated_os_errors():
            self._write_all(missing)
        return names

    def writer(self) -> BlobWriter:
        """Return a writer for a blob that arrives piece by piece."""
        with translated_os_errors():
            return BlobWriter(self, self._new_path())

    def adopt(self, path: Path, name: BlobHash) -> None:
        """Take over a finished file of the same disk, whose hash is ``name``."""
        with translated_os_errors():
            with path.open("rb") as file:
                os.fsync(file.fileno())
            self.place(path, name)

    def place(self, synced: Path, name: BlobHash) -> None:
        """Rename a synced file to its name, durably."""
        final = self.path(name)
        with self._guard(fcntl.LOCK_SH):
            final.parent.mkdir(parents=True, exist_ok=True)
            synced.replace(final)
        self._sync_folders({final.parent})

    def path(self, name: BlobHash) -> Path:
        """Return where a blob of this name lies, whether or not it exists."""
        return self.root / name[:2] / name[2:4] / name

    def exists(self, name: BlobHash) -> bool:
        """Tell whether the blob is there."""
        return self.path(name).exists()

    def missing(self, names: Iterable[BlobHash]) -> Iterator[BlobHash]:
        """Yield those of the names that are not stored."""
        return (name for name in names if not self.exists(name))

    @contextmanager
    def held(self, name: BlobHash) -> Iterator[Path]:
        """Yield where a blob lies.

        Raises:
            BlobMissing: It is not there.
        """
        if not self.exists(name):
            raise no_such_blob(name)
        yield self.path(name)

    def read(self, name: BlobHash, *, verify: bool = False) -> bytes:
        """Return a blob's bytes.

        Raises:
            BlobMissing: It is not there.
            BlobCorrupt: With ``verify``: the bytes are not those of its name.
        """
        with self.open(name) as file:
            data = file.read()
        if verify and blob_hash(data) != name:
            raise broken_blob(name)
        return data

    def open(self, name: BlobHash) -> io.BufferedReader:
        """Open a blob for reading."""
        try:
            return self.path(name).open("rb")
        except FileNotFoundError as error:
            raise no_such_blob(name) from error
        except OSError as error:
            raise StoreError(f"Stored content cannot be read: {error}.") from error

    def size_bytes(self, name: BlobHash) -> int:
        """Return how many bytes a blob has."""
        with self.open(name) as file:
            return os.fstat(file.fileno()).st_size

    def unused_bytes(self, name: BlobHash, *, unused_seconds: float) -> int | None:
        """Return a blob's size if it was not kept again for this long, else None."""
        try:
            status = self.path(name).stat()
        except FileNotFoundError:
            return None
        is_unused = time.time() - status.st_mtime >= unused_seconds
        return status.st_size if is_unused else None

    def delete(self, name: BlobHash, *, unused_seconds: float = 0.0) -> bool:
        """Delete a blob unless it was kept again in the last ``unused_seconds``."""
        path = self.path(name)
        with self._guard(fcntl.LOCK_EX):
            if self.unused_bytes(name, unused_seconds=unused_seconds) is None:
                return False
            path.unlink()
        return True

    def all(self) -> Iterator[BlobHash]:
        """Yield the name of every blob, in order."""
        for first in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            for second in sorted(first.iterdir()):
                yield from (BlobHash(path.name) for path in sorted(second.iterdir()))

    def is_sound(self, name: BlobHash) -> bool:
        """Tell whether a blob's bytes still have the hash it is named by."""
        with self.open(name) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == name

    def scrub(self) -> list[BlobHash]:
        """Hash every blob again and return the names of the damaged ones."""
        return [name for name in self.all() if not self.is_sound(name)]

    def clear_aside(self, *, unused_seconds: float) -> int:
        """Delete what writers that died left behind; return how many files."""
        old = [
            path
            for path in self._aside.iterdir()
            if time.time() - path.stat().st_mtime >= unused_seconds
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _keep(self, name: BlobHash) -> bool:
        """Tell whether a blob is there, and put off its deletion if so."""
        with self._guard(fcntl.LOCK_SH):
            try:
                os.utime(self.path(name))
            except FileNotFoundError:
                return False
        # Its writer may have renamed it and not synced the folder yet.
        self._sync_folders({self.path(name).parent})
        return True

    def _write_all(self, items: dict[BlobHash, bytes]) -> None:
        if len(items) < 2:
            written = [self._write_one(name, data) for name, data in items.items()]
        else:
            with ThreadPoolExecutor(SYNC_THREADS) as pool:
                written = list(pool.map(self._write_one, items, items.values()))
        self._sync_folders(set(written))

    def _write_one(self, name: BlobHash, data: bytes) -> Path:
        aside, final = self._new_path(), self.path(name)
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            final.parent.mkdir(parents=True, exist_ok=True)
            aside.replace(final)
        finally:
            aside.unlink(missing_ok=True)
        return final.parent

    def _sync_folders(self, folders: set[Path]) -> None:
        # A folder that is new is itself an entry of its parent.
        for folder in folders | {f.parent for f in folders} | {self.root}:
            sync_folder(folder)

    def _new_path(self) -> Path:
        return self._aside / uuid.uuid4().hex

    @contextmanager
    def _guard(self, mode: int) -> Iterator[None]:
        """Keep “it is there, keep it” and “it is unused, delete it” apart."""
        with self._lock_path.open("rb") as file:
            fcntl.flock(file, mode)
            yield


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translated_os_errors() -> Iterator[None]:
    """Turn failures of the disk into errors that say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskReserveReached(
                "The disk is full, so nothing was kept. Free some space."
            ) from error
        raise StoreError(f"The disk did not keep the data: {error}.") from error
