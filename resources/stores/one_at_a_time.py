"""Counting what somebody has, and adding to it, with nobody else in between.

Two requests that both count 99 of 100 would otherwise both add one. SQLite has one
writer at a time anyway; PostgreSQL is told whose turn it is.
"""

from sqlalchemy import Connection, func, select

from lectern.ids import OwnerId

PERSON_LOCKS = 0x4C494D54
"""The first of the two numbers of each lock: no other part of Lectern takes it."""


def hold_person(connection: Connection, owner_id: OwnerId) -> None:
    """Wait until no other transaction counts this person's things, and keep others
    waiting until this one ends. Taken before anything is counted."""
    if connection.dialect.name == "postgresql":
        mine = func.hashtext(owner_id)
        connection.execute(select(func.pg_advisory_xact_lock(PERSON_LOCKS, mine)))
