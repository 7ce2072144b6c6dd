"""What is kept, thing by thing, for whoever decides what may go.

Everything is told as it is in one moment, with what holds it. Nothing here deletes.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    or_,
    select,
)

from lectern.ids import BlobHash, JobId, OwnerId
from lectern.operations.retention import Held, Item, Kind
from resources.stores import schema
from resources.stores.blob_contract import Blobs
from resources.stores.database import Database
from resources.stores.exports import EXPORT
from resources.stores.holds import (
    LIVE,
    Condition,
    artifact_holds,
    document_holds,
    is_heard,
    is_leased,
    is_pinned,
    is_worked_on,
)
from resources.stores.joblog import JobLog
from resources.stores.portions import portions

RENDERING = "document_audio"
"""A whole document as one file: made to be taken away, like an export."""
REBUILDABLE = ("recognised_pages", "sorted_pages", "cover")
"""Artifacts that cost nothing but time. What a paid recogniser sent is not among them,
nor the blocks, by which a document is read."""
COMMON_DOCUMENTS = 64
"""A sound of more documents than this is left: it is small, and all of them would have
to be locked to know that none is in use."""

_document = schema.document.c
_artifact = schema.artifact.c
_variant = schema.variant.c
_link = schema.block_audio.c
_cursor = schema.cursor.c
_job = schema.job.c


def is_export() -> Condition:
    """Whether an artifact is a file to be taken away."""
    after = EXPORT[:-1] + chr(ord(EXPORT[-1]) + 1)
    named = and_(_artifact.name >= EXPORT, _artifact.name < after)
    return or_(named, _artifact.name == RENDERING)


class Stock:
    """Lists what an installation keeps."""

    def __init__(self, database: Database, blobs: Blobs, joblog: JobLog) -> None:
        self._database = database
        self._blobs = blobs
        self._joblog = joblog

    def of(self, kind: Kind) -> Iterator[Item]:
        """Yield everything of a kind."""
        now = self._database.now()
        match kind:
            case Kind.SOURCE:
                return self._sources(now)
            case Kind.EXPORT:
                return self._artifacts(kind, is_export(), now)
            case Kind.DERIVED:
                return self._artifacts(kind, ~is_export(), now)
            case Kind.AUDIO:
                return self._audio(now)
            case Kind.LOG:
                return self._logs()

    def audio_bytes(self) -> int:
        """Return how much all audio is, without looking at each sound."""
        with self._database.read() as connection:
            query = select(func.coalesce(func.sum(_variant.size_bytes), 0))
            return int(connection.execute(query).scalar_one())

    def _sources(self, now: datetime) -> Iterator[Item]:
        heard_at = (
            select(func.max(_cursor.updated_at))
            .where(_cursor.document_id == _document.id)
            .scalar_subquery()
        )
        used_at = later(_document.updated_at, heard_at)
        query = select(
            _document.id, _document.owner_id, _document.size_bytes, used_at
        ).where(_document.deleted_at.is_(None))
        for row, held in self._held(query, document_holds(_document.id, now)):
            id_, owner_id, size_bytes, moment = row
            yield Item(
                id_,
                Kind.SOURCE,
                OwnerId(owner_id),
                size_bytes,
                moment,
                is_rebuildable=False,
                held=held,
            )

    def _artifacts(
        self, kind: Kind, condition: Condition, now: datetime
    ) -> Iterator[Item]:
        used_at = later(_artifact.created_at, _artifact.used_at)
        query = (
            select(
                _artifact.document_id,
                _artifact.name,
                _document.owner_id,
                _artifact.blob,
                _artifact.metadata,
                used_at,
            )
            .join(schema.document, _document.id == _artifact.document_id)
            .where(condition, _document.deleted_at.is_(None))
        )
        holds = artifact_holds(_artifact.document_id, _artifact.name, now)
        for row, held in self._held(query, holds):
            document_id, name, owner_id, blob, metadata, moment = row
            can = kind is Kind.EXPORT or name in REBUILDABLE
            yield Item(
                f"{document_id}/{name}",
                kind,
                OwnerId(owner_id),
                self._size_bytes(metadata, blob),
                moment,
                is_rebuildable=can,
                held=held if can else held | {Held.NEEDED},
            )

    def _size_bytes(self, metadata: Mapping[str, Any], blob: BlobHash) -> int:
        known = metadata.get("size_bytes")
        if known is not None:
            return int(known)
        return self._blobs.size_bytes(blob) if self._blobs.exists(blob) else 0

    def _audio(self, now: datetime) -> Iterator[Item]:
        documents = _documents_as_used(now)
        d = documents.c
        columns = [
            func.max(getattr(d, held.name.lower())).label(held.name) for held in _FLAGS
        ]
        used = (
            select(
                _link.key,
                func.max(_link.linked_at, type_=schema.Moment()).label("linked_at"),
                func.max(d.heard_at, type_=schema.Moment()).label("heard_at"),
                func.count(_link.document_id.distinct()).label("documents"),
                *columns,
            )
            .join(documents, d.id == _link.document_id)
            .group_by(_link.key)
            .subquery()
        )
        flags = {held: getattr(used.c, held.name) == 1 for held in _FLAGS}
        flags[Held.COMMON] = used.c.documents > COMMON_DOCUMENTS
        flags[Held.PROMISED] = and_(
            _variant.kept_until.is_not(None), _variant.kept_until > now
        )
        used_at = later(later(_variant.created_at, used.c.linked_at), used.c.heard_at)
        query = select(_variant.key, _variant.size_bytes, used_at).join(
            used, used.c.key == _variant.key
        )
        for (key, size_bytes, moment), held in self._held(query, flags):
            yield Item(key, Kind.AUDIO, None, size_bytes, moment, held=held)

    def _logs(self) -> Iterator[Item]:
        for some in portions(self._joblog.job_ids()):
            query = select(_job.id, _job.owner_id, _job.state.in_(LIVE)).where(
                _job.id.in_(some)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            for job_id, owner_id, is_live in rows:
                found = self._joblog.written(JobId(job_id))
                if found is not None:
                    size_bytes, moment = found
                    held = frozenset({Held.RUN} if is_live else ())
                    owner = OwnerId(owner_id)
                    yield Item(job_id, Kind.LOG, owner, size_bytes, moment, held=held)

    def _held(
        self, query: Select[Any], holds: Mapping[Held, Condition]
    ) -> Iterator[tuple[tuple[Any, ...], frozenset[Held]]]:
        """Yield each row with the reasons that hold it."""
        flags = [case((condition, 1), else_=0) for condition in holds.values()]
        reasons = list(holds)
        with self._database.read() as connection:
            for row in _streamed(connection, query.add_columns(*flags)):
                values, marks = row[: -len(flags)], row[-len(flags) :]
                held = (r for r, mark in zip(reasons, marks, strict=True) if mark)
                yield tuple(values), frozenset(held)


_FLAGS = (Held.PIN, Held.LEASE, Held.RUN, Held.HEARD)


def _documents_as_used(now: datetime) -> Any:
    """Return each document with when it was heard last, and what holds its audio."""
    heard_at = (
        select(func.max(_cursor.updated_at))
        .where(_cursor.document_id == _document.id)
        .scalar_subquery()
    )
    holds = {
        Held.PIN: is_pinned(_document.id),
        Held.LEASE: is_leased(_document.id, now),
        Held.RUN: is_worked_on(_document.id),
        Held.HEARD: is_heard(_document.id, now),
    }
    flags = [
        case((condition, 1), else_=0).label(held.name.lower())
        for held, condition in holds.items()
    ]
    return select(_document.id, heard_at.label("heard_at"), *flags).cte("documents")


def later(one: Any, other: Any) -> ColumnElement[datetime]:
    """Return the later of two moments, of which the second may be missing."""
    return case(
        (and_(other.is_not(None), other > one), other),
        else_=one,
    )


def _streamed(connection: Connection, query: Select[Any]) -> Iterable[Any]:
    return connection.execution_options(yield_per=2000).execute(query)
