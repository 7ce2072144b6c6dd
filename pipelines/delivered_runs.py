"""What a worker does with a message that names a run.

A message may come twice, late, or for a run that another worker has. So the message
decides nothing: the run's state in Dagster and its sign of life do.
"""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import dagster as dg
from dagster._cli.api import _execute_run_command_body
from dagster._utils.interrupts import capture_interrupts
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import SQLAlchemyError

from lectern.jobs.caps import Taken
from lectern.jobs.queues import Lane, lane_of
from lectern.jobs.runs import KIND
from lectern.settings import Settings
from pipelines.capping import Capping, family_taken
from pipelines.celery_launcher import NOT_BEGUN
from pipelines.held_connections import hold_connection
from pipelines.kinship import descendants, kill_all
from pipelines.run_process import fail_excessive, report_lost_and_resume
from pipelines.run_signs import UNREACHABLE, RunSigns

BEAT_SECONDS = 2.0
GRACE_SECONDS = 8.0
"""How long a run may take to stop by itself after it was asked to."""
BATCH_NICENESS = 10
AWAY = (SQLAlchemyError, DagsterPostgresException, dg.DagsterError, OSError)
"""What Dagster's storage raises while its database does not answer."""

logger = logging.getLogger("lectern.worker")


class Delivery(StrEnum):
    """What became of a message."""

    DONE = "done"  # the run was carried out, well or not
    NOT_NEEDED = "not needed"  # it is over
    HELD = "held"  # another worker carries it out
    LOST = "lost"  # it was begun by a process that is gone, and is reported so


@dataclass
class Deliveries:
    """The messages of one lane of one worker; inherited by its processes."""

    signs: RunSigns
    name: str  # of the worker and the lane, as ``host-1a2b/workers``
    lane: Lane
    _instance: dg.DagsterInstance | None = field(default=None, init=False)

    @property
    def holder(self) -> str:
        """Return the name of this process where signs are kept."""
        return f"{self.name}/{os.getpid()}"

    def deliver(self, run_id: str) -> Delivery:
        """Carry out the run that a message names, if that is still to be done."""
        if not self.signs.take(run_id, self.holder):
            logger.info("Run %s has a worker: nothing is done", run_id)
            return Delivery.HELD
        try:
            return self._carry_out(run_id)
        finally:
            self.forget(run_id)

    def forget(self, run_id: str) -> None:
        """Say that no process of this lane carries a run out any more."""
        with contextlib.suppress(*UNREACHABLE):
            self.signs.drop(run_id, f"{self.name}/")

    def _carry_out(self, run_id: str) -> Delivery:
        instance = self.instance()
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return Delivery.NOT_NEEDED
        if run.status not in NOT_BEGUN:
            report_lost_and_resume(instance, run, "ended")
            return Delivery.LOST
        if self.lane is Lane.BATCH and lane_of(run.tags) is Lane.BATCH:
            os.nice(BATCH_NICENESS)  # this process takes no other run
        with capture_interrupts(), self._watched(run_id, run.tags.get(KIND, "")):
            _execute_run_command_body(
                run_id, instance, lambda _event: None, set_exit_code_on_failure=False
            )
        return Delivery.DONE

    def warm_up(self) -> None:
        """Open what the first run would wait for."""
        try:
            self.instance().get_runs(limit=1)
        except AWAY as error:
            logger.warning("The first run opens the databases: %s", error)

    def instance(self) -> dg.DagsterInstance:
        """Return Dagster's instance, opened once in each process."""
        if self._instance is None:
            self._instance = dg.DagsterInstance.get()
            hold_connection(self._instance)
        return self._instance

    @contextlib.contextmanager
    def _watched(self, run_id: str, kind: str) -> Iterator[None]:
        watch = Watch(self, run_id, kind)
        thread = threading.Thread(target=watch.keep, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            watch.is_over.set()
            thread.join()


@dataclass
class Watch:
    """Gives a run's signs of life, and sees whether it is to go on."""

    deliveries: Deliveries
    run_id: str
    kind: str = ""  # of its job, which has caps
    capping: Capping = field(default_factory=lambda: Capping(Settings()))
    before: Taken = field(default_factory=lambda: family_taken(os.getpid()))
    is_over: threading.Event = field(default_factory=threading.Event)
    _asked_at: float | None = None  # monotonic; when the run was asked to stop
    _was_over: bool = False

    def keep(self) -> None:
        """Look after the run until it is over."""
        while not self.is_over.wait(BEAT_SECONDS):
            try:
                self.deliveries.signs.renew(self.run_id, self.deliveries.holder)
            except UNREACHABLE as error:
                logger.warning("No sign of run %s: %s", self.run_id, error)
            try:
                self.look_at_means()
                self.look()
            except AWAY as error:
                logger.warning("Run %s is not seen: %s", self.run_id, error)

    def look(self) -> None:
        """Stop the run when somebody asked for that, or when it was given up.

        A run that lost its worker for others (the network was cut) is over for
        Dagster, and its job goes on elsewhere: this process must not work at it too.
        """
        run = self.deliveries.instance().get_run_by_id(self.run_id)
        if self.is_over.is_set():
            return
        if run is None or run.is_finished:
            if self._was_over:
                self.end("it was given up meanwhile")
            self._was_over = True  # it may be this process that is just ending it
        elif run.status is dg.DagsterRunStatus.CANCELING:
            self._ask_to_stop()

    def look_at_means(self) -> None:
        """Kill the run when it takes more than its job may."""
        error = self.capping.excess(os.getpid(), self.kind, before=self.before)
        if error is None or self.is_over.is_set():
            return
        instance = self.deliveries.instance()
        if run := instance.get_run_by_id(self.run_id):
            fail_excessive(instance, run, error)
        self.end(error.message)

    def _ask_to_stop(self) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
            os.kill(os.getpid(), signal.SIGINT)
        elif now - self._asked_at > GRACE_SECONDS:
            instance = self.deliveries.instance()
            if run := instance.get_run_by_id(self.run_id):
                told = "The run was asked to stop, and was killed."
                instance.report_run_canceled(run, told)
            self.end("it did not stop when asked")

    def end(self, why: str) -> None:
        """Kill this process and all below it; its message finds the run over."""
        logger.warning("Run %s is killed: %s", self.run_id, why)
        kill_all(descendants(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
