"""Bookmarks: places a person wants to find again."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from lectern.accounts.people import Principal
from lectern.errors import NotFound
from lectern.ids import BlockId, DocumentId
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.ownership import is_readable

_bookmark = schema.bookmark.c


@dataclass(frozen=True, slots=True)
class Bookmark:
    """One marked place. The block's id finds it again when blocks have moved."""

    id: str
    document_id: DocumentId
    block_id: BlockId
    block_index: int
    offset_ms: int
    label: str
    created_at: datetime


class Bookmarks:
    """The table of bookmarks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        principal: Principal,
        document_id: DocumentId,
        *,
        block_id: BlockId,
        block_index: int,
        offset_ms: int = 0,
        label: str = "",
    ) -> Bookmark:
        """Mark a place in a document that this person may read.

        Raises:
            NotFound: They may not.
        """
        bookmark = Bookmark(
            id=uuid.uuid4().hex,
            document_id=document_id,
            block_id=block_id,
            block_index=block_index,
            offset_ms=offset_ms,
            label=label,
            created_at=self._database.now(),
        )
        row = {name: getattr(bookmark, name) for name in Bookmark.__slots__}
        document = schema.document.c
        mine = select(document.id).where(
            document.id == document_id, is_readable(principal, self._database.now())
        )
        with self._database.write() as connection:
            if connection.execute(mine).first() is None:
                raise NotFound("There is no such document. It may have been deleted.")
            connection.execute(
                insert(schema.bookmark).values(owner_id=principal.owner_id, **row)
            )
        return bookmark

    def list(self, principal: Principal, document_id: DocumentId) -> Sequence[Bookmark]:
        """Return a document's bookmarks in reading order."""
        query = (
            select(*(schema.bookmark.c[name] for name in Bookmark.__slots__))
            .where(_bookmark.owner_id == principal.owner_id)
            .where(_bookmark.document_id == document_id)
            .order_by(_bookmark.block_index, _bookmark.offset_ms, _bookmark.created_at)
        )
        with self._database.read() as connection:
            return [Bookmark(**row) for row in connection.execute(query).mappings()]

    def move(self, principal: Principal, bookmark_id: str, block_index: int) -> None:
        """Let a bookmark stand at another block, as the text around it was changed."""
        mine = (_bookmark.id == bookmark_id) & (
            _bookmark.owner_id == principal.owner_id
        )
        with self._database.write() as connection:
            connection.execute(
                update(schema.bookmark).where(mine).values(block_index=block_index)
            )

    def delete(self, principal: Principal, bookmark_id: str) -> None:
        """Remove a bookmark of this person.

        Raises:
            NotFound: There is none.
        """
        mine = delete(schema.bookmark).where(
            _bookmark.owner_id == principal.owner_id, _bookmark.id == bookmark_id
        )
        with self._database.write() as connection:
            if connection.execute(mine).rowcount != 1:
                raise NotFound("There is no such bookmark. It may have been deleted.")
