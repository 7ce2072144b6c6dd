"""How long audio stays: while a block links to it, or until a day that was promised."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, update

from lectern.ids import DocumentId, VariantKey
from resources.stores import schema
from resources.stores.portions import portions

RENEWED = timedelta(days=1)
"""How exact a promise is: what is asked for often is not written each time."""

_variant = schema.variant.c
_link = schema.block_audio.c


def unreachable(now: datetime) -> ColumnElement[bool]:
    """Whether no block links to a variant and no promise holds it."""
    linked = exists().where(_link.key == _variant.key)
    is_promised = _variant.kept_until > now
    return and_(~linked, or_(_variant.kept_until.is_(None), ~is_promised))


def keep(
    connection: Connection, keys: Collection[VariantKey], *, until: datetime
) -> set[VariantKey]:
    """Promise to keep variants until then; return those of them that exist."""
    known: set[VariantKey] = set()
    for some in portions(keys):
        query = select(_variant.key).where(_variant.key.in_(some))
        found = {VariantKey(key) for key in connection.scalars(query)}
        known |= found
        statement = update(schema.variant).where(_variant.key.in_(found))
        connection.execute(
            statement.where(_ends_before(until - RENEWED)).values(kept_until=until)
        )
    return known


def keep_document(
    connection: Connection, document_id: DocumentId, voice_id: str, *, until: datetime
) -> int:
    """Promise to keep what a document sounds like in a voice; return how much of it
    was not promised for as long before."""
    linked = select(_link.key).where(
        _link.document_id == document_id, _link.voice_id == voice_id
    )
    statement = update(schema.variant).where(
        _variant.key.in_(linked), _ends_before(until - RENEWED)
    )
    return connection.execute(statement.values(kept_until=until)).rowcount


def end_promises(connection: Connection, document_id: DocumentId) -> None:
    """Promise nothing more for what only this document, now deleted, sounds like."""
    other = schema.block_audio.alias("other")
    elsewhere = exists().where(
        other.c.key == _variant.key, other.c.document_id != document_id
    )
    mine = select(_link.key).where(_link.document_id == document_id)
    connection.execute(
        update(schema.variant)
        .where(_variant.key.in_(mine), _variant.kept_until.is_not(None), ~elsewhere)
        .values(kept_until=None)
    )


def _ends_before(moment: datetime) -> ColumnElement[bool]:
    return or_(_variant.kept_until.is_(None), _variant.kept_until < moment)
