"""Who people are elsewhere: issuer and subject by person."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from lectern.accounts.people import Principal
from lectern.errors import NameTaken, NotFound
from lectern.ids import OwnerId
from resources.stores import schema_accounts
from resources.stores.database import Database
from resources.stores.upsert import insert_if_new

_identity = schema_accounts.identity.c


@dataclass(frozen=True, slots=True)
class Identity:
    """One way in that somebody has elsewhere."""

    issuer: str
    subject: str
    created_at: datetime


class Identities:
    """The table of identities."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owner(
        self, issuer: str, subject: str, *, connection: Connection | None = None
    ) -> OwnerId | None:
        """Return who this is here; None for nobody."""
        query = select(_identity.owner_id).where(
            _identity.issuer == issuer, _identity.subject == subject
        )
        if connection is not None:
            found = connection.execute(query).scalar_one_or_none()
        else:
            with self._database.read() as own:
                found = own.execute(query).scalar_one_or_none()
        return None if found is None else OwnerId(found)

    def add(
        self, connection: Connection, principal: Principal, issuer: str, subject: str
    ) -> None:
        """Let an identity be somebody's; again is nothing.

        Raises:
            NameTaken: It is somebody else's.
        """
        row = {
            "issuer": issuer,
            "subject": subject,
            "owner_id": principal.owner_id,
            "created_at": self._database.now(),
        }
        if insert_if_new(connection, schema_accounts.identity, row):
            return
        if self.owner(issuer, subject, connection=connection) != principal.owner_id:
            raise NameTaken("This sign-in belongs to another account here already.")

    def list(self, principal: Principal) -> list[Identity]:
        """Return somebody's, oldest first."""
        query = (
            select(_identity.issuer, _identity.subject, _identity.created_at)
            .where(_identity.owner_id == principal.owner_id)
            .order_by(_identity.created_at, _identity.issuer)
        )
        with self._database.read() as connection:
            return [Identity(*row) for row in connection.execute(query)]

    def remove(
        self, principal: Principal, issuer: str, *, connection: Connection | None = None
    ) -> None:
        """Take an issuer's way in away from somebody.

        Raises:
            NotFound: They have none there.
        """
        statement = delete(schema_accounts.identity).where(
            _identity.owner_id == principal.owner_id, _identity.issuer == issuer
        )
        with self._database.joined(connection) as joined:
            if not joined.execute(statement).rowcount:
                raise NotFound("You are not connected there, or not any more.")
