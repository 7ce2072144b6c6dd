"""Exported files: artifacts whose name says what they were made from.

The id of an export is a digest of everything that decides its bytes, so the same
request finds the same file. Finished parts of one that is being made are kept under
names of their own until it is done.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, or_, select, update

from lectern.accounts.people import Principal
from lectern.errors import NotFound
from lectern.ids import BlobHash, DocumentId
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.ownership import for_installation, is_own
from resources.stores.portions import portions

EXPORT, PART = "export-", "part-"
ID_CHARS = 32
USED = timedelta(days=1)
"""How exactly it is known when a file was used last; writing it each time costs."""
ID = re.compile(rf"[0-9a-f]{{{ID_CHARS}}}")

_artifact = schema.artifact.c
_document = schema.document.c


@dataclass(frozen=True, slots=True)
class Export:
    """One file that was made of a document."""

    id: str
    document_id: DocumentId
    blob: BlobHash
    name: str  # of the file, for whoever downloads it
    media_type: str
    size_bytes: int
    metadata: dict[str, Any]
    created_at: datetime


class Exports:
    """The artifacts that are exports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, principal: Principal, document_id: DocumentId) -> list[Export]:
        """Return the exports of a document of this person, newest first."""
        query = _exports(principal).where(_artifact.document_id == document_id)
        newest = query.order_by(_artifact.created_at.desc(), _artifact.name)
        with self._database.read() as connection:
            return [_export_of(row) for row in connection.execute(newest).mappings()]

    def get(self, principal: Principal, export_id: str) -> Export:
        """Return an export of this person.

        Raises:
            NotFound: There is none, or it was deleted.
        """
        if ID.fullmatch(export_id):
            query = _exports(principal).where(_artifact.name == f"{EXPORT}{export_id}")
            with self._database.read() as connection:
                row = connection.execute(query).mappings().first()
            if row is not None:
                return _export_of(row)
        raise NotFound("There is no such export. It may have been deleted.")

    def note_use(self, principal: Principal, export_id: str) -> None:
        """Remember that an export was taken away, at most once a day."""
        mine = select(_document.id).where(_document.owner_id == principal.owner_id)
        now = self._database.now()
        statement = (
            update(schema.artifact)
            .where(_artifact.name == f"{EXPORT}{export_id}")
            .where(_artifact.document_id.in_(mine))
            .where(or_(_artifact.used_at.is_(None), _artifact.used_at <= now - USED))
            .values(used_at=now)
        )
        with self._database.write() as connection:
            connection.execute(statement)

    def delete(self, principal: Principal, export_id: str) -> None:
        """Forget an export; its file goes with the next sweep.

        Raises:
            NotFound: There is none.
        """
        export = self.get(principal, export_id)
        self._drop(export.document_id, [f"{EXPORT}{export_id}"])

    @for_installation("a worker has joined the parts of an export")
    def drop_parts(self, document_id: DocumentId, names: Collection[str]) -> None:
        """Forget parts of an export that is done."""
        self._drop(document_id, [name for name in names if name.startswith(PART)])

    def _drop(self, document_id: DocumentId, names: Collection[str]) -> None:
        with self._database.write() as connection:
            for some in portions(names):
                statement = delete(schema.artifact).where(
                    _artifact.document_id == document_id, _artifact.name.in_(some)
                )
                connection.execute(statement)


def _exports(principal: Principal) -> Select[Any]:
    return (
        select(schema.artifact)
        .join(schema.document, _document.id == _artifact.document_id)
        .where(_artifact.name.startswith(EXPORT, autoescape=True))
        .where(is_own(principal))
    )


def _export_of(row: Any) -> Export:
    metadata = dict(row["metadata"])
    return Export(
        id=row["name"].removeprefix(EXPORT),
        document_id=row["document_id"],
        blob=row["blob"],
        name=metadata["name"],
        media_type=metadata["media_type"],
        size_bytes=metadata["size_bytes"],
        metadata=metadata,
        created_at=row["created_at"],
    )
