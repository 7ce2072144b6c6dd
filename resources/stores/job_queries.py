"""Questions about jobs: whose they are, what waits, and whose turn it is."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from lectern.accounts.people import Principal
from lectern.errors import NotFound
from lectern.ids import DocumentId, JobId, OwnerId
from lectern.jobs.states import JobKind, JobState
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.job_rows import Job, job_of
from resources.stores.ownership import for_installation
from resources.stores.portions import portions

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)

MostOf = Callable[[OwnerId], int]
"""How many runs a person may have at one time."""

_job = schema.job.c


class JobQueries:
    """What can be asked of the table of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def refusal_to_listen(
        self,
        principal: Principal,
        document_id: DocumentId,
        *,
        codes: Collection[str],
        within: timedelta,
    ) -> tuple[str, str] | None:
        """Return code and message with which somebody's last listening ended, if it
        ended with one of these and that just now."""
        query = (
            select(_job.error_code, _job.error_message, _job.finished_at)
            .where(_job.document_id == document_id, _job.kind == JobKind.LISTEN)
            .where(mine(principal))
            .order_by(_job.created_at.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None or row[0] not in codes or row[2] is None:
            return None
        is_now = self._database.now() - row[2] < within
        return (row[0], row[1] or "") if is_now else None

    @for_installation("a worker shares out its places")
    def is_listener_waiting(self, *, longer_than: timedelta) -> bool:
        """Whether somebody who opened a document still waits for a run's place."""
        before = self._database.now() - longer_than
        waiting = (_job.state == JobState.QUEUED, _job.kind == JobKind.LISTEN)
        query = select(_job.id).where(*waiting, _job.created_at < before).limit(1)
        with self._database.read() as connection:
            return connection.scalar(query) is not None

    @for_installation("a worker shares out its places")
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
        return self._only(select(schema.job).where(mine(principal), _job.id == job_id))

    @for_installation("a worker carries the job out")
    def find(self, job_id: JobId) -> Job:
        """Return a job whoever owns it: for the workers that carry it out."""
        return self._only(select(schema.job).where(_job.id == job_id))

    @for_installation("a worker carries the job out")
    def by_run(self, run_id: str) -> Job | None:
        """Return the job that a run carries out, if any."""
        query = select(schema.job).where(or_(_job.run_id == run_id, _job.id == run_id))
        return next(iter(self._all(query)), None)

    def for_document(
        self,
        principal: Principal,
        document_id: DocumentId,
        *,
        kind: JobKind | None = None,
    ) -> Sequence[Job]:
        """Return a person's jobs for a document, newest first."""
        query = select(schema.job).where(
            mine(principal), _job.document_id == document_id
        )
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
        query = select(schema.job).where(mine(principal))
        if alone:
            query = query.where(_job.batch_id.is_(None))
        if states:
            query = query.where(_job.state.in_(states))
        if kinds:
            query = query.where(_job.kind.in_(kinds))
        if search:
            query = query.where(_job.title.icontains(search, autoescape=True))
        newest = query.order_by(_job.created_at.desc(), _job.id)
        return self._all(newest.limit(limit))

    def active(self, principal: Principal) -> Sequence[Job]:
        """Return a person's unfinished jobs, newest first.

        Those that a batch holds back are left out: there may be thousands.
        """
        query = select(schema.job).where(mine(principal), _is_active())
        return self._all(query.order_by(_job.created_at.desc(), _job.id))

    @for_installation("the reconciler starts what waits")
    def unfinished(self, *, most_of: MostOf | None = None) -> Sequence[Job]:
        """Return every job that has a run or should have one, oldest first.

        With ``most_of`` those whose turn has not come are left out.
        """
        query = select(schema.job).where(_is_active())
        jobs = self._all(query.order_by(_job.created_at, _job.id))
        return jobs if most_of is None else _in_turn(jobs, most_of)

    @for_installation("the reconciler starts what waits")
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
            .where(mine(job.principal), _job.batch_id.is_(None), _job.id != job.id)
            .where(_job.kind != JobKind.LISTEN, _job.state.in_(UNFINISHED), before)
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one()) < most_a_person

    @for_installation("upkeep leaves alone what is in use")
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

    @for_installation("the reconciler finds a job whose run is gone")
    def stale(self, older_than: timedelta) -> Sequence[Job]:
        """Return running jobs that gave no sign of life for this long."""
        before = self._database.now() - older_than
        query = select(schema.job).where(_job.state == JobState.RUNNING)
        return self._all(query.where(_job.heartbeat_at < before))

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


def mine(principal: Principal) -> ColumnElement[bool]:
    return _job.owner_id == principal.owner_id
