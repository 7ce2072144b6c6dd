"""Documents that others may read and listen to: by link, or because they were named.

A share is one way in: a link that whoever holds it may accept, or one person by name.
Who came in by it is a guest of the document, and out again with the share. Nobody else
learns that there is such a document.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Select, delete, func, insert, or_, select

from lectern.accounts.people import Principal
from lectern.errors import InvalidRequest, LimitReached, NotFound
from lectern.ids import DocumentId
from resources.stores import schema
from resources.stores.catalog import COLUMNS, Catalog, Document, document_of
from resources.stores.database import Database
from resources.stores.link_tokens import new_token, token_digest
from resources.stores.ownership import is_own, is_shared
from resources.stores.upsert import insert_or_update

MOST_SHARES = 100
"""Ways into one document: more than anybody keeps in view."""

_share = schema.document_share.c
_guest = schema.document_guest.c
_document = schema.document.c

NO_DOCUMENT = "There is no such document. It may have been deleted."
DEAD_LINK = (
    "This link leads to no document. It may have been taken back, or have run out; ask "
    "whoever sent it for a new one."
)


@dataclass(frozen=True, slots=True)
class DocumentShare:
    """One way into a document."""

    id: str
    document_id: DocumentId
    named: str  # who was let in, as the owner named them; empty for a link
    guests: int  # people who came in by it
    created_at: datetime
    expires_at: datetime | None  # None: never

    @property
    def is_link(self) -> bool:
        """Whether whoever holds it may come in."""
        return not self.named


@dataclass(frozen=True, slots=True)
class Received:
    """A document that somebody else shared with a person."""

    document: Document  # with its reader
    since: datetime


class DocumentShares:
    """The tables of shares and of who came in by them."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database = database
        self._catalog = catalog

    def make_link(
        self,
        principal: Principal,
        document_id: DocumentId,
        *,
        expires_at: datetime | None = None,
    ) -> tuple[DocumentShare, str]:
        """Make a link to a document of this person; return it and its token, once.

        Raises:
            NotFound: There is no such document.
            LimitReached: It has as many shares as a document may have.
            InvalidRequest: The link would have run out already.
        """
        token = new_token()
        with self._database.write() as connection:
            share = self._new(connection, principal, document_id, "", expires_at, token)
        return share, token

    def let_in(
        self,
        principal: Principal,
        document_id: DocumentId,
        guest: Principal,
        *,
        named: str,
        expires_at: datetime | None = None,
    ) -> DocumentShare:
        """Let a person read a document of this person; twice is once, and anew.

        Raises:
            NotFound: There is no such document.
            LimitReached: It has as many shares as a document may have.
            InvalidRequest: It is their own, or would be over already.
        """
        if guest.owner_id == principal.owner_id:
            raise InvalidRequest("This document is yours already.")
        before = (
            select(_share.id)
            .join(schema.document_guest, _guest.share_id == _share.id)
            .where(_share.document_id == document_id, _guest.owner_id == guest.owner_id)
            .where(_share.token_digest.is_(None))
        )
        with self._database.write() as connection:
            self._require_own(connection, principal, document_id)
            again = list(connection.scalars(before))
            connection.execute(
                delete(schema.document_share).where(_share.id.in_(again))
            )
            share = self._new(connection, principal, document_id, named, expires_at)
            self._come_in(
                connection, guest, share.id, document_id, expires_at=expires_at
            )
        return replace(share, guests=1)

    def of(self, principal: Principal, document_id: DocumentId) -> list[DocumentShare]:
        """Return the shares of a document of this person, newest first.

        Raises:
            NotFound: There is no such document.
        """
        guests = (
            select(func.count(_guest.owner_id))
            .where(_guest.share_id == _share.id)
            .scalar_subquery()
        )
        query = (
            select(schema.document_share, guests.label("guests"))
            .where(_share.document_id == document_id)
            .order_by(_share.created_at.desc(), _share.id)
        )
        with self._database.read() as connection:
            self._require_own(connection, principal, document_id)
            return [
                DocumentShare(
                    id=row["id"],
                    document_id=document_id,
                    named=row["named"],
                    guests=row["guests"],
                    created_at=row["created_at"],
                    expires_at=row["expires_at"],
                )
                for row in connection.execute(query).mappings()
            ]

    def revoke(
        self, principal: Principal, document_id: DocumentId, share_id: str
    ) -> None:
        """Take a share back, and the document from everybody who came in by it alone.

        Raises:
            NotFound: There is no such document or share.
        """
        this = delete(schema.document_share).where(
            _share.id == share_id, _share.document_id == document_id
        )
        with self._database.write() as connection:
            self._require_own(connection, principal, document_id)
            if connection.execute(this).rowcount != 1:
                raise NotFound("There is no such share. It may have been taken back.")

    def accept(self, principal: Principal, token: str) -> Document:
        """Let this person read the document that a link leads to.

        Raises:
            NotFound: The link leads nowhere, or no longer.
        """
        now = self._database.now()
        query = (
            select(
                _share.id,
                _share.document_id,
                _share.expires_at,
                _document.owner_id,
            )
            .join(schema.document, _document.id == _share.document_id)
            .where(_share.token_digest == token_digest(token))
            .where(_document.deleted_at.is_(None))
            .where(or_(_share.expires_at.is_(None), _share.expires_at > now))
        )
        with self._database.write() as connection:
            # Locked: it may be taken back in the same moment.
            found = connection.execute(query.with_for_update()).one_or_none()
            if found is None:
                raise NotFound(DEAD_LINK)
            document_id = DocumentId(found.document_id)
            if found.owner_id != principal.owner_id:
                self._come_in(
                    connection,
                    principal,
                    found.id,
                    document_id,
                    expires_at=found.expires_at,
                )
        return self._catalog.readable(principal, document_id)

    def received(self, principal: Principal, *, search: str = "") -> list[Received]:
        """Return what others have shared with a person, newest first.

        ``search`` is in the title.
        """
        since = func.max(_guest.accepted_at).label("since")
        chosen = func.max(_guest.voice_id).label("chosen")
        mine = (
            select(_guest.document_id, since, chosen)
            .where(_guest.owner_id == principal.owner_id)
            .group_by(_guest.document_id)
            .subquery()
        )
        query: Select[tuple[object, ...]] = (
            select(schema.document, mine.c.since, mine.c.chosen)
            .join(mine, mine.c.document_id == _document.id)
            .where(is_shared(principal, self._database.now()))
            .order_by(mine.c.since.desc(), _document.id)
        )
        if search.strip():
            title = _document.title.icontains(search.strip(), autoescape=True)
            query = query.where(title)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        found = []
        for row in rows:
            document = document_of({name: row[name] for name in COLUMNS})
            seen = replace(
                document,
                reader_id=principal.owner_id,
                voice_id=row["chosen"] or document.voice_id,
            )
            found.append(Received(seen, row["since"]))
        return found

    def leave(self, principal: Principal, document_id: DocumentId) -> None:
        """Give up a document that somebody else shared.

        Raises:
            NotFound: None was.
        """
        mine = delete(schema.document_guest).where(
            _guest.owner_id == principal.owner_id, _guest.document_id == document_id
        )
        with self._database.write() as connection:
            if not connection.execute(mine).rowcount:
                raise NotFound("Nobody shared this document with you.")

    def _require_own(
        self, connection: Connection, principal: Principal, document_id: DocumentId
    ) -> None:
        mine = select(_document.id).where(
            is_own(principal), _document.id == document_id
        )
        if connection.execute(mine.with_for_update()).first() is None:
            raise NotFound(NO_DOCUMENT)

    def _new(
        self,
        connection: Connection,
        principal: Principal,
        document_id: DocumentId,
        named: str,
        expires_at: datetime | None,
        token: str | None = None,
    ) -> DocumentShare:
        self._require_own(connection, principal, document_id)
        now = self._database.now()
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest("This moment has passed. Choose a later one.")
        count = select(func.count()).where(_share.document_id == document_id)
        if connection.execute(count).scalar_one() >= MOST_SHARES:
            raise LimitReached(
                f"This document is shared in {MOST_SHARES} ways, which is as many as "
                "it may have. Take one back to make room.",
                used=MOST_SHARES,
                limit=MOST_SHARES,
            )
        share = DocumentShare(uuid.uuid4().hex, document_id, named, 0, now, expires_at)
        connection.execute(
            insert(schema.document_share).values(
                id=share.id,
                document_id=document_id,
                token_digest=token_digest(token) if token else None,
                named=named,
                created_at=now,
                expires_at=expires_at,
            )
        )
        return share

    def _come_in(
        self,
        connection: Connection,
        guest: Principal,
        share_id: str,
        document_id: DocumentId,
        *,
        expires_at: datetime | None,
    ) -> None:
        row = {
            "owner_id": guest.owner_id,
            "share_id": share_id,
            "document_id": document_id,
            "accepted_at": self._database.now(),
            "expires_at": expires_at,
        }
        insert_or_update(
            connection,
            schema.document_guest,
            [row],
            by=["owner_id", "share_id"],
            keep=["accepted_at"],
        )
