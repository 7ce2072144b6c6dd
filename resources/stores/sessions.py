"""Sessions: begun by signing in, told by a cookie, ended for good.

A session is valid while its row is there, it is neither too old nor idle for too
long, and its person may come in. All of it is asked in one statement.
"""

import hmac
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from lectern.accounts.people import Principal
from lectern.accounts.sessions import (
    DEVICE_CHARS,
    Lifetime,
    Method,
    Session,
    SignedIn,
    new_secret,
    secret_digest,
)
from lectern.errors import NotFound
from lectern.ids import OwnerId
from resources.stores import schema_accounts
from resources.stores.database import Database
from resources.stores.people import person_of
from resources.stores.tokens import USED_EVERY

_session = schema_accounts.session.c
_person = schema_accounts.person.c


class Sessions:
    """The table of sessions."""

    def __init__(self, database: Database, *, lifetime: Lifetime) -> None:
        self._database = database
        self._lifetime = lifetime

    def begin(
        self,
        owner_id: OwnerId,
        *,
        method: Method,
        device: str = "",
        address: str = "",
        instead_of: str | None = None,
    ) -> tuple[Session, str]:
        """Sign somebody in; return the session and its text, for the browser alone.

        ``instead_of`` is the text of the session before, which ends: what was known
        before somebody signed in must open nothing afterwards.

        Raises:
            NotFound: They may not come in, or are not there.
        """
        now, secret = self._database.now(), new_secret()
        row: dict[str, Any] = {
            "digest": secret_digest(secret),
            "id": uuid.uuid4().hex,
            "owner_id": owner_id,
            "method": method,
            "device": "".join(c for c in device if c.isprintable())[:DEVICE_CHARS],
            "address": address[:64],
            "created_at": now,
            "seen_at": now,
            "expires_at": now + self._lifetime.whole,
        }
        with self._database.write() as connection:
            _require_in(connection, owner_id)
            if instead_of and (before := secret_digest(instead_of)):
                connection.execute(
                    delete(schema_accounts.session).where(_session.digest == before)
                )
            connection.execute(insert(schema_accounts.session).values(row))
            who = _person.owner_id == owner_id
            connection.execute(
                update(schema_accounts.person).where(who).values(seen_at=now)
            )
        return session_of(row), secret

    def told_by(self, secret: str) -> SignedIn | None:
        """Return who shows this text, and note that they were seen."""
        wanted = secret_digest(secret)
        if wanted is None:
            return None
        found = self._find(_session.digest == wanted)
        if found is None or not hmac.compare_digest(found["digest"], wanted):
            return None
        return self._seen(found)

    def going_on(self, session_id: str) -> SignedIn | None:
        """Return who is in a session that was told before; None when it has ended."""
        found = self._find(_session.id == session_id)
        return None if found is None else self._seen(found)

    def list(self, principal: Principal) -> list[Session]:
        """Return where somebody is signed in, last seen first."""
        query = (
            select(schema_accounts.session)
            .where(_mine(principal), self._is_valid())
            .order_by(_session.seen_at.desc(), _session.id)
        )
        with self._database.read() as connection:
            return [session_of(row) for row in connection.execute(query).mappings()]

    def end(self, principal: Principal, session_id: str) -> None:
        """Sign somebody out of one browser.

        Raises:
            NotFound: They are not signed in there, or not any more.
        """
        statement = delete(schema_accounts.session).where(
            _mine(principal), _session.id == session_id
        )
        with self._database.write() as connection:
            if not connection.execute(statement).rowcount:
                raise NotFound("There is no such session. It may have ended.")

    def end_all(
        self,
        principal: Principal,
        *,
        keep: str | None = None,
        connection: Connection | None = None,
    ) -> int:
        """Sign somebody out everywhere but in ``keep``; return of how many sessions."""
        theirs = _mine(principal)
        if keep is not None:
            theirs = and_(theirs, _session.id != keep)
        with self._database.joined(connection) as joined:
            return joined.execute(
                delete(schema_accounts.session).where(theirs)
            ).rowcount

    def sweep(self) -> int:
        """Forget sessions that are over; return how many."""
        now = self._database.now()
        is_over = _session.expires_at <= now
        is_idle = _session.seen_at <= now - self._lifetime.idle
        with self._database.write() as connection:
            return sum(  # an index for each
                connection.execute(
                    delete(schema_accounts.session).where(condition)
                ).rowcount
                for condition in (is_over, is_idle)
            )

    def _is_valid(self) -> ColumnElement[bool]:
        now = self._database.now()
        return and_(
            _session.expires_at > now, _session.seen_at > now - self._lifetime.idle
        )

    def _find(self, which: ColumnElement[bool]) -> Mapping[str, Any] | None:
        now = self._database.now()
        query = (
            select(schema_accounts.session, *_OF_PERSON)
            .join(schema_accounts.person, _person.owner_id == _session.owner_id)
            .where(
                which,
                self._is_valid(),
                _person.disabled_at.is_(None),
                or_(_person.expires_at.is_(None), _person.expires_at > now),
            )
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else {str(name): row[name] for name in row}

    def _seen(self, row: Mapping[str, Any]) -> SignedIn:
        signed_in = SignedIn(
            person=person_of(
                {
                    name.removeprefix(_AS): row[name]
                    for name in row
                    if name.startswith(_AS)
                }
            ),
            session=session_of(row),
        )
        now = self._database.now()
        if signed_in.session.seen_at > now - USED_EVERY:
            return signed_in
        is_due = _session.seen_at <= now - USED_EVERY
        with self._database.write() as connection:
            mine = update(schema_accounts.session).where(
                _session.id == row["id"], is_due
            )
            if connection.execute(mine.values(seen_at=now)).rowcount:
                who = _person.owner_id == row["owner_id"]
                person = update(schema_accounts.person).where(who)
                connection.execute(person.values(seen_at=now))
        return signed_in


_AS = "person_"
_OF_PERSON = [column.label(f"{_AS}{column.name}") for column in _person]


def _require_in(connection: Connection, owner_id: OwnerId) -> None:
    """Lock who signs in: whoever disables them waits, and then ends the session."""
    who = select(_person.owner_id).where(
        _person.owner_id == owner_id, _person.disabled_at.is_(None)
    )
    if connection.execute(who.with_for_update()).first() is None:
        raise NotFound("There is no such person.")


def _mine(principal: Principal) -> ColumnElement[bool]:
    return _session.owner_id == principal.owner_id


def session_of(row: Mapping[Any, Any]) -> Session:
    """Return a row as a session."""
    return Session(
        id=row["id"],
        owner_id=OwnerId(row["owner_id"]),
        method=Method(row["method"]),
        device=row["device"],
        address=row["address"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
    )
