"""Jobs: what was asked for, how far it is, and how it ended.

Every change of state is one ``UPDATE`` that names the states it may start from, so
two processes can never both win, and a final state never changes by itself.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from lectern.accounts.people import Principal
from lectern.errors import LecternError, NotFound
from lectern.ids import DocumentId, JobId, OwnerId, new_job_id
from lectern.jobs.batches import OFF_PEAK, off_peak
from lectern.jobs.states import JobKind, JobState, JobStep
from lectern.settings import Batch as BatchSettings
from resources.stores import schema
from resources.stores.allowed import Allowed
from resources.stores.database import Database
from resources.stores.portions import portions

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)

MostOf = Callable[[OwnerId], int]
"""How many runs a person may have at one time."""

_job = schema.job.c


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work for one document."""

    id: JobId
    owner_id: OwnerId
    document_id: DocumentId
    kind: JobKind
    state: JobState
    step: JobStep
    done: int
    total: int
    message: str
    error_code: str | None
    error_message: str | None
    error_retryable: bool | None
    parameters: dict[str, Any]
    run_id: str | None
    attempts: int
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    step_started_at: datetime | None
    priority: int = 0  # below 0: nobody waits for it
    batch_id: str | None = None
    not_before: datetime | None = None  # of a batch's job: when it may go on
    released_at: datetime | None = None  # since when a batch's job may have a run
    found: int = 0  # of ``done``: what was there before the step, and cost no time
    progressed_at: datetime | None = None  # when ``done`` last changed

    @property
    def principal(self) -> Principal:
        """Return the person on whose behalf the work is done."""
        return Principal(self.owner_id)

    def eta_seconds(self, now: datetime) -> float | None:
        """Return how long the present step will still take, once that shows.

        The pace is that of the whole step, taken when its last part was done; from
        there the clock runs down. What was found done counts for nothing. It says
        nothing before two seconds or two parts: an estimate that jumps about is worse
        than none.
        """
        if self.state is not JobState.RUNNING or self.step_started_at is None:
            return None
        last_at = self.progressed_at or now
        spent_seconds = (last_at - self.step_started_at).total_seconds()
        made = self.done - self.found
        if made < 2 or spent_seconds < 2 or self.done >= self.total:
            return None
        pace_seconds = spent_seconds / made
        since_seconds = max(0.0, (now - last_at).total_seconds())
        left_seconds = pace_seconds * (self.total - self.done) - since_seconds
        return max(pace_seconds, left_seconds)


