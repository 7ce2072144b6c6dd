"""How long each step of a job took: for people, and for foretelling the next one."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, literal, select

from lectern.ids import JobId
from lectern.jobs.states import JobKind, JobStep
from resources.stores.columns import Moment
from resources.stores.schema_jobs import job, job_step
from resources.stores.upsert import insert_selected

WAITED = (JobStep.WAITING, JobStep.HELD, JobStep.FINISHED)
"""Steps in which nothing is done."""

_job = job.c


@dataclass(frozen=True, slots=True)
class StepTime:
    """One step that is over."""

    kind: JobKind
    step: JobStep
    started_at: datetime
    ended_at: datetime
    done: int
    total: int
    found: int  # of ``done``: was there before, and cost no time
    engine: str
    machine: str

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return (self.ended_at - self.started_at).total_seconds()


def end_step(
    connection: Connection, condition: ColumnElement[bool], now: datetime
) -> None:
    """Keep how long the present step of the jobs of a condition took, up to now."""
    ended = literal(now, Moment).label("ended_at")
    columns = ["job_id", "step", "started_at", "ended_at", "kind", "engine"]
    columns += ["machine", "done", "total", "found"]
    query = select(
        *(_job.id, _job.step, _job.step_started_at, ended, _job.kind, _job.engine),
        *(_job.machine, _job.done, _job.total, _job.found),
    ).where(condition, _job.step_started_at.is_not(None), _job.step.not_in(WAITED))
    insert_selected(connection, job_step, columns, query)


def step_times(
    connection: Connection, condition: ColumnElement[bool], job_id: JobId
) -> list[StepTime]:
    """Return the steps of a job for which a condition holds, in order."""
    columns = [job_step.c[field.name] for field in fields(StepTime)]
    query = (
        select(*columns)
        .join(job, _job.id == job_step.c.job_id)
        .where(condition, _job.id == job_id)
        .order_by(job_step.c.started_at, job_step.c.ended_at)
    )
    return [_step_of(row) for row in connection.execute(query).mappings()]


def _step_of(row: Mapping[Any, Any]) -> StepTime:
    values = dict(row)
    values["kind"], values["step"] = JobKind(row["kind"]), JobStep(row["step"])
    return StepTime(**values)
