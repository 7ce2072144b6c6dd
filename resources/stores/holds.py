"""What keeps a document and its things from being deleted, as conditions of SQL.

Whoever deletes calls ``lock`` first, in the same transaction, and only then asks.
Whoever begins to use a document waits for that lock: a pin and a lease refer to the
document's row, who makes a job reads it as if the job did, and the editor that goes on
locks it, too. So one of the two comes first, and the other sees it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from lectern.ids import DocumentId
from lectern.jobs.states import JobState
from lectern.operations.retention import Held
from resources.stores import schema
from resources.stores.portions import portions
from resources.stores.schema_upkeep import WHOLE, lease, pin

HEARD_LATELY = timedelta(hours=1)
"""Somebody who paused for less goes on where they were."""
LIVE = [state for state in JobState if not state.is_final]

Condition = ColumnElement[bool]


def lock(connection: Connection, document_ids: Collection[DocumentId]) -> None:
    """Have whoever wants to begin using these documents wait for this transaction."""
    for some in portions(sorted(document_ids)):
        query = select(schema.document.c.id).where(schema.document.c.id.in_(some))
        connection.execute(query.order_by(schema.document.c.id).with_for_update())


def is_pinned(document_id: ColumnElement[str]) -> Condition:
    """Whether a document is to be kept with all that belongs to it."""
    return exists().where(pin.c.document_id == document_id, pin.c.name == WHOLE)


def has_pins(document_id: ColumnElement[str]) -> Condition:
    """Whether a document or anything that was made of it is to be kept."""
    return exists().where(pin.c.document_id == document_id)


def is_artifact_pinned(
    document_id: ColumnElement[str], name: ColumnElement[str]
) -> Condition:
    """Whether something that was made of a document is to be kept."""
    same = and_(
        pin.c.document_id == document_id, or_(pin.c.name == WHOLE, pin.c.name == name)
    )
    return exists().where(same)


def is_leased(document_id: ColumnElement[str], now: datetime) -> Condition:
    """Whether somebody has a document open to change it."""
    return exists().where(lease.c.document_id == document_id, lease.c.expires_at > now)


def is_worked_on(document_id: ColumnElement[str]) -> Condition:
    """Whether a job of a document waits or runs."""
    job = schema.job.c
    return exists().where(job.document_id == document_id, job.state.in_(LIVE))


def is_heard(document_id: ColumnElement[str], now: datetime) -> Condition:
    """Whether somebody listens to a document, or did just now."""
    cursor = schema.cursor.c
    return exists().where(
        cursor.document_id == document_id, cursor.updated_at > now - HEARD_LATELY
    )


def document_holds(
    document_id: ColumnElement[str], now: datetime
) -> dict[Held, Condition]:
    """Return what may keep a document, by reason."""
    return {
        Held.PIN: has_pins(document_id),
        Held.LEASE: is_leased(document_id, now),
        Held.RUN: is_worked_on(document_id),
        Held.HEARD: is_heard(document_id, now),
    }


def artifact_holds(
    document_id: ColumnElement[str], name: ColumnElement[str], now: datetime
) -> dict[Held, Condition]:
    """Return what may keep something that was made of a document, by reason."""
    return {
        Held.PIN: is_artifact_pinned(document_id, name),
        Held.LEASE: is_leased(document_id, now),
        Held.RUN: is_worked_on(document_id),
    }
