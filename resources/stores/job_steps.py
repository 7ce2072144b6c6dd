"""How long each step of a job took: for people, and for foretelling the next one."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, literal, select

from lectern.ids import JobId
from lectern.jobs.pace import Past
from lectern.jobs.states import JobKind, JobStep
from resources.stores.columns import Moment
from resources.stores.schema_jobs import job, job_step
from resources.stores.upsert import insert_selected

WAITED = (JobStep.WAITING, JobStep.HELD, JobStep.FINISHED)
"""Steps in which nothing is done."""

PASTS = 40
"""Steps that are learned from: the latest ones, as machines and settings change."""
CARRIED_THROUGH = 0.9

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


def past_steps(
    connection: Connection, kind: JobKind, step: JobStep, **narrowed: str
) -> list[Past]:
    """Return the latest steps of a kind that were carried through, newest first."""
    row = job_step.c
    query = select(row.started_at, row.ended_at, row.done, row.found, row.total)
    query = query.where(row.kind == kind, row.step == step)
    for name, value in narrowed.items():
        query = query.where(row[name] == value)
    rows = connection.execute(query.order_by(row.ended_at.desc()).limit(PASTS))
    return [
        Past((ended - started).total_seconds(), done - found, total)
        for started, ended, done, found, total in rows
        if done > found and done >= total * CARRIED_THROUGH
    ]


def _step_of(row: Mapping[Any, Any]) -> StepTime:
    values = dict(row)
    values["kind"], values["step"] = JobKind(row["kind"]), JobStep(row["step"])
    return StepTime(**values)
