"""Batches of jobs: begun together, let go a few at a time, stopped and gone on with.

A batch's job is held in the app database until it is *released*: then it may have a
run. So a library of a thousand documents puts no more than a few runs into Dagster.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from lectern.accounts.people import Principal
from lectern.errors import InvalidRequest, NotFound
from lectern.ids import DocumentId, OwnerId, new_job_id
from lectern.jobs.batches import CHARS, OFF_PEAK, PAGES, PRIORITY, Batch, Task
from lectern.jobs.hours import OffPeak
from lectern.jobs.sharing import Room, next_in
from lectern.jobs.states import DocumentState, JobKind, JobState, JobStep
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.job_search import insert_jobs
from resources.stores.jobs import UNFINISHED, Job, job_of
from resources.stores.ownership import for_installation, is_own
from resources.stores.portions import portions
from resources.stores.retention import keep_document

ENDED_BADLY = (JobState.FAILED, JobState.CANCELLED)
NOT_READABLE = "Its text could not be prepared, so there is nothing to speak."

_batch = schema.batch.c
_job = schema.job.c
_document = schema.document.c


class Batches:
    """The tables of batches and of their jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        principal: Principal,
        tasks: Sequence[Task],
        *,
        name: str,
        recogniser: str = "",
        voice_id: str = "",
        is_off_peak: bool = False,
        speaks: bool = True,
        price_micros: int | None = 0,
    ) -> Batch:
        """Accept a batch and all its jobs at once. From here on none is lost.

        Where one that is not done yet has all of this in hand, as when the same is
        begun in two tabs, that one is returned.

        Raises:
            InvalidRequest: There is nothing to do.
            NotFound: One of the documents is not this person's.
        """
        now = self._database.now()
        batch = Batch(
            id=uuid.uuid4().hex,
            owner_id=principal.owner_id,
            name=name,
            recogniser=recogniser,
            voice_id=voice_id,
            is_off_peak=is_off_peak,
            documents=len({task.document_id for task in tasks}),
            chars=sum(task.chars for task in tasks),
            pages=sum(task.pages for task in tasks),
            price_micros=price_micros,
            created_at=now,
            cancelled_at=None,
        )
        rows = [row for task in tasks for row in self._rows(batch, task, speaks=speaks)]
        if not rows:
            raise InvalidRequest("There is nothing to do for these documents.")
        with self._database.write() as connection:
            _require_own(connection, principal, [task.document_id for task in tasks])
            if same := _in_hand(connection, batch, rows):
                return same
            connection.execute(
                insert(schema.batch).values(
                    {n: getattr(batch, n) for n in schema.batch.c.keys()}  # noqa: SIM118
                )
            )
            insert_jobs(connection, rows)
        return batch

    def _rows(self, batch: Batch, task: Task, *, speaks: bool) -> list[dict[str, Any]]:
        shared = {OFF_PEAK: batch.is_off_peak}
        rows = []
        if task.prepare:
            wanted = {"recogniser": batch.recogniser} if batch.recogniser else {}
            reading = wanted | ({"is_to_be_read": True} if wanted else {})
            parameters = shared | reading | {PAGES: task.pages}
            rows.append(self._row(batch, task, JobKind.PREPARE, parameters))
        if speaks:
            voice = {"voice": task.voice_id} if task.voice_id else {}
            parameters = shared | voice | {CHARS: task.chars}
            rows.append(self._row(batch, task, JobKind.VOICE, parameters))
        return rows

    def _row(
        self, batch: Batch, task: Task, kind: JobKind, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "id": new_job_id(),
            "owner_id": batch.owner_id,
            "document_id": task.document_id,
            "kind": kind,
            "state": JobState.QUEUED,
            "step": JobStep.HELD,
            "done": 0,
            "total": 0,
            "message": "",
            "parameters": dict(parameters),
            "attempts": 0,
            "cancel_requested": False,
            "created_at": batch.created_at,
            "priority": PRIORITY,
            "batch_id": batch.id,
        }

    def get(self, principal: Principal, batch_id: str) -> Batch:
        """Return a batch of this person.

        Raises:
            NotFound: There is none.
        """
        query = select(schema.batch).where(_mine(principal), _batch.id == batch_id)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("There is no such batch.")
        return _batch_of(row)

    def list(self, principal: Principal, *, limit: int = 20) -> list[Batch]:
        """Return a person's batches, newest first."""
        query = select(schema.batch).where(_mine(principal))
        newest = query.order_by(_batch.created_at.desc(), _batch.id).limit(limit)
        with self._database.read() as connection:
            return [_batch_of(row) for row in connection.execute(newest).mappings()]

    def jobs(self, principal: Principal, batch_id: str) -> Sequence[Job]:
        """Return the jobs of a batch, document by document.

        What has ended for a document that is deleted is left out: nothing can come of
        it any more, and a batch is done without it.
        """
        lives = exists().where(
            _document.id == _job.document_id, _document.deleted_at.is_(None)
        )
        query = (
            select(schema.job)
            .where(_job.batch_id == batch_id, _job.owner_id == principal.owner_id)
            .where(or_(lives, _job.state.in_(UNFINISHED)))
            .order_by(_job.document_id, _job.kind)
        )
        with self._database.read() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    @for_installation("the sensor lets the next jobs have runs")
    def release(self, window: OffPeak, *, limit: int) -> Sequence[Job]:
        """Let the next jobs have runs, until ``limit`` of all batches have one.

        Whose owner has fewest comes first, then the oldest batch; who has none gets one
        beyond the limit. A text is spoken once it is prepared; what waits for its hours
        waits. Jobs that can never be done are closed on the way.
        """
        now = self._database.now()
        with self._database.write() as connection:
            _close_hopeless(connection, now)
            # State by state, as each is then looked up in the index for sure.
            released = [
                owner_id
                for state in UNFINISHED
                for owner_id in connection.scalars(_owners_of_released(state))
            ]
            waiting = self._next(connection, window, now, limit)
            jobs = _shared_out(waiting, released, limit)
            for some in portions(job.id for job in jobs):
                connection.execute(
                    update(schema.job)
                    .where(_job.id.in_(some))
                    .values(released_at=now, step=JobStep.WAITING)
                )
        return jobs

    def _next(
        self, connection: Connection, window: OffPeak, now: datetime, most: int
    ) -> Sequence[Job]:
        """Return held jobs whose time has come, so many of each person at most."""
        is_open: ColumnElement[bool] = _batch.is_off_peak.is_(False)
        if window.is_open(now):
            is_open = or_(is_open, _batch.is_off_peak.is_(True))
        # A text is spoken before the next file is read: there is less half done.
        order = (_batch.created_at, _job.kind.desc(), _job.id)
        place = func.row_number().over(partition_by=_job.owner_id, order_by=order)
        numbered = (
            select(_job.id, place.label("place"))
            .join(schema.batch, _batch.id == _job.batch_id)
            .join(schema.document, _document.id == _job.document_id)
            .where(_is_held(), is_open)
            .where(or_(_job.not_before.is_(None), _job.not_before <= now))
            .where(or_(_job.kind != JobKind.VOICE, _is_speakable()))
            .subquery()
        )
        query = (
            select(schema.job)
            .join(numbered, numbered.c.id == _job.id)
            .join(schema.batch, _batch.id == _job.batch_id)
            .where(numbered.c.place <= most)
            .order_by(*order)
        )
        return [job_of(row) for row in connection.execute(query).mappings()]

    @for_installation("a worker holds its job")
    def pause(self, job: Job, not_before: datetime) -> bool:
        """Hold a running job again until later; what it has made is found then."""
        running = and_(_job.id == job.id, _job.state == JobState.RUNNING)
        with self._database.write() as connection:
            result = connection.execute(
                update(schema.job)
                .where(running, _job.run_id == job.run_id)
                .values(
                    state=JobState.QUEUED,
                    step=JobStep.HELD,
                    message="",
                    run_id=None,
                    released_at=None,
                    heartbeat_at=None,
                    not_before=not_before,
                )
            )
        return result.rowcount == 1

    def cancel(self, principal: Principal, batch_id: str) -> Sequence[Job]:
        """Stop a batch; return its jobs that may have runs, to be told."""
        self.get(principal, batch_id)
        now = self._database.now()
        of_it = _job.batch_id == batch_id
        with self._database.write() as connection:
            connection.execute(
                update(schema.batch)
                .where(_batch.id == batch_id)
                .values(cancelled_at=now)
            )
            running = (
                select(schema.job)
                .where(of_it, _job.state.in_(UNFINISHED))
                .where(_job.released_at.is_not(None))
            )
            jobs = [job_of(row) for row in connection.execute(running).mappings()]
            connection.execute(
                update(schema.job)
                .where(of_it, _job.state.in_(UNFINISHED))
                .values(cancel_requested=True)
            )
            connection.execute(
                update(schema.job)
                .where(of_it, _job.state == JobState.QUEUED)
                .values(state=JobState.CANCELLED, finished_at=now)
            )
        return jobs

    def resume(self, principal: Principal, batch_id: str) -> int:
        """Go on with what was stopped or failed; return how many jobs that are."""
        self.get(principal, batch_id)
        ended = and_(_job.batch_id == batch_id, _job.state.in_(ENDED_BADLY))
        with self._database.write() as connection:
            connection.execute(
                update(schema.batch)
                .where(_batch.id == batch_id)
                .values(cancelled_at=None)
            )
            lives = exists().where(
                _document.id == _job.document_id, _document.deleted_at.is_(None)
            )
            result = connection.execute(
                update(schema.job)
                .where(ended, lives)
                .values(
                    state=JobState.QUEUED,
                    step=JobStep.HELD,
                    message="",
                    error_code=None,
                    error_message=None,
                    error_retryable=None,
                    cancel_requested=False,
                    finished_at=None,
                    heartbeat_at=None,
                    released_at=None,
                    not_before=None,
                )
            )
        return result.rowcount

    @for_installation("a worker keeps what a batch has voiced")
    def keep_audio(
        self, document_id: DocumentId, voice_id: str, *, until: datetime
    ) -> int:
        """Promise to keep what a document sounds like in a voice until then."""
        with self._database.write() as connection:
            return keep_document(connection, document_id, voice_id, until=until)

    def voiced_chars(
        self, principal: Principal, voices: Mapping[DocumentId, str]
    ) -> dict[DocumentId, int]:
        """Return how many characters of each own document are voiced by its voice."""
        link, variant = schema.block_audio.c, schema.variant.c
        sums: dict[DocumentId, int] = {}
        with self._database.read() as connection:
            for some in portions(voices):
                query = (
                    select(link.document_id, link.voice_id, func.sum(variant.chars))
                    .join(schema.variant, variant.key == link.key)
                    .join(schema.document, _document.id == link.document_id)
                    .where(link.document_id.in_(some), is_own(principal))
                    .where(link.revision == _document.revision)
                    .group_by(link.document_id, link.voice_id)
                )
                for document_id, voice_id, chars in connection.execute(query):
                    if voices[DocumentId(document_id)] == voice_id:
                        sums[DocumentId(document_id)] = int(chars)
        return sums


