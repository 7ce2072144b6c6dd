"""What the worker pool's children do: carry out a run, or report one that was lost.

Beside it, what the pool itself says of runs when it starts and when it stops.
"""

import logging
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import dagster as dg
from dagster._cli.api import _execute_run_command_body
from dagster._core.storage.dagster_run import RunsFilter
from dagster._serdes import serialize_value
from dagster._utils.interrupts import capture_interrupts

from assets.tags import NEVER_AGAIN
from lectern.environments import LIGHT
from lectern.errors import LecternError, LimitReached
from lectern.ids import JobId
from lectern.jobs.queues import lane_of
from lectern.jobs.runs import CLOSED, JOB, KIND, OWNER, STOPPED, WORKER
from lectern.jobs.states import JobState
from lectern.settings import Settings
from pipelines.launcher import environment_of
from pipelines.pool_protocol import Question
from pipelines.preloading import instance_of
from pipelines.recovery import (
    Remedy,
    decide,
    give_up_job,
    look_into,
    report_lost,
    settle,
)
from pipelines.worker_pool import Duties
from resources.orchestrator import Orchestrator
from resources.placement import place_of
from resources.services import Services

logger = logging.getLogger("lectern.pool")


def carry_out(run_id: str, instance_ref: str) -> None:
    """Execute a run. A failure of the run is no failure of this process."""
    with capture_interrupts(), instance_of(instance_ref) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return  # cancelled while it waited
        environment = environment_of(run)
        if environment != LIGHT:
            instance.report_engine_event(
                f"Carried out in the environment “{environment}”, {sys.prefix}.", run
            )
        _execute_run_command_body(
            run_id, instance, lambda _event: None, set_exit_code_on_failure=False
        )


def report_lost_run(run_id: str, instance_ref: str, how: str) -> None:
    """Tell Dagster that a run's process died, and see to its job at once."""
    with instance_of(instance_ref) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        report_lost_and_resume(instance, run, how)


def report_lost_and_resume(
    instance: dg.DagsterInstance, run: dg.DagsterRun, how: str
) -> None:
    """Tell Dagster that a run's process died, and launch its job again."""
    report_lost(instance, run, f"The process of this run {how}.")
    if job_id := run.tags.get(JOB):
        resume(instance, JobId(job_id))


def report_stopped_run(run_id: str, instance_ref: str) -> None:
    """Tell Dagster that a run was killed because somebody had asked it to stop."""
    with instance_of(instance_ref) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        instance.report_run_canceled(run, "The run was asked to stop, and was killed.")


def report_excessive_run(run_id: str, instance_ref: str, error: LimitReached) -> None:
    """Say of a run that took more than its job may, and was killed, why it failed."""
    with instance_of(instance_ref) as instance:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            fail_excessive(instance, run, error)


def fail_excessive(
    instance: dg.DagsterInstance, run: dg.DagsterRun, error: LimitReached
) -> None:
    """Close the job of a run that took too much, and the run."""
    instance.add_run_tags(run.run_id, {CLOSED: JobState.FAILED.value, **NEVER_AGAIN})
    if job_id := run.tags.get(JOB):
        give_up_job(Services.open(Settings()), JobId(job_id), run.run_id, error)
    instance.report_run_failed(run, error.message)


DUTIES = Duties(
    carry_out=carry_out,
    report_lost=report_lost_run,
    report_stopped=report_stopped_run,
    report_excess=report_excessive_run,
)


def resume(instance: dg.DagsterInstance, job_id: JobId) -> None:
    """Launch a job again whose run died. When that fails, the sensor does it."""
    settings = Settings()
    services = Services.open(settings)
    job = services.jobs.find(job_id)
    if job.state.is_final:
        return
    now = services.database.now()
    remedy = decide(job, look_into(instance, job, now), now)
    settle(services, job, remedy)
    if remedy is not Remedy.LAUNCH:
        return
    if not services.jobs.requeue(job.id, job.run_id or ""):
        return
    orchestrator = Orchestrator(settings, place_of=partial(place_of, services))
    try:
        orchestrator.launch(job)
    except LecternError as error:
        logger.warning("Job %s waits for the sensor: %s", job_id, error.message)


def left_behind(dagster_home: Path, environment: str = LIGHT) -> list[Question]:
    """Return runs that wait for an environment's pool, and report those that an
    earlier one had begun."""
    status = dg.DagsterRunStatus
    begun = RunsFilter(statuses=[status.STARTED, status.CANCELING])
    waiting = RunsFilter(statuses=[status.STARTING])
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        for run in _of(environment, instance.get_runs(begun)):
            logger.warning("Run %s was left behind: reported as failed", run.run_id)
            report_lost(instance, run, "The worker pool was killed and started again.")
        instance_ref = serialize_value(instance.get_ref())
        return [
            Question(
                ask="launch",
                run_id=run.run_id,
                lane=lane_of(run.tags),
                instance_ref=instance_ref,
                owner=run.tags.get(OWNER, ""),
                kind=run.tags.get(KIND, ""),
            )
            for run in reversed(_of(environment, instance.get_runs(waiting)))
        ]


def _of(environment: str, runs: Iterable[dg.DagsterRun]) -> list[dg.DagsterRun]:
    return [run for run in runs if environment_of(run) == environment]


def report_stopped(dagster_home: Path, run_ids: Iterable[str]) -> None:
    """Report runs as ended with the server; their jobs go on at the next start."""
    wanted = list(run_ids)
    if not wanted:
        return
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        for run in map(instance.get_run_by_id, wanted):
            if run is None or run.is_finished:
                continue
            instance.add_run_tags(run.run_id, {WORKER: STOPPED})
            instance.report_run_canceled(
                run, "Lectern was stopped. The work goes on when it is started again."
            )
