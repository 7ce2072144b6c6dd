"""Numbers about the whole installation, for those who keep it running.

They name nobody, and each is one question that an index answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, func, select

from lectern.jobs.queues import Lane
from lectern.jobs.states import JobKind, JobState
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.migrations import current_revision

_job = schema.job.c
ENDED_WITHIN = timedelta(minutes=15)
"""What counts as lately, for those who watch."""
FINAL = [state for state in JobState if state.is_final]
LIVE = [state for state in JobState if not state.is_final]


@dataclass(frozen=True, slots=True)
class JobCount:
    """How many jobs of a kind are in a state."""

    kind: JobKind
    state: JobState
    count: int


class Vitals:
    """What can be told of an installation from its database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_current(self) -> bool:
        """Whether the tables are those of this version of Lectern."""
        return current_revision(self._database) == schema.SCHEMA_HEAD

    def live_jobs(self) -> list[JobCount]:
        """Return how many jobs wait and run, by kind."""
        return self._counted(_job.state.in_(LIVE))

    def ended_jobs(self, within: timedelta) -> list[JobCount]:
        """Return how many jobs ended lately, by kind and how."""
        since = self._database.now() - within
        return self._counted(_job.finished_at >= since, _job.state.in_(FINAL))

    def oldest_waiting_seconds(self) -> Mapping[Lane, float]:
        """Return for how long the job that waits longest has waited, by lane.

        A job of a batch waits from when it might begin, and not while it is held.
        """
        lane = case(
            (_job.batch_id.is_not(None), Lane.BATCH),
            (_job.kind == JobKind.LISTEN, Lane.LISTENERS),
            else_=Lane.WORKERS,
        )
        since = func.coalesce(_job.released_at, _job.created_at)
        may_begin = _job.batch_id.is_(None) | _job.released_at.is_not(None)
        query = (
            select(lane, func.min(since, type_=schema.Moment()))
            .where(_job.state == JobState.QUEUED, may_begin)
            .group_by(lane)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        waiting = {Lane(name): self._age(oldest) for name, oldest in rows}
        return {lane: waiting.get(lane, 0.0) for lane in Lane}

    def oldest_heartbeat_seconds(self) -> float:
        """Return how long the most silent of the running jobs has been silent."""
        sign = func.coalesce(_job.heartbeat_at, _job.started_at, _job.created_at)
        query = select(func.min(sign, type_=schema.Moment())).where(
            _job.state == JobState.RUNNING
        )
        with self._database.read() as connection:
            oldest = connection.execute(query).scalar_one()
        return self._age(oldest)

    def failures(self, within: timedelta) -> Mapping[str, int]:
        """Return how many jobs failed lately, by error code."""
        since = self._database.now() - within
        query = (
            select(_job.error_code, func.count())
            .where(_job.finished_at >= since, _job.state == JobState.FAILED)
            .group_by(_job.error_code)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {code or "unexpected": int(count) for code, count in rows}

    def _counted(self, *conditions: ColumnElement[bool]) -> list[JobCount]:
        query = (
            select(_job.kind, _job.state, func.count())
            .where(*conditions)
            .group_by(_job.kind, _job.state)
        )
        with self._database.read() as connection:
            return [
                JobCount(JobKind(kind), JobState(state), int(count))
                for kind, state, count in connection.execute(query)
            ]

    def _age(self, moment: datetime | None) -> float:
        if moment is None:
            return 0.0
        return max(0.0, (self._database.now() - moment).total_seconds())
