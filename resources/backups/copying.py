"""Blobs copied from one store to another, each looked at on the way."""

from collections.abc import Callable, Iterable

from lectern.errors import BlobMissing
from lectern.ids import BlobHash
from resources.stores.blob_contract import CHUNK_BYTES, Blobs, blob_hash

BATCH_BLOBS = 64
BATCH_BYTES = 16 * 1024**2
"""What is put together, so that folders are synced once for all of it."""

LOST, DAMAGED = "It is lost.", "Its bytes are not those of its name."

Wrong = Callable[[BlobHash, str], None]
"""Called with what could not be copied, and why."""


def copy_blobs(
    names: Iterable[BlobHash], source: Blobs, target: Blobs, wrong: Wrong
) -> tuple[int, int]:
    """Copy what the target lacks; return how many blobs, and bytes, that were.

    A damaged blob is never copied: the target holds nothing but what is whole.
    """
    count = size_bytes = 0
    batch: list[bytes] = []
    batch_bytes = 0
    for name in target.missing(names):
        try:
            blob_bytes = source.size_bytes(name)
            if blob_bytes > BATCH_BYTES:
                whole = _stream(name, source, target)
            else:
                data = source.read(name)
                if whole := blob_hash(data) == name:
                    batch.append(data)
                    batch_bytes += blob_bytes
        except BlobMissing:
            wrong(name, LOST)
            continue
        if not whole:
            wrong(name, DAMAGED)
            continue
        count, size_bytes = count + 1, size_bytes + blob_bytes
        if len(batch) >= BATCH_BLOBS or batch_bytes >= BATCH_BYTES:
            target.put_many(batch)
            batch, batch_bytes = [], 0
    target.put_many(batch)
    return count, size_bytes


def _stream(name: BlobHash, source: Blobs, target: Blobs) -> bool:
    if not source.is_sound(name):
        return False
    with source.open(name) as file, target.writer() as writer:
        while chunk := file.read(CHUNK_BYTES):
            writer.write(chunk)
        return writer.commit() == name
