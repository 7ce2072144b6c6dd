"""API tokens: made, listed, revoked, and told by what a program shows."""

import hmac
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, insert, or_, select, update

from lectern.accounts.people import Principal
from lectern.accounts.tokens import (
    NAME_CHARS,
    SHOWN_CHARS,
    ApiToken,
    Scope,
    new_secret,
    secret_digest,
)
from lectern.errors import InvalidRequest, LimitReached, NotFound
from lectern.ids import OwnerId
from resources.stores import schema
from resources.stores.database import Database

MOST_TOKENS = 100
"""Valid tokens of one person."""
USED_EVERY = timedelta(minutes=1)
"""How exact the time of the last use is: a busy program would else write all day."""

_token = schema.api_token.c


class Tokens:
    """The table of API tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(
        self,
        principal: Principal,
        *,
        name: str,
        scopes: Collection[Scope],
        expires_at: datetime | None = None,
    ) -> tuple[ApiToken, str]:
        """Make a token; return it and its text, which nobody can show again.

        Raises:
            InvalidRequest: It has no name, allows nothing, or is over already.
            LimitReached: This person has as many tokens as one may have.
        """
        now = self._database.now()
        clean = " ".join(name.split())[:NAME_CHARS]
        if not clean or not scopes:
            raise InvalidRequest("A token needs a name and something that it allows.")
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest("The token would be over already. Choose a later day.")
        if len([one for one in self.list(principal) if one.is_valid(now)]) >= (
            MOST_TOKENS
        ):
            raise LimitReached(
                f"You have {MOST_TOKENS} tokens. Revoke one that is not used any more.",
                used=MOST_TOKENS,
                limit=MOST_TOKENS,
            )
        secret = new_secret()
        row: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "owner_id": principal.owner_id,
            "name": clean,
            "digest": secret_digest(secret),
            "prefix": secret[:SHOWN_CHARS],
            "scopes": sorted(scopes),
            "created_at": now,
            "expires_at": expires_at,
            "last_used_at": None,
            "revoked_at": None,
        }
        with self._database.write() as connection:
            connection.execute(insert(schema.api_token).values(row))
        return _token_of(row), secret

    def list(self, principal: Principal) -> list[ApiToken]:
        """Return a person's tokens that were not revoked, newest first."""
        query = (
            select(schema.api_token)
            .where(_mine(principal), _token.revoked_at.is_(None))
            .order_by(_token.created_at.desc(), _token.id)
        )
        with self._database.read() as connection:
            return [_token_of(row) for row in connection.execute(query).mappings()]

    def revoke(self, principal: Principal, token_id: str) -> None:
        """Let a token open nothing from now on.

        Raises:
            NotFound: This person has no such token, or it was revoked before.
        """
        mine = _mine(principal) & (_token.id == token_id)
        statement = update(schema.api_token).where(mine, _token.revoked_at.is_(None))
        with self._database.write() as connection:
            revoked_at = self._database.now()
            if not connection.execute(statement.values(revoked_at=revoked_at)).rowcount:
                raise NotFound("There is no such token. It may have been revoked.")

    def told_by(self, secret: str) -> ApiToken | None:
        """Return the valid token with this text, and note that it was used.

        It is looked up by its digest: how long that takes says nothing of the text.
        """
        wanted = secret_digest(secret)
        if wanted is None:
            return None
        query = select(schema.api_token).where(_token.digest == wanted)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or not hmac.compare_digest(row["digest"], wanted):
            return None
        token, now = _token_of(row), self._database.now()
        if not token.is_valid(now):
            return None
        self._note_use(token, now)
        return token

    def _note_use(self, token: ApiToken, now: datetime) -> None:
        before = now - USED_EVERY
        if token.last_used_at is not None and token.last_used_at > before:
            return
        is_due = or_(_token.last_used_at.is_(None), _token.last_used_at <= before)
        statement = update(schema.api_token).where(_token.id == token.id, is_due)
        with self._database.write() as connection:
            connection.execute(statement.values(last_used_at=now))


def _mine(principal: Principal) -> ColumnElement[bool]:
    return _token.owner_id == principal.owner_id


def _token_of(row: Mapping[Any, Any]) -> ApiToken:
    return ApiToken(
        id=row["id"],
        owner_id=OwnerId(row["owner_id"]),
        name=row["name"],
        prefix=row["prefix"],
        scopes=frozenset(scope for scope in Scope if scope in row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