def _shared_out(
    waiting: Sequence[Job], released: Sequence[str], limit: int
) -> list[Job]:
    """Return who comes next, until so many are released."""
    left, held, chosen = list(waiting), list(released), []
    room = Room(limit, has_guests=True)
    while left:
        place = next_in([job.owner_id for job in left], held, room)
        if place is None:
            break
        job = left.pop(place)
        held.append(job.owner_id)
        chosen.append(job)
    return chosen


def _mine(principal: Principal) -> ColumnElement[bool]:
    return _batch.owner_id == principal.owner_id


def _is_held() -> ColumnElement[bool]:
    """Whether a job of a batch waits here, and has no run."""
    return and_(
        _job.batch_id.is_not(None),
        _job.state == JobState.QUEUED,
        _job.released_at.is_(None),
        _job.cancel_requested == false(),
    )


def _owners_of_released(state: JobState) -> Select[Any]:
    """Select whose the jobs of batches are that are in this state and not held."""
    return (
        select(_job.owner_id)
        .where(_job.state == state, _job.batch_id.is_not(None))
        .where(_is_held().is_(False))
    )


def _is_speakable() -> ColumnElement[bool]:
    """Whether a document has its text, and nobody is about to change it."""
    other = schema.job.alias("other")
    being_prepared = exists().where(
        other.c.document_id == _job.document_id,
        other.c.kind == JobKind.PREPARE,
        other.c.state.in_(UNFINISHED),
    )
    return and_(_document.state == DocumentState.READY, ~being_prepared)


