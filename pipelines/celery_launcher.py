"""The run launcher past one machine: it puts runs into Celery's queues.

Dagster's own ``CeleryRunLauncher`` with three differences: the queue follows from the
run's tags, a run's life is told by its signs and not by a result that may not be kept,
and a message that was lost is sent again.
"""

import logging
from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun, DagsterRunStatus
from dagster._config import StringSource
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, pack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.launcher import CeleryRunLauncher
from kombu.exceptions import OperationalError

from lectern.errors import StoreError
from lectern.jobs.queues import priority_of, queue_of
from pipelines.celery_settings import CELERY
from pipelines.run_signs import UNREACHABLE, RunSigns

NOT_BEGUN = (
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
)

logger = logging.getLogger(__name__)


class QueueRunLauncher(CeleryRunLauncher):
    """Hands runs to workers on any machine."""

    def __init__(
        self, broker: str, inst_data: ConfigurableClassData | None = None
    ) -> None:
        super().__init__(
            default_queue="cpu",
            broker=broker,
            config_source=CELERY,
            inst_data=inst_data,
        )
        self._signs = RunSigns(broker)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the fields of its configuration."""
        return {"broker": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "QueueRunLauncher":
        """Make the launcher from its configuration."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Put the run in its queue; while Redis is away, it waits for it."""
        run = context.dagster_run
        try:
            self._send(run)
        except (OperationalError, *UNREACHABLE) as error:
            logger.warning("Run %s could not be sent: %s", run.run_id, error)
            # The reconciler sends it when it finds it in no queue.
            told = "Redis does not answer; the run is sent when it does."
        else:
            told = f"Waiting in the queue {queue_of(run.tags)}."
        self._instance.report_engine_event(told, run, cls=type(self))

    def terminate(self, run_id: str) -> bool:
        """Ask the run to stop: its worker looks at the run's state all the time."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        try:
            is_held = self._condition(run) is WorkerStatus.RUNNING
        except UNREACHABLE:
            return True  # its worker sees it, or run monitoring ends it
        if not is_held:
            # It waits for a worker, or its worker is gone: nothing else will tell.
            self._instance.report_run_canceled(run)
        return True

    @property
    def supports_resume_run(self) -> bool:
        """Whether Dagster may start a run a second time: our own recovery does."""
        return False

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tell whether somebody carries a run out, or will."""
        try:
            status = self._condition(run)
            if status is WorkerStatus.RUNNING or self._waits(run):
                self._signs.seen(run.run_id)
                return CheckRunHealthResult(WorkerStatus.RUNNING)
            if not self._signs.is_missed(run.run_id):
                return CheckRunHealthResult(
                    WorkerStatus.RUNNING, "not seen just now", transient=True
                )
        except UNREACHABLE:
            return CheckRunHealthResult(
                WorkerStatus.RUNNING, "Redis does not answer", transient=True
            )
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "no sign of life")

    def is_reachable(self) -> bool:
        """Whether a launch would be heard now."""
        return self._signs.is_reachable()

    def has_process(self, run: DagsterRun) -> bool:
        """Whether a run is carried out or waits; one whose message is lost is sent."""
        if self.check_run_worker_health(run).status is WorkerStatus.RUNNING:
            return True
        if run.status not in NOT_BEGUN:
            return False
        try:
            self._send(run)
            self._signs.seen(run.run_id)
        except (OperationalError, *UNREACHABLE) as error:
            logger.warning("Run %s could not be sent: %s", run.run_id, error)
        else:
            self._instance.report_engine_event(
                "Its message was lost, and is sent again.", run, cls=type(self)
            )
        return True

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,
        include_container_logs: bool | None = True,  # noqa: FBT001, FBT002
    ) -> str | None:
        """Return who carried a run out, as far as is known."""
        try:
            return self._signs.holder(run.run_id)
        except UNREACHABLE:
            return None

    def dispose(self) -> None:
        """Close the connections."""
        self._signs.close()
        self.celery.close()

    def _condition(self, run: DagsterRun) -> WorkerStatus:
        held = self._signs.holder(run.run_id) is not None
        return WorkerStatus.RUNNING if held else WorkerStatus.NOT_FOUND

    def _waits(self, run: DagsterRun) -> bool:
        queue = queue_of(run.tags)
        return run.status in NOT_BEGUN and self._signs.is_waiting(run.run_id, queue)

    def _send(self, run: DagsterRun) -> None:
        if run.job_code_origin is None:
            raise StoreError(f"Run {run.run_id} does not say what it carries out.")
        args = ExecuteRunArgs(
            job_origin=run.job_code_origin,
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
            set_exit_code_on_failure=False,
        )
        self.celery.send_task(
            TASK_EXECUTE_JOB_NAME,
            kwargs={"execute_job_args_packed": pack_value(args)},
            task_id=run.run_id,
            queue=queue_of(run.tags),
            priority=priority_of(run.tags),
        )
