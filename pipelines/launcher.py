"""The run launcher that Dagster's webserver and daemon use: it asks the worker pool.

It starts nothing itself, so launching takes milliseconds. Configured in the
``dagster.yaml`` that ``instance_files`` writes.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from dagster import DagsterRun
from dagster._config import StringSource
from dagster._core.launcher import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from lectern.environments import ENVIRONMENTS, LIGHT
from lectern.jobs.queues import lane_of
from lectern.jobs.runs import ENVIRONMENT, KIND, OWNER
from pipelines.places import pool_socket
from pipelines.pool_protocol import Answer, Question, RunCondition, ask_pool

logger = logging.getLogger(__name__)

STATUS = {
    RunCondition.WAITING: WorkerStatus.RUNNING,
    RunCondition.RUNNING: WorkerStatus.RUNNING,
    RunCondition.ENDED: WorkerStatus.SUCCESS,
    RunCondition.LOST: WorkerStatus.FAILED,
    RunCondition.UNKNOWN: WorkerStatus.NOT_FOUND,
}


class WarmRunLauncher(RunLauncher[Any], ConfigurableClass):
    """Hands runs to a process that has everything imported."""

    def __init__(
        self, socket_path: str, inst_data: ConfigurableClassData | None = None
    ) -> None:
        self._socket_path = Path(socket_path)
        self._inst_data = inst_data
        super().__init__()  # type: ignore[no-untyped-call]  # Dagster's

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Return what the launcher was made from, so that others can make it too."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the fields of its configuration."""
        return {"socket_path": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "WarmRunLauncher":
        """Make the launcher from its configuration."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Put the run in its lane; while the pool is being started, it waits for it.

        Raises:
            TimeoutError: The pool listens and does not answer.
        """
        run = context.dagster_run
        question = Question(
            ask="launch",
            run_id=run.run_id,
            lane=lane_of(run.tags),
            instance_ref=serialize_value(self._instance.get_ref()),
            owner=run.tags.get(OWNER, ""),
            kind=run.tags.get(KIND, ""),
        )
        try:
            answer = ask_pool(self._socket_for(run), question)
        except (ConnectionError, FileNotFoundError):
            # It looks for runs in this state as soon as it listens.
            self._instance.report_engine_event(
                "The worker pool is being started, and takes this run up then.", run
            )
            return
        if answer.condition is RunCondition.WAITING:
            self._instance.report_engine_event(
                f"Waiting for a worker; {answer.ahead} before it.", run
            )

    def terminate(self, run_id: str) -> bool:
        """Ask the run to stop; the pool kills it when it does not."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        condition = self._ask(run, "terminate").condition
        if condition in (RunCondition.RUNNING, RunCondition.ENDED):
            return True
        # It waited for a worker, or its process is gone: nothing else will tell.
        self._instance.report_run_canceled(run)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether run monitoring can ask after a run's process: it can."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tell whether the process of a run is alive."""
        try:
            answer = self._ask(run, "condition")
        except TimeoutError:
            return CheckRunHealthResult(
                WorkerStatus.RUNNING, "the worker pool is busy", transient=True
            )
        return CheckRunHealthResult(STATUS[answer.condition], answer.condition.value)

    def is_reachable(self) -> bool:
        """Whether a launch in the light environment would be heard now."""
        try:
            ask_pool(self._socket_path, Question(ask="ping"))
        except OSError:
            return False
        return True

    def has_process(self, run: DagsterRun) -> bool:
        """Whether the pool carries a run out, or keeps it waiting."""
        return self.check_run_worker_health(run).status is WorkerStatus.RUNNING

    def _socket_for(self, run: DagsterRun) -> Path:
        return pool_socket(self._socket_path.parent, environment_of(run))

    def _ask(self, run: DagsterRun, ask: Literal["terminate", "condition"]) -> Answer:
        """Ask the pool; one that is gone knows no run, as its children die with it."""
        try:
            question = Question(ask=ask, run_id=run.run_id)
            return ask_pool(self._socket_for(run), question)
        except (ConnectionError, FileNotFoundError):
            return Answer(condition=RunCondition.UNKNOWN)


def environment_of(run: DagsterRun) -> str:
    """Return the environment that carries out a run.

    Its tag names it; a run that somebody began in the Dagster page has none, but
    comes from the environment's code location.
    """
    origin = run.remote_job_origin
    location = (
        origin.repository_origin.code_location_origin.location_name if origin else ""
    )
    named = run.tags.get(ENVIRONMENT, location)
    return named if named in ENVIRONMENTS else LIGHT