def _close_hopeless(connection: Connection, now: datetime) -> None:
    """End held jobs whose document is gone, or will never have a text."""
    other = schema.job.alias("other")
    held = _is_held()
    gone = exists().where(
        _document.id == _job.document_id, _document.deleted_at.is_not(None)
    )
    connection.execute(
        update(schema.job)
        .where(held, gone)
        .values(state=JobState.CANCELLED, finished_at=now)
    )
    unreadable = exists().where(
        _document.id == _job.document_id, _document.state == DocumentState.FAILED
    )
    being_prepared = exists().where(
        other.c.document_id == _job.document_id,
        other.c.kind == JobKind.PREPARE,
        other.c.state.in_(UNFINISHED),
    )
    connection.execute(
        update(schema.job)
        .where(held, _job.kind == JobKind.VOICE, unreadable, ~being_prepared)
        .values(
            state=JobState.FAILED,
            finished_at=now,
            error_code="nothing_to_read",
            error_message=NOT_READABLE,
            error_retryable=False,
        )
    )


def _require_own(
    connection: Connection, principal: Principal, document_ids: Sequence[DocumentId]
) -> None:
    wanted = set(document_ids)
    found: set[str] = set()
    for some in portions(wanted):
        query = select(_document.id).where(_document.id.in_(some), is_own(principal))
        query = query.order_by(_document.id).with_for_update()  # one after the other
        found |= set(connection.scalars(query))
    if found != wanted:
        raise NotFound("There is no such document. It may have been deleted.")


def _in_hand(
    connection: Connection, wanted: Batch, rows: Sequence[Mapping[str, Any]]
) -> Batch | None:
    """Return an unfinished batch that does the same to all these documents."""
    work = {(row["document_id"], row["kind"]) for row in rows}
    alike = and_(
        *(
            _batch[name] == getattr(wanted, name)
            for name in ("owner_id", "recogniser", "voice_id", "is_off_peak")
        ),
        _batch.cancelled_at.is_(None),
    )
    query = (
        select(_job.batch_id, _job.document_id, _job.kind)
        .join(schema.batch, _batch.id == _job.batch_id)
        .where(alike, _job.state.in_(UNFINISHED), _job.cancel_requested == false())
    )
    found: dict[str, set[tuple[str, str]]] = {}
    for batch_id, document_id, kind in connection.execute(query):
        found.setdefault(batch_id, set()).add((document_id, JobKind(kind)))
    same = next((batch_id for batch_id, of in found.items() if work <= of), None)
    if same is None:
        return None
    one = select(schema.batch).where(_batch.id == same)
    return _batch_of(connection.execute(one).mappings().one())


def _batch_of(row: Mapping[Any, Any]) -> Batch:
    return Batch(**{**row, "owner_id": OwnerId(row["owner_id"])})
