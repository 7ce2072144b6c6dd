"""Preferences: what a person has set for themselves, as small named values."""

from typing import Any

from sqlalchemy import select

from lectern.accounts.people import Principal
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.upsert import insert_or_update

_preference = schema.preference.c


class Preferences:
    """The table of preferences."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, principal: Principal, name: str) -> Any:
        """Return a value that JSON can hold; None when it was never set."""
        query = select(_preference.value).where(
            _preference.owner_id == principal.owner_id, _preference.name == name
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def put(self, principal: Principal, name: str, value: Any) -> None:
        """Set a value."""
        row = {
            "owner_id": principal.owner_id,
            "name": name,
            "value": value,
            "updated_at": self._database.now(),
        }
        with self._database.write() as connection:
            insert_or_update(
                connection, schema.preference, [row], by=["owner_id", "name"]
            )
