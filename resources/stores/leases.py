"""Edit leases: one open editor a document, for as long as it gives signs of life.

While a lease is live, nothing of its document is deleted by rule. An editor renews its
lease again and again; its token tells whether somebody else took the document over in
the meantime, and a change made with an old token is refused (fencing).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, select, update

from lectern.accounts.people import Principal
from lectern.errors import LeaseLost, LeaseTaken, NotFound
from lectern.ids import DocumentId
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.holds import lock
from resources.stores.schema_upkeep import lease
from resources.stores.upsert import insert_new

LEASE_SECONDS = 120.0
"""Renew it about every third of that: one lost heartbeat is then no loss."""

_document = schema.document.c


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to change a document, until it expires and somebody takes it."""

    document_id: DocumentId
    holder: str  # one open editor
    token: int
    expires_at: datetime


class Leases:
    """The table of leases: one row a document, which stays with its token."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(
        self,
        principal: Principal,
        document_id: DocumentId,
        holder: str,
        *,
        seconds: float = LEASE_SECONDS,
    ) -> Lease:
        """Open a document for changes; who has it open already keeps the token.

        Raises:
            NotFound: This person has no such document.
            LeaseTaken: Another editor has it open.
        """
        with self._database.write() as connection:
            now = self._database.now()
            self._require_document(connection, principal, document_id)
            self._ensure_row(connection, principal, document_id, now)
            free = (lease.c.expires_at <= now) | (lease.c.holder == holder)
            is_new = case((lease.c.holder == holder, 0), else_=1)
            result = connection.execute(
                update(lease)
                .where(lease.c.document_id == document_id, free)
                .values(
                    owner_id=principal.owner_id,
                    holder=holder,
                    token=lease.c.token + is_new,
                    expires_at=now + timedelta(seconds=seconds),
                )
            )
            if result.rowcount != 1:
                raise LeaseTaken(
                    "This is open for changes somewhere else. Close it there, or "
                    "wait two minutes after that was left."
                )
            return self._read(connection, document_id)

    def renew(self, held: Lease, *, seconds: float = LEASE_SECONDS) -> Lease:
        """Put off a lease's expiry; one that expired is live again if nobody took it.

        Raises:
            LeaseLost: Another editor took the document over, or it is gone.
        """
        with self._database.write() as connection:
            # Before the row: what deletes has the document locked while it looks.
            lock(connection, [held.document_id])
            until = self._database.now() + timedelta(seconds=seconds)
            mine = update(lease).where(*_is(held)).values(expires_at=until)
            if connection.execute(mine).rowcount != 1:
                raise _lost()
        return Lease(held.document_id, held.holder, held.token, until)

    def release(self, held: Lease) -> None:
        """Give a lease up; harmless when it is lost. The row stays with its token."""
        ended = update(lease).where(*_is(held))
        with self._database.write() as connection:
            now = self._database.now()
            connection.execute(ended.values(holder="", expires_at=now))

    def require(self, connection: Connection, held: Lease) -> None:
        """Refuse a change in the transaction that makes it, unless the lease is live.

        Raises:
            LeaseLost: It expired, another editor took over, or the document is gone.
        """
        live = select(lease.c.token).where(
            *_is(held), lease.c.expires_at > self._database.now()
        )
        if connection.execute(live.with_for_update()).first() is None:
            raise _lost()

    def _require_document(
        self, connection: Connection, principal: Principal, document_id: DocumentId
    ) -> None:
        mine = select(_document.id).where(
            _document.id == document_id,
            _document.owner_id == principal.owner_id,
            _document.deleted_at.is_(None),
        )
        if connection.execute(mine.with_for_update()).first() is None:
            raise NotFound("There is no such document. It may have been deleted.")

    def _ensure_row(
        self,
        connection: Connection,
        principal: Principal,
        document_id: DocumentId,
        now: datetime,
    ) -> None:
        row = {
            "document_id": document_id,
            "owner_id": principal.owner_id,
            "holder": "",
            "token": 0,
            "expires_at": now,
        }
        insert_new(connection, lease, [row], by=["document_id"])

    def _read(self, connection: Connection, document_id: DocumentId) -> Lease:
        query = select(lease).where(lease.c.document_id == document_id)
        row = connection.execute(query).mappings().one()
        return Lease(document_id, row["holder"], row["token"], row["expires_at"])


def _is(held: Lease) -> tuple[ColumnElement[bool], ...]:
    return (
        lease.c.document_id == held.document_id,
        lease.c.holder == held.holder,
        lease.c.token == held.token,
    )


def _lost() -> LeaseLost:
    return LeaseLost(
        "This was opened for changes somewhere else, or left for too long. "
        "Open it again: what was saved is there."
    )
