"""Cursors: where each person is in each document."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from lectern.accounts.people import Principal
from lectern.errors import NotFound
from lectern.ids import DocumentId
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.ownership import is_readable
from resources.stores.upsert import insert_or_update

_cursor = schema.cursor.c
_document = schema.document.c


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a document, and how it is being heard."""

    block_index: int
    offset_ms: int  # from the start of the block's audio
    playing: bool
    rate: float
    voice_id: str
    session: str  # one open reader
    sequence: int  # counted by that reader
    updated_at: datetime | None = None  # set when it is stored


class Cursors:
    """The table of cursors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, principal: Principal, document_id: DocumentId, cursor: Cursor
    ) -> bool:
        """Store a place; False when the same reader has already sent a newer one.

        Another reader always takes over: the newest device is the one in use.

        Raises:
            NotFound: They may not read this document.
        """
        row = asdict(cursor) | {
            "owner_id": principal.owner_id,
            "document_id": document_id,
            "updated_at": self._database.now(),
        }
        query = select(_cursor.session, _cursor.sequence).where(
            _cursor.owner_id == principal.owner_id, _cursor.document_id == document_id
        )
        readable = select(_document.id).where(
            is_readable(principal, self._database.now()), _document.id == document_id
        )
        with self._database.write() as connection:
            if connection.execute(readable).first() is None:
                raise NotFound("There is no such document. It may have been deleted.")
            before = connection.execute(query.with_for_update()).first()
            if before is not None and _is_newer(before[0], before[1], cursor):
                return False
            identity = ["owner_id", "document_id"]
            insert_or_update(connection, schema.cursor, [row], by=identity)
        return True

    def get(self, principal: Principal, document_id: DocumentId) -> Cursor | None:
        """Return where a person is in a document, if they ever opened it."""
        query = select(schema.cursor).where(
            _cursor.owner_id == principal.owner_id, _cursor.document_id == document_id
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _cursor_of(row)

    def all(self, principal: Principal) -> dict[DocumentId, Cursor]:
        """Return where a person is in every document they opened and did not delete."""
        document = schema.document.c
        query = (
            select(schema.cursor)
            .join(schema.document, document.id == _cursor.document_id)
            .where(_cursor.owner_id == principal.owner_id)
            .where(document.deleted_at.is_(None))
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return {DocumentId(row["document_id"]): _cursor_of(row) for row in rows}


def _is_newer(session: str, sequence: int, cursor: Cursor) -> bool:
    return session == cursor.session and sequence >= cursor.sequence


def _cursor_of(row: Mapping[Any, Any]) -> Cursor:
    names = Cursor.__dataclass_fields__
    return Cursor(**{name: row[name] for name in names})
