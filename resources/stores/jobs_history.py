"""The history of jobs: filtered, searched, and given page by page.

A page begins after the last job of the page before, which an index leads to; no page
costs more for being the thousandth.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    Select,
    and_,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from lectern.accounts.people import Principal
from lectern.errors import InvalidRequest
from lectern.ids import JobId
from lectern.jobs.history import JobFilter, Shown
from lectern.jobs.pace import Past
from lectern.jobs.states import JobKind, JobState, JobStep
from resources.stores import schema
from resources.stores.clearing import delete_where
from resources.stores.columns import Moment
from resources.stores.database import Database
from resources.stores.job_queries import UNFINISHED, mine
from resources.stores.job_rows import Job, job_of
from resources.stores.job_search import add_words, searched
from resources.stores.job_steps import StepTime, past_steps, step_times
from resources.stores.ownership import for_installation

PAGE_JOBS = 50
FINAL = [state for state in JobState if state.is_final]

_job = schema.job.c


class seconds_between(FunctionElement[float]):  # noqa: N801  (used as a function)
    """The seconds from one column of times to another."""

    type = Float()
    inherit_cache = True


@compiles(seconds_between, "sqlite")
def _in_sqlite(element: Any, compiler: Any, **how: Any) -> str:
    start, end = (compiler.process(clause, **how) for clause in element.clauses)
    return f"((julianday({end}) - julianday({start})) * 86400.0)"


@compiles(seconds_between, "postgresql")
def _in_postgresql(element: Any, compiler: Any, **how: Any) -> str:
    start, end = (compiler.process(clause, **how) for clause in element.clauses)
    return f"extract(epoch FROM ({end} - {start}))"


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs, newest first, and where to go on."""

    jobs: Sequence[Job]
    next: str | None  # for ``JobHistory.page``; None when these are the last


class JobHistory:
    """What is remembered of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        principal: Principal,
        wanted: JobFilter,
        *,
        after: str | None = None,
        limit: int = PAGE_JOBS,
    ) -> Page:
        """Return a person's jobs that pass a filter, newest first.

        Raises:
            InvalidRequest: ``after`` is not the ``next`` of a page.
        """
        query = select(schema.job).where(mine(principal), *self._conditions(wanted))
        with self._database.read() as connection:
            if wanted.words.strip():
                query, place = _searched(
                    query,
                    connection.dialect.name,
                    principal=principal,
                    words=wanted.words,
                    after=after,
                )
            else:
                query, place = _browsed(query, after)
            rows = connection.execute(query.limit(limit + 1)).mappings().all()
        shown = rows[:limit]
        return Page(
            jobs=[_job_of(row) for row in shown],
            next=place(shown[-1]) if len(rows) > limit else None,
        )

    def engines(self, principal: Principal) -> Sequence[str]:
        """Return what a person's jobs were done by: engines, recognisers."""
        return list(self._different(principal, _job.engine))

    def voices(self, principal: Principal) -> Sequence[str]:
        """Return the voices that a person's jobs spoke with."""
        return list(self._different(principal, _job.voice_id))

    def steps(self, principal: Principal, job_id: JobId) -> Sequence[StepTime]:
        """Return how long each step of a job of this person took, in order."""
        with self._database.read() as connection:
            return step_times(connection, mine(principal), job_id)

    def pasts(
        self, kind: JobKind, step: JobStep, engine: str, machine: str
    ) -> Sequence[Past]:
        """Return the latest like steps that are done: of this engine on this machine,
        else of the engine, else of any."""
        with self._database.read() as connection:
            for narrowed in (
                {"engine": engine, "machine": machine},
                {"engine": engine},
            ):
                if found := past_steps(connection, kind, step, **narrowed):
                    return found
            return past_steps(connection, kind, step)

    @for_installation("a worker says what it does")
    def add_words(self, job_id: JobId, text: str) -> None:
        """Make a job findable by more words: those of its log."""
        with self._database.write() as connection:
            add_words(connection, job_id, text)

    @for_installation("upkeep forgets old jobs")
    def forget(
        self, *, ended_before: datetime, principal: Principal | None = None
    ) -> int:
        """Delete jobs that ended before a moment, of everybody or of one person.

        Some at a time; stopped half-way, the next call goes on. Returns how many.
        Their logs lose their owner, and go with the next sweep.
        """
        old = and_(_job.state.in_(FINAL), _job.finished_at < ended_before)
        if principal is not None:
            old = and_(old, mine(principal))
        return delete_where(self._database, schema.job, old)

    def _different(
        self, principal: Principal, column: Column[str] | ColumnElement[str]
    ) -> Iterator[str]:
        """Yield the different values of an indexed column, each by one look-up."""
        value = ""
        with self._database.read() as connection:
            while True:
                query = select(func.min(column)).where(mine(principal), column > value)
                found = connection.scalar(query)
                if found is None:
                    return
                value = str(found)
                yield value

    def _conditions(self, wanted: JobFilter) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if not wanted.with_batches:
            conditions.append(_job.batch_id.is_(None))
        if wanted.shown is Shown.ENDED:  # nearly all are: no index is to be taken
            conditions.append(_job.state.not_in(UNFINISHED))
        elif wanted.shown is not Shown.ANY:
            conditions.append(_job.state.in_(wanted.shown.states))
        for column, value in (
            (_job.kind, wanted.kind),
            (_job.document_id, wanted.document_id),
            (_job.engine, wanted.engine),
            (_job.voice_id, wanted.voice_id),
        ):
            if value:
                conditions.append(column == value)
        return conditions + self._times(wanted)

    def _times(self, wanted: JobFilter) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if wanted.since:
            first = datetime.combine(wanted.since, time(), UTC)
            conditions.append(_job.created_at >= first)
        if wanted.until:
            after = datetime.combine(wanted.until, time(), UTC) + timedelta(days=1)
            conditions.append(_job.created_at < after)
        if wanted.within_days:
            ago = timedelta(days=wanted.within_days)
            conditions.append(_job.created_at >= self._database.now() - ago)
        if wanted.longer_than_seconds:
            took = seconds_between(_job.started_at, _job.finished_at)
            conditions.append(took > wanted.longer_than_seconds)
        return conditions


Place = Callable[[Any], str]
"""Tells of a row where the page after it begins."""


def _browsed(query: Select[Any], after: str | None) -> tuple[Select[Any], Place]:
    order = (_job.created_at.desc(), _job.id.desc())
    if after is not None:
        at, _, id_ = after.partition(" ")
        try:
            moment = datetime.fromisoformat(at)
        except ValueError as error:
            raise _no_such_page() from error
        last = tuple_(literal(moment, Moment), literal(id_))
        query = query.where(tuple_(_job.created_at, _job.id) < last)
    return query.order_by(
        *order
    ), lambda row: f"{row['created_at'].isoformat()} {row['id']}"


def _searched(
    query: Select[Any],
    dialect: str,
    *,
    principal: Principal,
    words: str,
    after: str | None,
) -> tuple[Select[Any], Place]:
    found = searched(query, dialect=dialect, owner_id=principal.owner_id, sought=words)
    query = found.query.add_columns(found.number.label("number"))
    if after is not None:
        if not after.isdecimal():
            raise _no_such_page()
        query = query.where(found.number < int(after))
    return query.order_by(found.number.desc()), lambda row: str(row["number"])


def _job_of(row: Any) -> Job:
    return job_of({name: row[name] for name in schema.job.c.keys()})  # noqa: SIM118


def _no_such_page() -> InvalidRequest:
    return InvalidRequest(
        "That page of the history is not known. Begin with the first."
    )
