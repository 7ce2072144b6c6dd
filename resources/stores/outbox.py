"""The outbox: events that wait to become statistics.

An event is written in the same transaction as what it tells of, so neither exists
without the other. It leaves in two steps (``reserve``, then ``mark_published``):
a batch gets its name and its members before any file is written, so that doing it
again after a crash writes the same file and counts nothing twice.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, func, select, update

from lectern.accounts.people import Principal
from lectern.contracts import Contract
from lectern.errors import StoreError
from lectern.ids import OwnerId
from lectern.usage.events import EVENTS, EventKind
from resources.stores import schema
from resources.stores.clearing import delete_where
from resources.stores.database import Database
from resources.stores.upsert import insert_new

_outbox = schema.outbox.c


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it waits."""

    id: int
    event_id: str
    kind: EventKind
    owner_id: OwnerId
    at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that leave together, under a name that stays theirs."""

    part: str  # "part-000000000001-000000000500"
    events: tuple[Event, ...]


class Outbox:
    """The table of events that wait."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self,
        kind: EventKind,
        payload: Contract | Mapping[str, Any],
        *,
        principal: Principal,
        event_id: str | None = None,
        at: datetime | None = None,
        connection: Connection | None = None,
    ) -> None:
        """Record an event, in the caller's transaction where one is given.

        An ``event_id`` seen before is not recorded again: a step that may be
        repeated states one.
        """
        self.extend(
            kind,
            [payload],
            principal=principal,
            event_ids=[event_id] if event_id else None,
            at=at,
            connection=connection,
        )

    def extend(
        self,
        kind: EventKind,
        payloads: Sequence[Contract | Mapping[str, Any]],
        *,
        principal: Principal,
        event_ids: Sequence[str] | None = None,
        at: datetime | None = None,
        connection: Connection | None = None,
    ) -> None:
        """Record several events of one kind."""
        if not payloads:
            return
        ids = event_ids or [uuid.uuid4().hex for _ in payloads]
        moment = at or self._database.now()
        rows = [
            {
                "event_id": event_id,
                "kind": kind,
                "owner_id": principal.owner_id,
                "payload": _checked(kind, payload),
                "at": moment,
            }
            for event_id, payload in zip(ids, payloads, strict=True)
        ]
        with self._database.joined(connection) as joined:
            insert_new(joined, schema.outbox, rows, by=["event_id"])

    def pending(self, limit: int = 1000) -> list[Event]:
        """Return events that are not published yet, oldest first."""
        query = select(schema.outbox).where(_outbox.published_at.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_outbox.id).limit(limit))
            return [_event_of(row) for row in rows.mappings()]

    def pending_count(self) -> int:
        """Return how many events wait."""
        query = select(func.count()).where(_outbox.published_at.is_(None))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def oldest_pending_at(self) -> datetime | None:
        """Return when the oldest waiting event happened."""
        query = select(func.min(_outbox.at)).where(_outbox.published_at.is_(None))
        with self._database.read() as connection:
            moment: datetime | None = connection.execute(query).scalar_one()
            return moment

    def reserve(self, limit: int = 50_000) -> Batch | None:
        """Return the oldest unfinished batch, or make one of what waits."""
        waiting = _outbox.published_at.is_(None)
        with self._database.write() as connection:
            part = connection.execute(
                select(_outbox.part).where(waiting).order_by(_outbox.id).limit(1)
            ).scalar_one_or_none()
            if part is None:
                query = select(_outbox.id).where(waiting, _outbox.part.is_(None))
                ids = connection.scalars(query.order_by(_outbox.id).limit(limit)).all()
                if not ids:
                    return None
                part = f"part-{ids[0]:012d}-{ids[-1]:012d}"
                new = _outbox.id.between(ids[0], ids[-1]) & _outbox.part.is_(None)
                connection.execute(
                    update(schema.outbox).where(waiting, new).values(part=part)
                )
            members = select(schema.outbox).where(waiting, _outbox.part == part)
            rows = connection.execute(members.order_by(_outbox.id)).mappings()
            return Batch(part, tuple(_event_of(row) for row in rows))

    def mark_published(self, part: str) -> None:
        """Say that a batch is safe where statistics are kept."""
        now = self._database.now()
        waiting = (_outbox.part == part) & _outbox.published_at.is_(None)
        with self._database.write() as connection:
            connection.execute(
                update(schema.outbox).where(waiting).values(published_at=now)
            )

    def unfinished_parts(self) -> set[str]:
        """Return the names of batches that were begun and are not published."""
        query = select(_outbox.part).where(
            _outbox.published_at.is_(None), _outbox.part.is_not(None)
        )
        with self._database.read() as connection:
            return {str(part) for part in connection.scalars(query.distinct())}

    def trim(self, older_than: timedelta) -> int:
        """Forget published events; until then their ids stop repeats."""
        before = self._database.now() - older_than
        is_old = _outbox.published_at < before
        return delete_where(self._database, schema.outbox, is_old)


def _checked(kind: EventKind, payload: Contract | Mapping[str, Any]) -> dict[str, Any]:
    try:
        event = EVENTS[kind].model_validate(payload)
    except ValidationError as error:
        raise StoreError(
            f"An event of kind “{kind}” was not recorded, as it is malformed: {error}"
        ) from error
    return event.model_dump(mode="json")


def _event_of(row: Mapping[Any, Any]) -> Event:
    return Event(
        id=row["id"],
        event_id=row["event_id"],
        kind=EventKind(row["kind"]),
        owner_id=row["owner_id"],
        at=row["at"],
        payload=row["payload"],
    )
