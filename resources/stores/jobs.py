"""Jobs: what was asked for, how far it is, and how it ended.

Every change of state is one ``UPDATE`` that names the states it may start from, so
two processes can never both win, and a final state never changes by itself.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    true,
    update,
)

from lectern.accounts.people import Principal
from lectern.errors import LecternError, NameTaken, NotFound
from lectern.ids import DocumentId, JobId, new_job_id
from lectern.jobs.batches import OFF_PEAK, off_peak
from lectern.jobs.states import JobKind, JobState, JobStep
from lectern.settings import Batch as BatchSettings
from resources.stores import schema
from resources.stores.allowed import Allowed
from resources.stores.database import Database
from resources.stores.job_queries import UNFINISHED, JobQueries, mine
from resources.stores.job_rows import Job, job_of
from resources.stores.job_search import add_words, index_jobs, titles_of
from resources.stores.job_steps import end_step
from resources.stores.ownership import for_installation, is_readable
from resources.stores.upsert import insert_if_new

__all__ = ["UNFINISHED", "Job", "Jobs", "job_of"]

_job = schema.job.c
_document = schema.document.c
_QUEUED_ANEW: dict[str, Any] = {
    "state": JobState.QUEUED,
    "step": JobStep.WAITING,
    "message": "",
    "run_id": None,
    "heartbeat_at": None,
}


class Jobs(JobQueries):
    """The table of jobs."""

    def __init__(self, database: Database, allowed: Allowed) -> None:
        super().__init__(database)
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

        Whom a document is shared with may listen to it; the rest is for its owner.

        Raises:
            LimitReached: The person has as much work as one may have.
            NameTaken: It would be the second that listens to its document.
            NotFound: There is no such document of this person.
        """
        row = self._new_row(principal, document_id, kind, parameters)
        row |= {"id": job_id} if job_id else {}
        with self._database.joined(connection) as joined:
            self._require_document(joined, principal, document_id, kind)
            self._allowed.job(joined, principal, kind)
            made = self._insert(joined, row)
        if made is None:
            raise NameTaken("Somebody listens to this document already.")
        return made

    def _require_document(
        self,
        connection: Connection,
        principal: Principal,
        document_id: DocumentId,
        kind: JobKind,
    ) -> None:
        may = _document.owner_id == principal.owner_id
        if kind is JobKind.LISTEN:
            may = is_readable(principal, self._database.now())
        wanted = select(_document.id).where(_document.id == document_id, may)
        if connection.execute(wanted).first() is None:
            raise NotFound("There is no such document. It may have been deleted.")

    def _new_row(
        self,
        principal: Principal,
        document_id: DocumentId,
        kind: JobKind,
        parameters: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        return {
            "id": new_job_id(),
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
            "engine": "",
            "voice_id": "",
            "machine": "",
        }

    def _insert(self, connection: Connection, row: dict[str, Any]) -> Job | None:
        """Add a job, findable by title and kind; None for a second listener."""
        [row["title"]] = titles_of(connection, [row["document_id"]]).values()
        if not insert_if_new(connection, schema.job, row):
            return None
        indexed = (row["id"], row["owner_id"], row["title"], [row["kind"]])
        index_jobs(connection, [indexed])
        return job_of(dict.fromkeys(schema.job.c.keys()) | row)

    def ensure_listener(
        self,
        principal: Principal,
        *,
        document_id: DocumentId,
        parameters: Mapping[str, Any],
        fresh_seconds: float = 5.0,
    ) -> tuple[Job, bool]:
        """Return this person's LISTEN job of a document, and whether it needs a run.

        There is one at a time, which the database sees to. One that waits has a run
        to come, and one that runs is alive while its heartbeat is fresh. One that is
        silent lost its run (Lectern was killed and started again): it waits anew, and
        should that run live after all, it finds that the job is another's.

        Raises:
            NotFound: They may not read this document.
        """
        here = and_(
            mine(principal),
            _job.document_id == document_id,
            _job.kind == JobKind.LISTEN,
            _job.cancel_requested.is_(False),
        )
        row = self._new_row(principal, document_id, JobKind.LISTEN, parameters)
        with self._database.write() as connection:
            self._require_document(connection, principal, document_id, JobKind.LISTEN)
            if self._take_from_silent(connection, here, fresh_seconds):
                return self._listener(connection, here), True
            if made := self._insert(connection, row):
                return made, True
            return self._listener(connection, here), False

    def _take_from_silent(
        self, connection: Connection, here: ColumnElement[bool], fresh_seconds: float
    ) -> bool:
        """Queue a listener anew whose run says nothing; False where it speaks."""
        since = self._database.now() - timedelta(seconds=fresh_seconds)
        seen = func.coalesce(_job.heartbeat_at, _job.started_at, _job.created_at)
        silent = and_(here, _job.state == JobState.RUNNING, seen < since)
        statement = update(schema.job).where(silent).values(**_QUEUED_ANEW)
        return connection.execute(statement).rowcount == 1

    def _listener(self, connection: Connection, here: ColumnElement[bool]) -> Job:
        query = select(schema.job).where(here, _job.state.in_(UNFINISHED))
        return job_of(connection.execute(query).mappings().one())

    @for_installation("a worker carries the job out")
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

    @for_installation("a worker carries the job out")
    def progress(
        self,
        job_id: JobId,
        *,
        step: JobStep,
        done: int,
        total: int,
        message: str = "",
        found: int = 0,
        is_waiting: bool = False,
    ) -> bool:
        """Say how far a running job is; False when it no longer runs.

        ``found`` parts of ``done`` were there before the step began. Who ``is_waiting``
        (for a reader, for an engine that said when it answers) has not stalled.
        """
        now = self._database.now()
        running = and_(_job.id == job_id, _job.state == JobState.RUNNING)
        new_step = and_(running, _job.step != step)
        is_on = or_(_job.done != done, true() if is_waiting else false())
        with self._database.write() as connection:
            end_step(connection, new_step, now)
            connection.execute(
                update(schema.job).where(new_step).values(step_started_at=now, done=-1)
            )
            connection.execute(
                update(schema.job).where(running, is_on).values(progressed_at=now)
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

    @for_installation("a worker carries the job out")
    def heartbeat(self, job_id: JobId, run_id: str | None = None) -> bool:
        """Say that a running job is alive; False when it no longer runs.

        Here and below, a ``run_id`` says which run speaks: for a job that another run
        has taken up meanwhile, it changes nothing.
        """
        now = self._database.now()
        return self._change(
            job_id, (JobState.RUNNING,), *_held_by(run_id), heartbeat_at=now
        )

    @for_installation("a worker carries the job out")
    def describe(
        self, job_id: JobId, *, engine: str = "", voice_id: str = "", machine: str = ""
    ) -> None:
        """Say what does the work and where, once that is known; "" leaves it."""
        known = {"engine": engine, "voice_id": voice_id, "machine": machine}
        values = {name: value for name, value in known.items() if value}
        if not values:
            return
        different = or_(*(_job[name] != value for name, value in values.items()))
        statement = update(schema.job).where(_job.id == job_id, different)
        with self._database.write() as connection:
            if connection.execute(statement.values(**values)).rowcount:
                add_words(connection, job_id, engine, voice_id)

    @for_installation("a worker carries the job out")
    def finish(self, job_id: JobId, run_id: str | None = None) -> bool:
        """Mark a job as done."""
        return self._end(
            job_id, JobState.DONE, run_id, step=JobStep.FINISHED, message=""
        )

    @for_installation("a worker carries the job out")
    def fail(
        self, job_id: JobId, error: LecternError, run_id: str | None = None
    ) -> bool:
        """Mark a job as failed, with the reason in words."""
        return self._end(
            job_id,
            JobState.FAILED,
            run_id,
            error_code=error.code,
            error_message=error.message,
            error_retryable=error.retryable,
        )

    def cancel(self, principal: Principal, job_id: JobId) -> Job:
        """Ask for a job to stop; one that waits is cancelled at once."""
        self.get(principal, job_id)
        self._change(job_id, UNFINISHED, mine(principal), cancel_requested=True)
        self._end(job_id, JobState.CANCELLED, only=(JobState.QUEUED,))
        return self.get(principal, job_id)

    @for_installation("a worker carries the job out")
    def cancelled(self, job_id: JobId, run_id: str | None = None) -> bool:
        """Mark a job as stopped, by the run that was asked to stop."""
        return self._end(job_id, JobState.CANCELLED, run_id)

    @for_installation("a worker carries the job out")
    def is_cancelled(self, job_id: JobId, run_id: str | None = None) -> bool:
        """Tell whether a run should stop: asked to, ended, or its job is gone.

        A named run should, too, when its job is another's now.
        """
        query = select(_job.cancel_requested, _job.state, _job.run_id)
        with self._database.read() as connection:
            row = connection.execute(query.where(_job.id == job_id)).first()
        if row is None or row[0] or JobState(row[1]).is_final:
            return True
        return run_id is not None and row[2] != run_id

    @for_installation("a worker carries the job out")
    def is_taken(self, job_id: JobId, run_id: str) -> bool:
        """Tell whether an unfinished job is no longer this run's."""
        query = select(_job.state, _job.run_id).where(_job.id == job_id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return row is not None and not JobState(row[0]).is_final and row[1] != run_id

    @for_installation("a worker carries the job out")
    def is_past_hours(self, job: Job, settings: BatchSettings) -> bool:
        """Tell whether a job of a batch is to wait for the next off-peak hours."""
        if not job.parameters.get(OFF_PEAK):
            return False
        return not off_peak(settings).is_open(self._database.now())

    @for_installation("the reconciler finds a job whose run is gone")
    def requeue(self, job_id: JobId, run_id: str) -> bool:
        """Put a job whose run ``run_id`` disappeared back into the queue.

        False when another run has taken it meanwhile, or it has ended.
        """
        still = or_(_job.run_id == run_id, _job.state == JobState.QUEUED)
        return self._change(job_id, UNFINISHED, still, **_QUEUED_ANEW)

    def reopen(self, principal: Principal, job_id: JobId) -> bool:
        """Queue a job again that failed or was cancelled, as its owner asked for.

        The one way out of a final state; False for a job in any other, or of another,
        and where its owner listens in another job now.
        """
        other = schema.job.alias("other")
        listens = exists().where(
            other.c.owner_id == _job.owner_id,
            other.c.document_id == _job.document_id,
            other.c.kind == JobKind.LISTEN,
            other.c.state.in_(UNFINISHED),
            other.c.cancel_requested.is_(False),
        )
        return self._change(
            job_id,
            (JobState.FAILED, JobState.CANCELLED),
            mine(principal),
            or_(_job.kind != JobKind.LISTEN, ~listens),
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

    def _end(
        self,
        job_id: JobId,
        state: JobState,
        run_id: str | None = None,
        *,
        only: Collection[JobState] = UNFINISHED,
        **values: Any,
    ) -> bool:
        now = self._database.now()
        may_end = and_(_job.id == job_id, _job.state.in_(only), *_held_by(run_id))
        statement = update(schema.job).where(may_end)
        with self._database.write() as connection:
            end_step(connection, and_(may_end, _job.state == JobState.RUNNING), now)
            ended = connection.execute(
                statement.values(state=state, finished_at=now, **values)
            )
            if ended.rowcount:
                code = values.get("error_code", "")
                add_words(
                    connection, job_id, state, code, values.get("error_message", "")
                )
        return ended.rowcount == 1

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


def _held_by(run_id: str | None) -> list[ColumnElement[bool]]:
    return [] if run_id is None else [_job.run_id == run_id]
