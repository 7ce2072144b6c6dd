"""Pins: documents and exported files that are kept whatever the rules say."""

from collections.abc import Collection

from sqlalchemy import delete, select

from lectern.accounts.people import Principal
from lectern.errors import NotFound
from lectern.ids import DocumentId
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.exports import EXPORT
from resources.stores.schema_upkeep import WHOLE, pin
from resources.stores.upsert import insert_new

_document = schema.document.c
_artifact = schema.artifact.c


class Pins:
    """The table of pins. A person who deletes something themselves is not hindered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pin(
        self, principal: Principal, document_id: DocumentId, *, export_id: str = ""
    ) -> None:
        """Keep a document with all that belongs to it, or one export of it.

        Raises:
            NotFound: This person has no such document or export.
        """
        name = _name(export_id)
        there = select(_document.id).where(
            _document.id == document_id,
            _document.owner_id == principal.owner_id,
            _document.deleted_at.is_(None),
        )
        if export_id:
            there = there.where(
                select(_artifact.name)
                .where(_artifact.document_id == document_id, _artifact.name == name)
                .exists()
            )
        row = {
            "document_id": document_id,
            "name": name,
            "owner_id": principal.owner_id,
            "created_at": self._database.now(),
        }
        with self._database.write() as connection:
            if connection.execute(there.with_for_update()).first() is None:
                raise NotFound("There is nothing here to keep. It may be deleted.")
            insert_new(connection, pin, [row], by=["document_id", "name"])

    def unpin(
        self, principal: Principal, document_id: DocumentId, *, export_id: str = ""
    ) -> None:
        """Let the rules hold again; harmless where nothing was pinned."""
        statement = delete(pin).where(
            pin.c.document_id == document_id,
            pin.c.name == _name(export_id),
            pin.c.owner_id == principal.owner_id,
        )
        with self._database.write() as connection:
            connection.execute(statement)

    def documents(
        self, principal: Principal, among: Collection[DocumentId]
    ) -> set[DocumentId]:
        """Return those of the documents that this person has pinned."""
        query = select(pin.c.document_id).where(
            pin.c.owner_id == principal.owner_id,
            pin.c.name == WHOLE,
            pin.c.document_id.in_(list(among)),
        )
        with self._database.read() as connection:
            return {DocumentId(id_) for id_ in connection.scalars(query)}

    def exports(self, principal: Principal, document_id: DocumentId) -> set[str]:
        """Return the ids of a document's exports that this person has pinned."""
        query = select(pin.c.name).where(
            pin.c.owner_id == principal.owner_id,
            pin.c.document_id == document_id,
            pin.c.name != WHOLE,
        )
        with self._database.read() as connection:
            names = connection.scalars(query)
            return {name.removeprefix(EXPORT) for name in names}


def _name(export_id: str) -> str:
    return f"{EXPORT}{export_id}" if export_id else WHOLE
