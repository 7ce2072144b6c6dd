"""Rows that point to nothing, and things that only a crash left behind.

Blocks whose sound is not known any more, sounds and files whose blob is lost, parts of
exports that nobody makes any more. What can be made again is forgotten, so that it is
made again; what a person handed in is counted and left for the doctor to tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, delete, exists, or_, select

from lectern.ids import BlobHash, VariantKey
from resources.stores import schema
from resources.stores.blob_contract import Blobs
from resources.stores.clearing import delete_where
from resources.stores.database import Database
from resources.stores.exports import EXPORT, PART
from resources.stores.holds import is_worked_on
from resources.stores.portions import portions
from resources.stores.reachability import reachable_blobs, stretches
from resources.stores.stock import REBUILDABLE, RENDERING
from resources.stores.variants import Variants

PARTS_KEPT = timedelta(days=7)
"""An export that failed goes on from its parts when it is tried again."""

LOST_A_QUERY = 10
"""Few blobs are ever lost: asked for so, each is found by an index."""

_artifact = schema.artifact.c
_variant = schema.variant.c
_link = schema.block_audio.c


@dataclass(frozen=True, slots=True)
class Loose:
    """What pointed to nothing."""

    links: int = 0
    parts: int = 0
    sounds: int = 0  # forgotten, as their blob is lost
    files: int = 0  # exports and the like, forgotten for the same
    lost: int = 0  # blobs that cannot be made again: nothing was done


class LooseEnds:
    """Finds them, and forgets what can be made again."""

    def __init__(self, database: Database, blobs: Blobs, variants: Variants) -> None:
        self._database = database
        self._blobs = blobs
        self._variants = variants

    def sweep(self, grace: timedelta) -> Loose:
        """Forget what points to nothing and is older than ``grace``."""
        links = self._forget_links(grace)
        parts = self._forget_parts()
        sounds = files = lost = 0
        for some in portions(self._missing(), LOST_A_QUERY):
            sounds += self._forget_sounds(some)
            files += self._forget_files(some)
            lost += self._still_named(some)
        return Loose(links, parts, sounds, files, lost)

    def _forget_links(self, grace: timedelta) -> int:
        """Look at links a stretch of keys at a time: there may be millions."""
        before = self._database.now() - grace
        unknown = ~exists().where(_variant.key == _link.key)
        forgotten = 0
        for first, last in stretches():
            query = select(_link.key).where(_link.key.between(first, last), unknown)
            with self._database.read() as connection:
                keys = connection.scalars(query.distinct()).all()
            for some in portions(keys):
                condition = and_(
                    _link.key.in_(some), _link.linked_at <= before, unknown
                )
                forgotten += delete_where(self._database, schema.block_audio, condition)
        return forgotten

    def _forget_parts(self) -> int:
        before = self._database.now() - PARTS_KEPT
        after = PART[:-1] + chr(ord(PART[-1]) + 1)
        condition = and_(
            _artifact.name >= PART,
            _artifact.name < after,
            _artifact.created_at <= before,
            ~is_worked_on(_artifact.document_id),
        )
        return delete_where(self._database, schema.artifact, condition)

    def _missing(self) -> Iterator[BlobHash]:
        """Yield what rows name and the store has not."""
        return self._blobs.missing(reachable_blobs(self._database))

    def _forget_sounds(self, names: list[BlobHash]) -> int:
        query = select(_variant.key, _variant.blob).where(_variant.blob.in_(names))
        with self._database.read() as connection:
            found = connection.execute(query).all()
        return sum(self._variants.forget(VariantKey(k), BlobHash(b)) for k, b in found)

    def _forget_files(self, names: list[BlobHash]) -> int:
        after = EXPORT[:-1] + chr(ord(EXPORT[-1]) + 1)
        made_again = or_(
            and_(_artifact.name >= EXPORT, _artifact.name < after),
            _artifact.name.in_((RENDERING, *REBUILDABLE)),
        )
        statement = delete(schema.artifact).where(_artifact.blob.in_(names), made_again)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def _still_named(self, names: list[BlobHash]) -> int:
        document, voice = schema.document.c, schema.voice.c
        columns = (
            document.blob,
            document.blocks_blob,
            _artifact.blob,
            voice.audio_blob,
            voice.tensor_blob,
        )
        named: set[str] = set()
        with self._database.read() as connection:
            for column in columns:
                query = select(column).where(column.in_(names))
                named |= set(connection.scalars(query.distinct()))
        return len(named)
