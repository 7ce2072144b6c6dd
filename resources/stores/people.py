"""People: who there is, what they may do, and who is kept out."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from lectern.accounts.people import (
    NAME_CHARS,
    Person,
    Principal,
    Role,
    checked_email,
    email_key,
)
from lectern.errors import InvalidRequest, NameTaken, NotFound
from lectern.ids import OwnerId
from resources.stores import schema_accounts
from resources.stores.database import Database
from resources.stores.upsert import insert_if_new

MOST_SHOWN = 500
"""People of one list; a search finds the others."""
TAKEN = "Somebody has this e-mail address already."

_person = schema_accounts.person.c


class People:
    """The table of people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        email: str | None,
        *,
        role: Role = Role.USER,
        name: str = "",
        password_hash: str | None = None,
        owner_id: OwnerId | None = None,
        connection: Connection | None = None,
    ) -> Person:
        """Add somebody, who owns nothing yet or what ``owner_id`` owns.

        Who comes in from elsewhere may have no address.

        Raises:
            InvalidRequest: This is no e-mail address.
            NameTaken: Somebody has this address, or owns as ``owner_id`` already.
        """
        row = self._row(role, name=name, owner_id=owner_id)
        row |= _address(None if email is None else checked_email(email))
        row["password_hash"] = password_hash
        with self._database.joined(connection) as joined:
            if not insert_if_new(joined, schema_accounts.person, row):
                raise NameTaken(TAKEN)
        return person_of(row)

    def add_guest(self, *, lasts: timedelta) -> Person:
        """Add somebody without an e-mail address, who ends after a while."""
        row = self._row(Role.GUEST)
        row["expires_at"] = row["created_at"] + lasts
        with self._database.write() as connection:
            connection.execute(insert(schema_accounts.person).values(row))
        return person_of(row)

    def settle_guest(
        self,
        connection: Connection,
        principal: Principal,
        email: str | None,
        *,
        name: str = "",
        password_hash: str | None,
    ) -> None:
        """Make a guest a user: the same person, who now stays and can sign in.

        Raises:
            NotFound: They are no guest, or not any more.
            NameTaken: Somebody has this address already.
        """
        is_guest = (_person.role == Role.GUEST) & (
            _person.expires_at > self._database.now()
        )
        values = {
            "role": Role.USER,
            **_address(email),
            "name": " ".join(name.split())[:NAME_CHARS],
            "password_hash": password_hash,
            "expires_at": None,
        }
        try:
            self.change(connection, principal.owner_id, where=is_guest, **values)
        except IntegrityError as error:
            raise NameTaken(TAKEN) from error

    def set_email(self, owner_id: OwnerId, email: str) -> None:
        """Give somebody another address.

        Raises:
            InvalidRequest: This is no e-mail address.
            NameTaken: Somebody has it already.
            NotFound: There is nobody of this id, or they are a guest.
        """
        clean = checked_email(email)
        values = {"email": clean, "email_key": email_key(clean)}
        with self._database.write() as connection:
            try:
                is_no_guest = _person.role != Role.GUEST
                self.change(connection, owner_id, where=is_no_guest, **values)
            except IntegrityError as error:
                raise NameTaken(TAKEN) from error

    def rename(self, principal: Principal, name: str) -> None:
        """Change one's own name."""
        clean = " ".join(name.split())[:NAME_CHARS]
        with self._database.write() as connection:
            self.change(connection, principal.owner_id, name=clean)

    def credentials(self, email: str) -> tuple[OwnerId, str | None] | None:
        """Return who has this address, and what is kept of their password."""
        query = select(_person.owner_id, _person.password_hash).where(
            _person.email_key == email_key(email)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else (OwnerId(row[0]), row[1])

    def password_of(self, principal: Principal) -> str | None:
        """Return what is kept of somebody's password; None where there is none."""
        query = select(_person.password_hash).where(
            _person.owner_id == principal.owner_id
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def _row(
        self, role: Role, *, name: str = "", owner_id: OwnerId | None = None
    ) -> dict[str, Any]:
        return {
            "owner_id": owner_id or OwnerId(uuid.uuid4().hex),
            "role": role,
            "email": None,
            "email_key": None,
            "name": " ".join(name.split())[:NAME_CHARS],
            "password_hash": None,
            "created_at": self._database.now(),
            "expires_at": None,
            "disabled_at": None,
            "seen_at": None,
        }

    def get(self, owner_id: OwnerId) -> Person:
        """Return somebody.

        Raises:
            NotFound: There is nobody of this id.
        """
        query = select(schema_accounts.person).where(_person.owner_id == owner_id)
        return self._only(query)

    def acting(self, owner_id: OwnerId) -> Principal | None:
        """Return somebody as whoever asks; None for who may not come in now."""
        query = select(schema_accounts.person).where(_person.owner_id == owner_id)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or not person_of(row).is_in(self._database.now()):
            return None
        return person_of(row).principal

    def by_email(self, email: str) -> Person:
        """Return who has this address.

        Raises:
            NotFound: Nobody has.
        """
        is_theirs = _person.email_key == email_key(email)
        return self._only(select(schema_accounts.person).where(is_theirs))

    def has_any(self) -> bool:
        """Whether anybody can sign in at all."""
        query = select(_person.owner_id).where(_person.role != Role.GUEST).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def list(self, principal: Principal, *, search: str = "") -> list[Person]:
        """Return people for an operator, newest first; ``MOST_SHOWN`` at most.

        Raises:
            NotFound: Whoever asks is no operator.
        """
        require_operator(principal)
        query = select(schema_accounts.person)
        if search.strip():
            query = query.where(_is_called(search))
        query = query.order_by(_person.created_at.desc(), _person.owner_id)
        with self._database.read() as connection:
            rows = connection.execute(query.limit(MOST_SHOWN)).mappings()
            return [person_of(row) for row in rows]

    def set_role(self, principal: Principal, owner_id: OwnerId, role: Role) -> None:
        """Let somebody do more, or less.

        Raises:
            NotFound: Whoever asks is no operator, or there is nobody of this id.
            InvalidRequest: They are a guest, or nobody would be left to operate.
        """
        require_operator(principal)
        if role is Role.GUEST or self.get(owner_id).role is Role.GUEST:
            raise InvalidRequest("A guest becomes a user by signing up.")
        with self._database.write() as connection:
            if role is not Role.OPERATOR:
                self.require_other_operator(connection, owner_id)
            self.change(connection, owner_id, role=role)

    def disable(self, principal: Principal, owner_id: OwnerId) -> None:
        """Keep somebody out from now on; what they have stays, but for sessions.

        Raises:
            NotFound: Whoever asks is no operator, or there is nobody of this id.
            InvalidRequest: Nobody would be left to operate.
        """
        require_operator(principal)
        with self._database.write() as connection:
            self.require_other_operator(connection, owner_id)
            self.change(connection, owner_id, disabled_at=self._database.now())
            connection.execute(
                schema_accounts.session.delete().where(
                    schema_accounts.session.c.owner_id == owner_id
                )
            )

    def enable(self, principal: Principal, owner_id: OwnerId) -> None:
        """Let somebody in again.

        Raises:
            NotFound: Whoever asks is no operator, or there is nobody of this id.
        """
        require_operator(principal)
        with self._database.write() as connection:
            self.change(connection, owner_id, disabled_at=None)

    def change(
        self,
        connection: Connection,
        owner_id: OwnerId,
        *,
        where: ColumnElement[bool] | None = None,
        **values: Any,
    ) -> None:
        """Change somebody within a transaction.

        Raises:
            NotFound: There is nobody of this id.
        """
        statement = update(schema_accounts.person).where(_person.owner_id == owner_id)
        if where is not None:
            statement = statement.where(where)
        if not connection.execute(statement.values(values)).rowcount:
            raise NotFound("There is no such person.")

    def require_other_operator(self, connection: Connection, owner_id: OwnerId) -> None:
        """Refuse to lose the last operator.

        All operators are locked first: two who leave at once cannot both find the
        other one there.

        Raises:
            InvalidRequest: There is no other who may come in.
        """
        operators = select(_person.owner_id).where(
            _person.role == Role.OPERATOR, _person.disabled_at.is_(None)
        )
        found = set(
            connection.scalars(operators.order_by(_person.owner_id).with_for_update())
        )
        if found == {owner_id}:
            raise InvalidRequest(
                "This is the only operator. Make somebody else an operator first."
            )

    def _only(self, query: Any) -> Person:
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("There is no such person.")
        return person_of(row)


def _address(email: str | None) -> dict[str, str | None]:
    key = None if email is None else email_key(email)
    return {"email": email, "email_key": key}


def require_operator(principal: Principal) -> None:
    """Refuse who is no operator; to them there is nothing to see.

    Raises:
        NotFound: It is not one.
    """
    if not principal.is_operator:
        raise NotFound("There is no such page for you. Ask an operator.")


def _is_called(search: str) -> ColumnElement[bool]:
    wanted = email_key(search)
    return or_(
        _person.email_key.contains(wanted, autoescape=True),
        func.lower(_person.name).contains(wanted, autoescape=True),
    )


def person_of(row: Mapping[Any, Any]) -> Person:
    """Return a row as a person."""
    return Person(
        owner_id=OwnerId(row["owner_id"]),
        role=Role(row["role"]),
        email=row["email"],
        name=row["name"],
        has_password=row["password_hash"] is not None,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        disabled_at=row["disabled_at"],
        seen_at=row["seen_at"],
    )
