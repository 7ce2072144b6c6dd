"""Whose something is, and who else was let in: as conditions, asked by the database.

What is not a person's own and was not shared with them is answered as what does not
exist. Methods that act for nobody's account say so by ``for_installation``; every
other takes the ``Principal`` first (``tests/resources/test_store_ownership.py``).

Whose blocks sound like a variant is told without reading every block that does. Most
sounds are heard in a few blocks, and are looked up from there. A few (“Chapter one”)
are heard in hundreds of thousands: those are looked for in the documents of the
person who asks, of which there are some thousands at most.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from lectern.accounts.people import Principal, Role
from lectern.ids import DocumentId, OwnerId, VariantKey
from resources.stores import schema, schema_accounts

FEW = 64
"""Blocks of one sound that are looked at one by one."""

_link = schema.block_audio.c
_document = schema.document.c
_guest = schema.document_guest.c

Method = TypeVar("Method", bound=Callable[..., Any])


def for_installation(why: str) -> Callable[[Method], Method]:
    """Mark a method that acts for the installation and asks nobody's leave.

    Workers and upkeep call such methods, never a request of a person; ``why`` says
    what for, and is told by whoever audits them.
    """

    def mark(method: Method) -> Method:
        setattr(method, "__for_installation__", why)  # noqa: B010  (typed as it was)
        return method

    return mark


def is_own(principal: Principal) -> ColumnElement[bool]:
    """Whether a document is this person's own, and not deleted."""
    return and_(
        _document.owner_id == principal.owner_id, _document.deleted_at.is_(None)
    )


def is_shared(principal: Principal, now: datetime) -> ColumnElement[bool]:
    """Whether a document of somebody else was shared with this person, and still is."""
    let_in = (
        select(_guest.document_id)
        .where(_guest.owner_id == principal.owner_id)
        .where(or_(_guest.expires_at.is_(None), _guest.expires_at > now))
    )
    return and_(
        _document.owner_id != principal.owner_id,
        _document.deleted_at.is_(None),
        _document.id.in_(let_in),
    )


def is_readable(principal: Principal, now: datetime) -> ColumnElement[bool]:
    """Whether a person may read a document and listen to it."""
    return or_(is_own(principal), is_shared(principal, now))


def is_guest_here(principal: Principal) -> ColumnElement[bool]:
    """Whether a person has no account, as the stores know it."""
    person = schema_accounts.person.c
    return exists().where(
        person.owner_id == principal.owner_id, person.role == Role.GUEST
    )


def some_documents(connection: Connection, key: VariantKey) -> list[DocumentId]:
    """Return documents with a block that sounds so: all, or one more than a few."""
    query = select(_link.document_id).where(_link.key == key).limit(FEW + 1)
    return [DocumentId(id_) for id_ in connection.scalars(query)]


def is_heard_by(
    connection: Connection, owner_id: OwnerId, key: VariantKey, some: list[DocumentId]
) -> bool:
    """Tell whether a document of this person, deleted or not, sounds so.

    ``some`` is what ``some_documents`` returned.
    """
    return _is_heard_in(connection, _document.owner_id == owner_id, key, some)


def is_shared_sound(
    connection: Connection,
    principal: Principal,
    key: VariantKey,
    some: list[DocumentId],
    *,
    now: datetime,
) -> bool:
    """Tell whether a document that was shared with this person sounds so."""
    return _is_heard_in(connection, is_shared(principal, now), key, some)


def _is_heard_in(
    connection: Connection,
    which: ColumnElement[bool],
    key: VariantKey,
    some: list[DocumentId],
) -> bool:
    query = select(_document.id).where(which)
    if len(some) <= FEW:
        query = query.where(_document.id.in_(some))
    else:
        sounds_so = exists().where(_link.key == key, _link.document_id == _document.id)
        query = query.where(sounds_so)
    return connection.scalars(query.limit(1)).first() is not None