class Jobs:
    """The table of jobs."""

    def __init__(self, database: Database, allowed: Allowed) -> None:
        self._database = database
        self._allowed = allowed

    def create(
        self,
        principal: Principal,
        *,
        document_id: DocumentId,
        kind: JobKind,
        parameters: Mapping[str, Any] | None = None,
        job_id: JobId | None = None,
        connection: Connection | None = None,
    ) -> Job:
        """Accept a job. From here on it is never lost.

        Raises:
            LimitReached: The person has as much work as one may have.
        """
        row: dict[str, Any] = {
            "id": job_id or new_job_id(),
            "owner_id": principal.owner_id,
            "document_id": document_id,
            "kind": kind,
            "state": JobState.QUEUED,
            "step": JobStep.WAITING,
            "done": 0,
            "total": 0,
            "message": "",
            "parameters": dict(parameters or {}),
            "attempts": 0,
            "cancel_requested": False,
            "created_at": self._database.now(),
            "priority": 0,
            "found": 0,
        }
        with self._database.joined(connection) as joined:
            self._allowed.job(joined, principal, kind)
            joined.execute(insert(schema.job).values(row))
        return job_of(dict.fromkeys(schema.job.c.keys()) | row)

    def ensure_listener(
        self,
        principal: Principal,
        *,
        document_id: DocumentId,
        parameters: Mapping[str, Any],
        fresh_seconds: float = 5.0,
    ) -> tuple[Job, bool]:
        """Return the live LISTEN job of a document, or a new one and True.

        One that is queued counts as live; one that runs does so while its
        heartbeat is fresh. Two callers at the same moment get the same job.
        """
        since = self._database.now() - timedelta(seconds=fresh_seconds)
        fresh = or_(_job.heartbeat_at >= since, _job.started_at >= since)
        live = or_(
            _job.state == JobState.QUEUED, and_(_job.state == JobState.RUNNING, fresh)
        )
        query = (
            select(schema.job)
            .where(_mine(principal), _job.document_id == document_id)
            .where(_job.kind == JobKind.LISTEN, _job.cancel_requested.is_(False), live)
        )
        with self._database.write() as connection:
            row = connection.execute(query.limit(1)).mappings().first()
            if row is not None:
                return job_of(row), False
            job = self.create(
                principal,
                document_id=document_id,
                kind=JobKind.LISTEN,
                parameters=parameters,
                connection=connection,
            )
        return job, True

    def is_listener_waiting(self, *, longer_than: timedelta) -> bool:
        """Whether somebody who opened a document still waits for a run's place."""
        before = self._database.now() - longer_than
        waiting = (_job.state == JobState.QUEUED, _job.kind == JobKind.LISTEN)
        query = select(_job.id).where(*waiting, _job.created_at < before).limit(1)
        with self._database.read() as connection:
            return connection.scalar(query) is not None

    def owners_who_listen(self) -> Sequence[OwnerId]:
        """Return on whose behalf listening runs are under way, once for each run."""
        query = select(_job.owner_id).where(
            _job.state == JobState.RUNNING, _job.kind == JobKind.LISTEN
        )
        with self._database.read() as connection:
            return [OwnerId(owner_id) for owner_id in connection.scalars(query)]

    def get(self, principal: Principal, job_id: JobId) -> Job:
        """Return a job of this person.

        Raises:
            NotFound: There is none.
        """
        return self._only(select(schema.job).where(_mine(principal), _job.id == job_id))

    def find(self, job_id: JobId) -> Job:
        """Return a job whoever owns it: for the workers that carry it out."""
        return self._only(select(schema.job).where(_job.id == job_id))

    def by_run(self, run_id: str) -> Job | None:
        """Return the job that a run carries out, if any."""
        query = select(schema.job).where(or_(_job.run_id == run_id, _job.id == run_id))
        return next(iter(self._all(query)), None)

    def for_document(
        self, document_id: DocumentId, *, kind: JobKind | None = None
    ) -> Sequence[Job]:
        """Return a document's jobs, newest first."""
        query = select(schema.job).where(_job.document_id == document_id)
        if kind is not None:
            query = query.where(_job.kind == kind)
        return self._all(query.order_by(_job.created_at.desc(), _job.id))

    def list(
        self,
        principal: Principal,
        *,
        states: Collection[JobState] = (),
        kinds: Collection[JobKind] = (),
        search: str = "",
        alone: bool = False,
        limit: int = 200,
    ) -> Sequence[Job]:
        """Return a person's jobs, newest first; ``search`` is in document titles.

        With ``alone`` jobs of batches are left out.
        """
        query = select(schema.job).where(_mine(principal))
        if alone:
            query = query.where(_job.batch_id.is_(None))
        if states:
            query = query.where(_job.state.in_(states))
        if kinds:
            query = query.where(_job.kind.in_(kinds))
        if search:
            titles = schema.document.c.title.icontains(search, autoescape=True)
            query = query.join(schema.document).where(titles)
        newest = query.order_by(_job.created_at.desc(), _job.id)
        return self._all(newest.limit(limit))

    def start(self, job_id: JobId, run_id: str) -> bool:
        """Mark a queued job as running in this run; False when it is not queued."""
        now = self._database.now()
        return self._change(
            job_id,
            (JobState.QUEUED,),
            state=JobState.RUNNING,
            run_id=run_id,
            attempts=_job.attempts + 1,
            started_at=now,
            heartbeat_at=now,
            step_started_at=now,
        )

    def progress(
        self,
        job_id: JobId,
        *,
        step: JobStep,
        done: int,
        total: int,
        message: str = "",
        found: int = 0,
    ) -> bool:
        """Say how far a running job is; False when it no longer runs.

        ``found`` parts of ``done`` were there before the step began.
        """
        now = self._database.now()
        running = and_(_job.id == job_id, _job.state == JobState.RUNNING)
        new_step = and_(running, _job.step != step)
        with self._database.write() as connection:
            connection.execute(
                update(schema.job).where(new_step).values(step_started_at=now, done=-1)
            )
            connection.execute(
                update(schema.job)
                .where(running, _job.done != done)
                .values(progressed_at=now)
            )
            result = connection.execute(
                update(schema.job)
                .where(running)
                .values(
                    step=step,
                    done=done,
                    total=total,
                    found=found,
                    message=message,
                    heartbeat_at=now,
                )
            )
        return result.rowcount == 1

    def heartbeat(self, job_id: JobId) -> bool:
        """Say that a running job is alive; False when it no longer runs."""
        now = self._database.now()
        return self._change(job_id, (JobState.RUNNING,), heartbeat_at=now)

    def finish(self, job_id: JobId) -> bool:
        """Mark a job as done."""
        return self._end(job_id, JobState.DONE, step=JobStep.FINISHED, message="")

    def fail(self, job_id: JobId, error: LecternError) -> bool:
        """Mark a job as failed, with the reason in words."""
        return self._end(
            job_id,
            JobState.FAILED,
            error_code=error.code,
            error_message=error.message,
            error_retryable=error.retryable,
        )

    def cancel(self, principal: Principal, job_id: JobId) -> Job:
        """Ask for a job to stop; one that waits is cancelled at once."""
        self.get(principal, job_id)
        self._change(job_id, UNFINISHED, cancel_requested=True)
        self._end(job_id, JobState.CANCELLED, only=(JobState.QUEUED,))
        return self.get(principal, job_id)

    def cancelled(self, job_id: JobId) -> bool:
        """Mark a job as stopped, by the run that was asked to stop."""
        return self._end(job_id, JobState.CANCELLED)

    def is_cancelled(self, job_id: JobId) -> bool:
        """Tell whether a run should stop: asked to, ended, or its job is gone."""
        query = select(_job.cancel_requested, _job.state).where(_job.id == job_id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return row is None or row[0] or JobState(row[1]).is_final

    def is_past_hours(self, job: Job, settings: BatchSettings) -> bool:
        """Tell whether a job of a batch is to wait for the next off-peak hours."""
        if not job.parameters.get(OFF_PEAK):
            return False
        return not off_peak(settings).is_open(self._database.now())

    def requeue(self, job_id: JobId, run_id: str) -> bool:
        """Put a job whose run ``run_id`` disappeared back into the queue.

        False when another run has taken it meanwhile, or it has ended.
        """
        mine = or_(_job.run_id == run_id, _job.state == JobState.QUEUED)
        return self._change(
            job_id,
            UNFINISHED,
            mine,
            state=JobState.QUEUED,
            step=JobStep.WAITING,
            message="",
            run_id=None,
            heartbeat_at=None,
        )

    def reopen(self, job_id: JobId) -> bool:
        """Queue a job again that failed or was cancelled, as a person asked for.

        The one way out of a final state; False for a job in any other.
        """
        return self._change(
            job_id,
            (JobState.FAILED, JobState.CANCELLED),
            state=JobState.QUEUED,
            step=JobStep.WAITING,
            message="",
            error_code=None,
            error_message=None,
            error_retryable=None,
            cancel_requested=False,
            finished_at=None,
            heartbeat_at=None,
        )

    def active(self, principal: Principal) -> Sequence[Job]:
        """Return a person's unfinished jobs, newest first.

        Those that a batch holds back are left out: there may be thousands.
        """
        query = select(schema.job).where(_mine(principal), _is_active())
        return self._all(query.order_by(_job.created_at.desc(), _job.id))

    def unfinished(self, *, most_of: MostOf | None = None) -> Sequence[Job]:
        """Return every job that has a run or should have one, oldest first.

        With ``most_of`` those whose turn has not come are left out.
        """
        query = select(schema.job).where(_is_active())
        jobs = self._all(query.order_by(_job.created_at, _job.id))
        return jobs if most_of is None else _in_turn(jobs, most_of)

    def is_its_turn(self, job: Job, *, most_a_person: int) -> bool:
        """Tell whether a queued job may have a run: its owner has few before it.

        Listening waits for no other work, and batches have a limit of their own.
        """
        if not _is_limited(job):
            return True
        is_older = or_(
            _job.created_at < job.created_at,
            and_(_job.created_at == job.created_at, _job.id < job.id),
        )
        before = or_(_job.state == JobState.RUNNING, is_older)
        query = (
            select(func.count())
            .select_from(schema.job)
            .where(_mine(job.principal), _job.batch_id.is_(None), _job.id != job.id)
            .where(_job.kind != JobKind.LISTEN, _job.state.in_(UNFINISHED), before)
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one()) < most_a_person

    def active_documents(
        self, document_ids: Collection[DocumentId], *, within: timedelta
    ) -> set[DocumentId]:
        """Return those of the documents that are there and have had a job lately."""
        since = self._database.now() - within
        document = schema.document.c
        is_recent = or_(_job.created_at >= since, _job.state.in_(UNFINISHED))
        found: set[DocumentId] = set()
        with self._database.read() as connection:
            for some in portions(document_ids):
                query = (
                    select(_job.document_id)
                    .join(schema.document, document.id == _job.document_id)
                    .where(_job.document_id.in_(some), is_recent)
                    .where(document.deleted_at.is_(None))
                    .distinct()
                )
                found |= {DocumentId(one) for one in connection.scalars(query)}
        return found

    def stale(self, older_than: timedelta) -> Sequence[Job]:
        """Return running jobs that gave no sign of life for this long."""
        before = self._database.now() - older_than
        query = select(schema.job).where(_job.state == JobState.RUNNING)
        return self._all(query.where(_job.heartbeat_at < before))

    def _end(
        self,
        job_id: JobId,
        state: JobState,
        *,
        only: Collection[JobState] = UNFINISHED,
        **values: Any,
    ) -> bool:
        now = self._database.now()
        return self._change(job_id, only, state=state, finished_at=now, **values)

    def _change(
        self,
        job_id: JobId,
        only: Collection[JobState],
        *conditions: ColumnElement[bool],
        **values: Any,
    ) -> bool:
        statement = update(schema.job).where(_job.id == job_id, *conditions)
        with self._database.write() as connection:
            result = connection.execute(
                statement.where(_job.state.in_(only)).values(**values)
            )
        return result.rowcount == 1

    def _only(self, query: Any) -> Job:
        jobs = self._all(query)
        if not jobs:
            raise NotFound("There is no such job. It may have been deleted.")
        return jobs[0]

    def _all(self, query: Any) -> Sequence[Job]:
        with self._database.read() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]


