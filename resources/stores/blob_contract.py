"""What every store of blobs does, wherever the bytes lie.

A blob is immutable and named by the SHA-256 of what it holds. It is visible only when
complete. Whoever holds its name may write that into the database from then on.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from lectern.errors import BlobCorrupt, BlobMissing
from lectern.ids import BlobHash

CHUNK_BYTES = 1024 * 1024


class BlobSink(Protocol):
    """Writes one blob piece by piece. Only ``commit`` makes it exist."""

    size_bytes: int

    @property
    def name(self) -> BlobHash:
        """The name that what was written would have."""

    def write(self, chunk: bytes) -> None:
        """Add bytes."""

    def commit(self) -> BlobHash:
        """Make the blob durable and visible, and return its name."""

    def abandon(self) -> None:
        """Leave nothing behind. Harmless after ``commit``."""

    def __enter__(self) -> "BlobSink": ...

    def __exit__(self, *_: object) -> None: ...


class Blobs(Protocol):
    """A store of blobs."""

    def __hash__(self) -> int: ...

    def put(self, data: bytes) -> BlobHash:
        """Keep these bytes and return their name."""

    def put_many(self, items: Sequence[bytes]) -> list[BlobHash]:
        """Keep several blobs at one time."""

    def writer(self) -> BlobSink:
        """Return a writer for a blob that arrives piece by piece."""

    def adopt(self, path: Path, name: BlobHash) -> None:
        """Take over a finished file of this machine, whose hash is ``name``."""

    def held(self, name: BlobHash) -> AbstractContextManager[Path]:
        """Yield a file of this machine with the blob's bytes; it stays until the end.

        Raises:
            BlobMissing: It is not stored.
            StoreError: The store does not answer.
        """

    def open(self, name: BlobHash) -> io.BufferedReader:
        """Open a blob for reading. Raises as ``held``."""

    def read(self, name: BlobHash, *, verify: bool = False) -> bytes:
        """Return a blob's bytes.

        Raises:
            BlobMissing: It is not there.
            BlobCorrupt: With ``verify``: the bytes are not those of its name.
        """

    def exists(self, name: BlobHash) -> bool:
        """Tell whether the blob is there, for one that a row names."""

    def missing(self, names: Iterable[BlobHash]) -> Iterator[BlobHash]:
        """Yield those of the names that are not stored; nothing is taken on trust."""

    def size_bytes(self, name: BlobHash) -> int:
        """Return how many bytes a blob has. Raises as ``held``."""

    def unused_bytes(self, name: BlobHash, *, unused_seconds: float) -> int | None:
        """Return a blob's size if it was not kept again for this long, else None."""

    def delete(self, name: BlobHash, *, unused_seconds: float = 0.0) -> bool:
        """Delete a blob unless it was kept again in the last ``unused_seconds``."""

    def all(self) -> Iterator[BlobHash]:
        """Yield the name of every blob, in order."""

    def is_sound(self, name: BlobHash) -> bool:
        """Tell whether a blob's stored bytes still have the hash it is named by."""

    def scrub(self) -> list[BlobHash]:
        """Hash every blob again and return the names of the damaged ones."""

    def clear_aside(self, *, unused_seconds: float) -> int:
        """Delete what writers that died left behind; return how many files."""


def blob_hash(data: bytes) -> BlobHash:
    """Return the name that these bytes have as a blob."""
    return BlobHash(hashlib.sha256(data).hexdigest())


def no_such_blob(name: BlobHash) -> BlobMissing:
    """Return the error of a blob that is not stored."""
    return BlobMissing(
        f"Stored content {name[:12]}… is missing. "
        "Run “lectern doctor” to see what else is."
    )


def broken_blob(name: BlobHash) -> BlobCorrupt:
    """Return the error of a blob whose bytes are not those of its name."""
    return BlobCorrupt(
        f"Stored content {name[:12]}… is damaged where it is stored. "
        "Run “lectern doctor --deep” and restore it from a backup."
    )
