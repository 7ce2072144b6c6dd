"""Which blobs a row names. Asked for a stretch of names at a time: there may be
millions, and no process is to hold them all."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, not_, select, union

from lectern.ids import BlobHash
from resources.stores import schema
from resources.stores.database import Database

_NAMING = (
    schema.document.c.blob,
    schema.document.c.blocks_blob,
    schema.artifact.c.blob,
    schema.voice.c.audio_blob,
    schema.voice.c.tensor_blob,
)
STRETCHES = 256


def stretches() -> Iterator[tuple[str, str]]:
    """Yield between which digests, in hexadecimal, each of equal parts lies."""
    for number in range(STRETCHES):
        yield f"{number:02x}", f"{number:02x}g"


def reachable_between(
    database: Database,
    first: str,
    last: str,
    *,
    without: ColumnElement[bool] | None = None,
) -> set[BlobHash]:
    """Return every blob that a row names, from the first name to the last.

    Those that only variants of the condition ``without`` name are left out.
    """
    queries = [select(c).where(c.between(first, last)) for c in _NAMING]
    variant = schema.variant.c.blob
    of_variants = select(variant).where(variant.between(first, last))
    if without is not None:
        of_variants = of_variants.where(not_(without))
    with database.read() as connection:
        query = union(*queries, of_variants)
        return {BlobHash(name) for name in connection.scalars(query)}


def reachable_blobs(database: Database) -> Iterator[BlobHash]:
    """Yield every blob that a row names, once, in order."""
    for first, last in stretches():
        yield from sorted(reachable_between(database, first, last))
