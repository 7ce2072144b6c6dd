"""Deleting what was planned to be deleted, if it still may be.

Each deletion looks once more, in the transaction that deletes: what was pinned, opened,
used or begun since the plan was made stays. ``holds.lock`` says why nothing slips
between the look and the deletion.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, exists, or_, select, update

from lectern.ids import DocumentId, JobId, VariantKey
from lectern.operations.retention import Item, Kind
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.holds import (
    LIVE,
    artifact_holds,
    document_holds,
    is_heard,
    is_leased,
    is_pinned,
    is_worked_on,
    lock,
)
from resources.stores.joblog import JobLog
from resources.stores.portions import portions
from resources.stores.stock import later
from resources.stores.upsert import insert_or_update

SOUNDS_AT_ONCE = 100

_document = schema.document.c
_artifact = schema.artifact.c
_variant = schema.variant.c
_link = schema.block_audio.c
_cursor = schema.cursor.c
_job = schema.job.c


class Discarding:
    """Deletes things of each kind."""

    def __init__(self, database: Database, joblog: JobLog) -> None:
        self._database = database
        self._joblog = joblog

    def discard(self, items: Sequence[Item], *, planned_at: datetime) -> list[Item]:
        """Delete, in order, what still may be; return what was deleted."""
        by_kind: defaultdict[Kind, list[Item]] = defaultdict(list)
        for item in items:
            by_kind[item.kind].append(item)
        done = [i for i in by_kind[Kind.LOG] if self._log(JobId(i.id))]
        for kind in (Kind.DERIVED, Kind.EXPORT):
            done += [i for i in by_kind[kind] if self._artifact(i.id, planned_at)]
        done += self._sounds(by_kind[Kind.AUDIO], planned_at)
        for item in by_kind[Kind.SOURCE]:
            if self._to_trash(DocumentId(item.id), planned_at):
                done.append(item)
        return done

    def _artifact(self, id_: str, planned_at: datetime) -> bool:
        document_id, _, name = id_.partition("/")
        now = self._database.now()
        used_at = later(_artifact.created_at, _artifact.used_at)
        holds = artifact_holds(_artifact.document_id, _artifact.name, now)
        statement = delete(schema.artifact).where(
            _artifact.document_id == document_id,
            _artifact.name == name,
            used_at <= planned_at,
            ~or_(*holds.values()),
        )
        with self._database.write() as connection:
            lock(connection, [DocumentId(document_id)])
            return connection.execute(statement).rowcount == 1

    def _to_trash(self, document_id: DocumentId, planned_at: datetime) -> bool:
        now = self._database.now()
        heard_since = exists().where(
            _cursor.document_id == _document.id, _cursor.updated_at > planned_at
        )
        statement = (
            update(schema.document)
            .where(
                _document.id == document_id,
                _document.deleted_at.is_(None),
                _document.updated_at <= planned_at,
                ~heard_since,
                ~or_(*document_holds(_document.id, now).values()),
            )
            .values(deleted_at=now, updated_at=now)
        )
        with self._database.write() as connection:
            lock(connection, [document_id])
            return connection.execute(statement).rowcount == 1

    def _sounds(self, items: Sequence[Item], planned_at: datetime) -> list[Item]:
        done: list[Item] = []
        for start in range(0, len(items), SOUNDS_AT_ONCE):
            some = items[start : start + SOUNDS_AT_ONCE]
            with self._database.write() as connection:
                keys = [VariantKey(item.id) for item in some]
                gone = self._forget(connection, keys, planned_at)
            done += [item for item in some if item.id in gone]
        return done

    def _forget(
        self, connection: Connection, keys: list[VariantKey], planned_at: datetime
    ) -> set[str]:
        """Forget sounds and that blocks had them; claims go on from their tokens."""
        now = self._database.now()
        of_documents = select(_link.document_id).where(_link.key.in_(keys)).distinct()
        lock(connection, list(map(DocumentId, connection.scalars(of_documents))))
        id_ = _document.id
        heard_since = exists().where(
            _cursor.document_id == id_, _cursor.updated_at > planned_at
        )
        held = or_(
            _link.linked_at > planned_at,
            heard_since,
            is_pinned(id_),
            is_leased(id_, now),
            is_worked_on(id_),
            is_heard(id_, now),
        )
        in_use = select(_link.key).join(schema.document, id_ == _link.document_id)
        in_use = in_use.where(_link.key == _variant.key, held)
        statement = delete(schema.variant).where(
            _variant.key.in_(keys),
            _variant.created_at <= planned_at,
            or_(_variant.kept_until.is_(None), _variant.kept_until <= now),
            ~in_use.exists(),
        )
        returned = statement.returning(_variant.key, _variant.token)
        tokens = {row.key: row.token for row in connection.execute(returned)}
        rows = [
            {"key": key, "holder": "", "token": token, "expires_at": now}
            for key, token in tokens.items()
        ]
        insert_or_update(connection, schema.claim, rows, by=["key"])
        for some in portions(tokens):
            loose = delete(schema.block_audio).where(_link.key.in_(some))
            connection.execute(loose)
        return set(tokens)

    def _log(self, job_id: JobId) -> bool:
        """Delete the log of a job that has ended, and cannot begin anew meanwhile."""
        query = select(_job.id).where(_job.id == job_id, _job.state.not_in(LIVE))
        with self._database.write() as connection:
            if connection.execute(query.with_for_update()).first() is None:
                return False
            self._joblog.delete(job_id)
        return True
