"""Links for people: made, looked at, and used up by whoever opens one first."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from lectern.accounts.links import LinkKind, PersonLink, new_secret, secret_digest
from lectern.accounts.people import Principal, Role
from lectern.errors import LinkOver, NotFound
from lectern.ids import OwnerId
from resources.stores import schema_accounts
from resources.stores.database import Database
from resources.stores.people import require_operator

OVER = "This link was used before, or is too old. Ask for a new one."

_link = schema_accounts.person_link.c


class PersonLinks:
    """The table of links for people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(
        self,
        made_by: Principal,
        kind: LinkKind,
        *,
        lasts: timedelta,
        owner_id: OwnerId | None = None,
        email: str | None = None,
        role: Role = Role.USER,
    ) -> tuple[PersonLink, str]:
        """Make a link; return it and its key, which nobody can tell again.

        A new one for the same person takes the place of those before.
        """
        now, secret = self._database.now(), new_secret()
        row: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "digest": secret_digest(secret),
            "kind": kind,
            "owner_id": owner_id,
            "email": email,
            "role": role,
            "made_by": made_by.owner_id,
            "created_at": now,
            "expires_at": now + lasts,
        }
        with self._database.write() as connection:
            if owner_id is not None:
                before = (_link.owner_id == owner_id) & (_link.kind == kind)
                connection.execute(delete(schema_accounts.person_link).where(before))
            connection.execute(insert(schema_accounts.person_link).values(row))
        return _link_of(row), secret

    def told_by(self, secret: str) -> PersonLink:
        """Return the link of this key, unused.

        Raises:
            LinkOver: There is none, or not any more.
        """
        query = select(schema_accounts.person_link).where(self._is(secret))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise LinkOver(OVER)
        return _link_of(row)

    def use(self, connection: Connection, secret: str) -> None:
        """Use a link up, within the transaction of what it allows.

        Raises:
            LinkOver: Somebody else was first, or it is too old.
        """
        statement = delete(schema_accounts.person_link).where(self._is(secret))
        if not connection.execute(statement).rowcount:
            raise LinkOver(OVER)

    def invitations(self, principal: Principal) -> list[PersonLink]:
        """Return the invitations that can be accepted, newest first, for operators.

        Raises:
            NotFound: Whoever asks is no operator.
        """
        require_operator(principal)
        query = (
            select(schema_accounts.person_link)
            .where(
                _link.kind == LinkKind.INVITATION,
                _link.expires_at > self._database.now(),
            )
            .order_by(_link.created_at.desc(), _link.id)
        )
        with self._database.read() as connection:
            return [_link_of(row) for row in connection.execute(query).mappings()]

    def take_back(self, principal: Principal, link_id: str) -> None:
        """Let an invitation open nothing from now on.

        Raises:
            NotFound: Whoever asks is no operator, or there is no such invitation.
        """
        require_operator(principal)
        which = (_link.id == link_id) & (_link.kind == LinkKind.INVITATION)
        with self._database.write() as connection:
            statement = delete(schema_accounts.person_link).where(which)
            if not connection.execute(statement).rowcount:
                raise NotFound("There is no such invitation. It may have been used.")

    def sweep(self) -> int:
        """Forget links that are too old; return how many."""
        is_over = _link.expires_at <= self._database.now()
        with self._database.write() as connection:
            statement = delete(schema_accounts.person_link).where(is_over)
            return connection.execute(statement).rowcount

    def _is(self, secret: str) -> ColumnElement[bool]:
        return (_link.digest == (secret_digest(secret) or "")) & (
            _link.expires_at > self._database.now()
        )


def _link_of(row: Mapping[Any, Any]) -> PersonLink:
    owner_id = row["owner_id"]
    return PersonLink(
        id=row["id"],
        kind=LinkKind(row["kind"]),
        owner_id=None if owner_id is None else OwnerId(owner_id),
        email=row["email"],
        role=Role(row["role"]),
        made_by=OwnerId(row["made_by"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
