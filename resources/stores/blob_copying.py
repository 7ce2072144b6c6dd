"""Every blob copied from one store to another: from a folder to S3, or back.

Stopped half-way, it goes on where it was: what the target lists is not sent again.
What arrives is named by its own hash, so a damaged blob is never passed on.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from lectern.errors import BlobCorrupt
from lectern.ids import BlobHash
from resources.stores.blob_contract import CHUNK_BYTES, Blobs

COPIES_AT_ONCE = 8
BLOBS_AT_ONCE = 500

Told = Callable[[int, int], None]
"""Called now and then with how many blobs were copied, and their bytes."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did."""

    blobs: int
    size_bytes: int
    there_before: int
    damaged: tuple[BlobHash, ...]


def copy_blobs(source: Blobs, target: Blobs, *, told: Told) -> Copied:
    """Copy what the target lacks; a damaged blob is named and left where it is.

    Raises:
        StoreError: One of them does not answer. What was copied stays.
    """
    copied = size_bytes = there_before = 0
    damaged: list[BlobHash] = []
    with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
        for some, lacking in _lacking(source, target):
            there_before += some - len(lacking)
            sizes = pool.map(lambda name: _copy(source, target, name), lacking)
            for name, copied_bytes in zip(lacking, sizes, strict=True):
                if copied_bytes is None:
                    damaged.append(name)
                    continue
                copied, size_bytes = copied + 1, size_bytes + copied_bytes
            told(copied, size_bytes)
    return Copied(copied, size_bytes, there_before, tuple(damaged))


def _lacking(source: Blobs, target: Blobs) -> Iterator[tuple[int, list[BlobHash]]]:
    """Yield how many blobs were looked at, and which of them the target has not.

    Both lists are in order, so each is gone through once.
    """
    wanted, there = source.all(), target.all()
    next_there = next(there, None)
    while some := list(islice(wanted, BLOBS_AT_ONCE)):
        lacking = []
        for name in some:
            while next_there is not None and next_there < name:
                next_there = next(there, None)
            if next_there != name:
                lacking.append(name)
        yield len(some), lacking


def _copy(source: Blobs, target: Blobs, name: BlobHash) -> int | None:
    """Copy one blob; return its bytes, or None where they are not those of its name."""
    try:
        file = source.open(name)
    except BlobCorrupt:
        return None
    with file, target.writer() as writer:
        while chunk := file.read(CHUNK_BYTES):
            writer.write(chunk)
        if writer.name != name:
            return None
        writer.commit()
    return writer.size_bytes
