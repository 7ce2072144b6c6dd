"""What to do about a job whose run is gone.

``decide`` is pure; ``look_into`` gathers what it decides on. Used by the sensor
every few seconds, and by the worker pool the moment a run's process dies.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile

import dagster as dg
from dagster._core.storage.dagster_run import (
    FINISHED_STATUSES,
    DagsterRunStatus,
    RunRecord,
    RunsFilter,
)

from assets.failures import cancel_job, fail_job
from lectern.errors import LecternError, LimitReached, StoreError, WorkerLost
from lectern.ids import JobId
from lectern.jobs.caps import overdue
from lectern.jobs.runs import (
    CLOSED,
    DUPLICATE,
    HEADLESS,
    JOB,
    LOST,
    PAUSED,
    STOPPED,
    WORKER,
)
from lectern.jobs.states import JobState
from lectern.jobs.wanted import Wanted
from lectern.settings import Settings
from pipelines.minding import MindsRuns
from resources.job_telling import tell_end
from resources.services import Services
from resources.stores.jobs import Job

LOST_RUNS_ALLOWED = 2
"""So a job is begun three times at most: what kills a worker thrice is the job."""
GRACE = timedelta(seconds=8)
"""Whoever made the job is launching it now; a run that ended is closing its job."""
SILENCE = timedelta(seconds=60)
"""A ``lectern convert`` that said nothing for so long is gone."""
RUNS_LOOKED_AT = 20
ANSWER_MUCH_LATER = frozenset({"mistral-batch"})
"""Recognisers that are waited for by the hour, within a limit of their own."""

logger = logging.getLogger(__name__)


class Remedy(StrEnum):
    """What a job needs."""

    NOTHING = "nothing"
    LAUNCH = "launch"
    FAIL = "fail"
    FINISH = "finish"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What matters of one run of a job."""

    run_id: str
    status: DagsterRunStatus
    is_alive: bool
    is_recent: bool  # changed within the grace
    fate: str = ""  # the worker tag
    closed: bool = False


def decide(job: Job, runs: Sequence[RunFacts], now: datetime) -> Remedy:
    """Return what an unfinished job needs; ``runs`` are its own, newest first."""
    if job.parameters.get(HEADLESS):
        seen = job.heartbeat_at or job.created_at
        return Remedy.FAIL if now - seen > SILENCE else Remedy.NOTHING
    runs = [run for run in runs if run.fate != DUPLICATE]
    # What was paused went well; what happened before counts for nothing.
    runs = list(takewhile(lambda run: run.fate != PAUSED, runs))
    if any(run.is_alive for run in runs):
        return Remedy.NOTHING
    if not runs:
        fresh = now - (job.released_at or job.created_at) < GRACE
        return Remedy.NOTHING if fresh else Remedy.LAUNCH
    if job.cancel_requested or _was_cancelled(runs[0]):
        return Remedy.CANCEL
    if runs[0].status is DagsterRunStatus.SUCCESS:
        return Remedy.NOTHING if runs[0].is_recent else Remedy.FINISH
    cut_short = list(takewhile(lambda run: not run.closed, runs))
    lost = [run for run in cut_short if run.fate != STOPPED]
    return Remedy.FAIL if len(lost) > LOST_RUNS_ALLOWED else Remedy.LAUNCH


def _was_cancelled(run: RunFacts) -> bool:
    """Whether a person cancelled a run; those that stop with the server look alike."""
    return run.status is DagsterRunStatus.CANCELED and run.fate != STOPPED


def look_into(instance: dg.DagsterInstance, job: Job, now: datetime) -> list[RunFacts]:
    """Return the runs of a job, newest first; runs found dead are reported failed."""
    records = instance.get_run_records(
        RunsFilter(tags={JOB: job.id}), limit=RUNS_LOOKED_AT
    )
    return [_facts_of(instance, record, now) for record in records]


def settle(services: Services, job: Job, remedy: Remedy) -> None:
    """Apply every remedy that needs no run."""
    if remedy is Remedy.FINISH:
        services.jobs.finish(job.id)
    elif remedy is Remedy.CANCEL:
        cancel_job(services, job)
    elif remedy is Remedy.FAIL:
        fail_lost(services, job)


def fail_lost(services: Services, job: Job) -> None:
    """Give a job up: its worker disappeared too often."""
    times = "every time it was tried" if not job.parameters.get(HEADLESS) else ""
    fail_job(
        services,
        job,
        WorkerLost(
            f"The process that did this work ended {times or 'before it was done'}. "
            "Try again; if it happens once more, the document may need more memory "
            "than this machine has."
        ),
    )


def too_long(settings: Settings, job: Job, now: datetime) -> LimitReached | None:
    """Return the error of a running job that takes too long, or of which nothing
    comes; None while all is well."""
    is_watched = job.state is JobState.RUNNING and not job.parameters.get(HEADLESS)
    if not is_watched or job.started_at is None:
        return None
    came = [moment for moment in (job.progressed_at, job.step_started_at) if moment]
    return overdue(
        job.kind,
        settings.caps_of(job.kind),
        started_at=job.started_at,
        progressed_at=max(came, default=None),
        now=now,
        may_stall=Wanted.of(job.parameters).recogniser not in ANSWER_MUCH_LATER,
    )


def end_overdue(
    instance: dg.DagsterInstance, services: Services, job: Job, error: LimitReached
) -> None:
    """Fail a job that takes too long, and have its run stopped: by itself, or killed
    when it does not.

    A run that hangs may hold the database's one lock for writing (SQLite). It is
    stopped all the same, and its job is failed at the next look.
    """
    logger.warning("Job %s is given up: %s", job.id, error.message)
    try:
        give_up_job(services, job.id, job.run_id, error)
    except StoreError as busy:
        logger.warning("Job %s is failed later: %s", job.id, busy.message)
    if job.run_id is not None and instance.run_launcher is not None:
        instance.run_launcher.terminate(job.run_id)


def give_up_job(
    services: Services, job_id: JobId, run_id: str | None, error: LecternError
) -> None:
    """Fail a job for its run, unless another run has it."""
    job = services.jobs.find(job_id)
    if job.run_id in (None, run_id) and not job.state.is_final:
        fail_job(services, job, error, job.run_id)
        tell_end(services, job)


def report_lost(instance: dg.DagsterInstance, run: dg.DagsterRun, reason: str) -> None:
    """Tell Dagster that the process of a run is gone."""
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, reason)
        return
    instance.add_run_tags(run.run_id, {WORKER: LOST})
    instance.report_run_failed(run, reason)


def _facts_of(
    instance: dg.DagsterInstance, record: RunRecord, now: datetime
) -> RunFacts:
    run = record.dagster_run
    is_recent = now - record.update_timestamp < GRACE
    is_alive = run.status not in FINISHED_STATUSES
    if is_alive and not is_recent and not _has_process(instance, run):
        report_lost(instance, run, "The process of this run is gone.")
        is_alive = False
        run = run.with_status(DagsterRunStatus.FAILURE).with_tags(
            {**run.tags, WORKER: LOST}
        )
    return RunFacts(
        run_id=run.run_id,
        status=run.status,
        is_alive=is_alive,
        is_recent=is_recent,
        fate=run.tags.get(WORKER, ""),
        closed=bool(run.tags.get(CLOSED)),
    )


def _has_process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    launcher = instance.run_launcher
    if not isinstance(launcher, MindsRuns):
        return True  # other launchers are looked after by Dagster's run monitoring
    return launcher.has_process(run)