def _is_limited(job: Job) -> bool:
    return job.batch_id is None and job.kind is not JobKind.LISTEN


def _in_turn(jobs: Sequence[Job], most_of: MostOf) -> Sequence[Job]:
    """Leave out what is queued behind as many jobs of the same person."""
    counts = Counter(
        job.owner_id
        for job in jobs
        if _is_limited(job) and job.state is JobState.RUNNING
    )
    most: dict[OwnerId, int] = {}
    kept = []
    for job in jobs:
        if _is_limited(job) and job.state is JobState.QUEUED:
            counts[job.owner_id] += 1
            if job.owner_id not in most:
                most[job.owner_id] = most_of(job.owner_id)
            if counts[job.owner_id] > most[job.owner_id]:
                continue
        kept.append(job)
    return kept


def _is_active() -> ColumnElement[bool]:
    """Whether a job is queued or running, and not held back by its batch."""
    is_let_go = or_(_job.batch_id.is_(None), _job.released_at.is_not(None))
    return and_(_job.state.in_(UNFINISHED), is_let_go)


def _mine(principal: Principal) -> ColumnElement[bool]:
    return _job.owner_id == principal.owner_id


def job_of(row: Mapping[Any, Any]) -> Job:
    """Return a row of the table as a job."""
    values = dict(row)
    values["kind"] = JobKind(values["kind"])
    values["state"] = JobState(values["state"])
    values["step"] = JobStep(values["step"])
    return Job(**values)
