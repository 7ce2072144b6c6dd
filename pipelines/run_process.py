"""What the worker pool's children do: carry out a run, or report one that was lost.

Everything here runs after a fork, except ``preload`` and the two ``fail_*`` calls,
which the parent makes while it has no children.
"""

import gc
import importlib
import logging
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from lectern.errors import LecternError
from lectern.jobs.runs import JOB, STOPPED, WORKER
from pipelines.pool_protocol import Question
from pipelines.worker_pool import Duties

HEAVY_MODULES = (
    "dagster._cli.api",
    "dagster._core.execution.api",
    "dagster._core.launcher.default_run_launcher",
    "resources.services",
    "resources.preparation",
    "resources.voicing",
    "resources.listening",
    "resources.rendering",
    "resources.orchestrator",
    "resources.engines.sentences",
    "resources.engines.languages",
    "resources.engines.espeak",
    "resources.engines.opus",
    "pyarrow.parquet",
    "av",
)
"""Imported before the first fork, so that no run waits for them."""

logger = logging.getLogger("lectern.pool")


def preload() -> None:
    """Import all a run needs and make one empty run, so that nothing is left to load.

    Whatever opens a database is closed again: no connection crosses a fork.
    """
    from pipelines.definitions import defs

    for name in HEAVY_MODULES:
        importlib.import_module(name)
    defs.get_repository_def().load_all_definitions()
    warm_models()
    _rehearse()
    gc.collect()
    gc.freeze()
    threads = [thread.name for thread in threading.enumerate()]
    if len(threads) > 1:
        logger.warning("Threads that a fork does not copy: %s", threads)


def warm_models() -> None:
    """Load the small models that every book needs."""
    from resources.preparation import load_models

    load_models()


def _rehearse() -> None:
    """Run an empty job, which imports what Dagster imports late."""
    import dagster as dg

    @dg.op
    def nothing() -> None:
        """Do nothing."""

    @dg.job(executor_def=dg.in_process_executor)
    def rehearsal() -> None:
        nothing()

    logging.disable(logging.CRITICAL)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            dg.DagsterInstance.local_temp(folder) as instance,
        ):
            rehearsal.execute_in_process(instance=instance)
    finally:
        logging.disable(logging.NOTSET)


def carry_out(run_id: str, instance_ref: str) -> None:
    """Execute a run. A failure of the run is no failure of this process."""
    from dagster._cli.api import _execute_run_command_body
    from dagster._utils.interrupts import capture_interrupts

    with capture_interrupts(), _instance(instance_ref) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return  # cancelled while it waited
        _execute_run_command_body(
            run_id, instance, lambda _event: None, set_exit_code_on_failure=False
        )


def report_lost_run(run_id: str, instance_ref: str, how: str) -> None:
    """Tell Dagster that a run's process died, and see to its job at once."""
    from pipelines.recovery import report_lost

    with _instance(instance_ref) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        report_lost(instance, run, f"The process of this run {how}.")
        if job_id := run.tags.get(JOB):
            _resume(instance, job_id)


def report_stopped_run(run_id: str, instance_ref: str) -> None:
    """Tell Dagster that a run was killed because somebody had asked it to stop."""
    with _instance(instance_ref) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        instance.report_run_canceled(run, "The run was asked to stop, and was killed.")


DUTIES = Duties(
    carry_out=carry_out, report_lost=report_lost_run, report_stopped=report_stopped_run
)


def left_behind(dagster_home: Path) -> list[Question]:
    """Return runs that wait for a pool, and report those an earlier one had begun."""
    import dagster as dg
    from dagster._core.storage.dagster_run import RunsFilter
    from dagster._serdes import serialize_value

    from pipelines.launcher import lane_of
    from pipelines.recovery import report_lost

    status = dg.DagsterRunStatus
    begun = RunsFilter(statuses=[status.STARTED, status.CANCELING])
    waiting = RunsFilter(statuses=[status.STARTING])
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        for run in instance.get_runs(begun):
            logger.warning("Run %s was left behind: reported as failed", run.run_id)
            report_lost(instance, run, "The worker pool was killed and started again.")
        instance_ref = serialize_value(instance.get_ref())
        return [
            Question(
                ask="launch",
                run_id=run.run_id,
                lane=lane_of(run),
                instance_ref=instance_ref,
            )
            for run in reversed(instance.get_runs(waiting))
        ]


def fail_runs(dagster_home: Path, run_ids: Iterable[str]) -> None:
    """Report runs as ended with the server; their jobs go on at the next start."""
    import dagster as dg

    wanted = list(run_ids)
    if not wanted:
        return
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        for run in map(instance.get_run_by_id, wanted):
            if run is None or run.is_finished:
                continue
            instance.add_run_tags(run.run_id, {WORKER: STOPPED})
            instance.report_run_failed(run, "Lectern was stopped.")


def _instance(instance_ref: str):  # type: ignore[no-untyped-def]
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef
    from dagster._serdes import deserialize_value

    return dg.DagsterInstance.from_ref(deserialize_value(instance_ref, InstanceRef))


def _resume(instance: object, job_id: str) -> None:
    """Launch a job again whose run died. When that fails, the sensor does it."""
    import dagster as dg

    from lectern.ids import JobId
    from lectern.settings import Settings
    from pipelines.recovery import Remedy, decide, look_into, settle
    from resources.orchestrator import Orchestrator
    from resources.services import Services

    assert isinstance(instance, dg.DagsterInstance)  # noqa: S101
    settings = Settings()
    services = Services.open(settings)
    job = services.jobs.find(JobId(job_id))
    if job.state.is_final:
        return
    now = services.database.now()
    remedy = decide(job, look_into(instance, job, now), now)
    settle(services, job, remedy)
    if remedy is Remedy.LAUNCH and services.jobs.requeue(job.id, job.run_id or ""):
        try:
            Orchestrator(settings).launch(job)
        except LecternError as error:
            logger.warning("Job %s waits for the sensor: %s", job_id, error.message)
