"""``lectern worker``: carries out the runs of some queues on this machine.

One process that has everything imported forks a Celery worker for each lane, whose
processes carry out run after run and keep connections and engines. It starts a lane
again that died, says which runs were lost with it, and takes them all along when it
ends. It is single-threaded and touches no accelerator: heavy engines are processes of
their own (``resources/engines/resident.py``).
"""

import contextlib
import logging
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from celery import signals

from lectern.environments import LIGHT
from lectern.jobs.queues import UPKEEP, Lane, parse_names, served_by
from lectern.settings import Settings
from pipelines.celery_app import make_app
from pipelines.cluster import broker_environment, require_cluster
from pipelines.dagster_storage import storage_environment
from pipelines.delivered_runs import Deliveries
from pipelines.instance_files import write_dagster_settings
from pipelines.kinship import (
    adopt_orphans,
    describe_exit,
    die_with_parent,
    fork,
    kill_family,
    kill_orphans,
)
from pipelines.logs import configure_logging
from pipelines.places import make_places
from pipelines.preloading import preload
from pipelines.run_process import report_lost_run, report_stopped
from pipelines.run_signs import UNREACHABLE, RunSigns
from resources.configured import keep_services
from resources.engines.resident import resident_pids
from resources.services import Services

LOOK_SECONDS = 0.5
PAUSE_SECONDS = 2.0
"""Before a lane that died is started again."""
ROLL_SECONDS = 5.0
"""How often a worker says that it is there."""

logger = logging.getLogger("lectern.worker")


@dataclass
class ServedLane:
    """One Celery worker: the queues it takes runs from, and its process."""

    lane: Lane
    queues: Sequence[str]
    places: int
    broker_url: str
    deliveries: Deliveries
    pid: int | None = None
    start_at: float = 0.0  # monotonic

    def start(self, memory_bytes: int) -> None:
        """Fork the process that takes messages, which forks those of runs."""
        self.pid = fork(lambda: self._serve(memory_bytes))

    def _serve(self, memory_bytes: int) -> None:
        pid = os.getpid()

        def begin(**_: object) -> None:
            die_with_parent(pid)
            self.deliveries.warm_up()

        signals.worker_process_init.connect(begin, weak=False)
        options = [
            *("--pool", "prefork", "--concurrency", str(self.places)),
            *("--queues", ",".join(self.queues)),
            *("--hostname", f"{self.deliveries.name}@%h"),
            *("--max-memory-per-child", str(memory_bytes // 1024)),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            *("--loglevel", "WARNING"),
        ]
        if self.lane is Lane.BATCH:
            # A process that has become nice stays so.
            options += ["--max-tasks-per-child", "1"]
        app = make_app(self.broker_url, self.deliveries)
        app.worker_main(["--quiet", "worker", *options])


@dataclass
class Worker:
    """The lanes of one machine."""

    settings: Settings
    name: str
    signs: RunSigns
    lanes: Sequence[ServedLane]
    sockets: Path
    dagster_home: Path
    helpers: set[int] = field(default_factory=set)
    stopping: bool = False

    def run(self) -> None:
        """Serve until told to stop by SIGTERM or Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop_soon())
        roll_at = 0.0
        try:
            while not self.stopping:
                self.look_after()
                if time.monotonic() >= roll_at:
                    roll_at = time.monotonic() + ROLL_SECONDS
                    self.call_the_roll()
                time.sleep(LOOK_SECONDS)
        finally:
            self.stop()

    def stop_soon(self) -> None:
        """Have the loop end."""
        self.stopping = True

    def look_after(self) -> None:
        """Start what should run and does not; say what was lost."""
        for pid, exit_code in ended_children():
            self.helpers.discard(pid)
            for lane in self.lanes:
                if lane.pid == pid:
                    self.conclude(lane, exit_code)
        for lane in self.lanes:
            if lane.pid is None and time.monotonic() >= lane.start_at:
                lane.start(self.settings.worker_memory_bytes)
        known = {lane.pid for lane in self.lanes if lane.pid is not None}
        kill_orphans(known | self.helpers | resident_pids(self.sockets))

    def conclude(self, lane: ServedLane, exit_code: int) -> None:
        """Report the runs of a lane whose Celery worker died: they died with it."""
        how = describe_exit(exit_code)
        logger.warning("The lane %s %s; it is started again", lane.lane, how)
        lane.pid, lane.start_at = None, time.monotonic() + PAUSE_SECONDS
        for run_id in self.take_back(f"{lane.deliveries.name}/"):
            self.helpers.add(fork(partial(self.report_lost, run_id, how)))

    def report_lost(self, run_id: str, how: str) -> None:
        """Tell Dagster of a lost run. In a process of its own: it opens databases."""
        import dagster as dg
        from dagster._serdes import serialize_value

        with dg.DagsterInstance.get() as instance:
            reference = serialize_value(instance.get_ref())
        report_lost_run(run_id, reference, how)

    def take_back(self, holder: str) -> Sequence[str]:
        """Return the runs that were held under a name, and that nobody holds now."""
        try:
            run_ids = self.signs.held_by(holder)
            for run_id in run_ids:
                self.signs.drop(run_id, holder)
        except UNREACHABLE as error:
            logger.warning("Lost runs are found by their missing signs: %s", error)
            return ()
        return run_ids

    def call_the_roll(self) -> None:
        """Say that this worker is there, and what it serves."""
        queues = {queue for lane in self.lanes for queue in lane.queues}
        with contextlib.suppress(*UNREACHABLE):
            self.signs.announce(self.name, sorted(queues))

    def stop(self) -> None:
        """Kill every lane, and report its runs: their jobs go on elsewhere."""
        for lane in self.lanes:
            if lane.pid is not None:
                kill_family(lane.pid)
        run_ids = self.take_back(f"{self.name}/")
        with contextlib.suppress(*UNREACHABLE):
            self.signs.leave(self.name)
        report_stopped(self.dagster_home, run_ids)
        kill_orphans(resident_pids(self.sockets))


def ended_children() -> Sequence[tuple[int, int]]:
    """Return the children that ended, with their exit codes."""
    found = []
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            found.append((pid, os.waitstatus_to_exitcode(status)))
    return found


def places_of(
    settings: Settings, name: str, concurrency: int | None
) -> dict[Lane, int]:
    """Return how many runs of each lane are carried out at one time."""
    if name == UPKEEP:
        return {Lane.WORKERS: 1}
    return {
        Lane.WORKERS: concurrency or settings.workers or 1,
        Lane.LISTENERS: settings.listeners,
        Lane.BATCH: settings.batch.places,
    }


def work(settings: Settings, queues: str, concurrency: int | None = None) -> None:
    """Carry out the runs of some queues until told to stop.

    Raises:
        InvalidRequest: A queue is none, or no broker or no PostgreSQL is set.
        StoreError: Something is not installed, or the databases are of another
            version.
    """
    names = parse_names(queues)
    broker_url = require_cluster(settings)
    Services.open(settings).close()
    places = make_places(settings)
    write_dagster_settings(settings, places)
    os.environ.update(
        storage_environment(settings)
        | broker_environment(settings)
        | {
            "LECTERN_DATA_DIR": str(settings.root),
            "DAGSTER_HOME": str(places.dagster_home),
        }
    )
    adopt_orphans()
    preload(places.dagster_home, names[0].partition(".")[2] or LIGHT)
    keep_services()
    host = f"{socket.gethostname()}-{uuid.uuid4().hex[:6]}"
    signs = RunSigns(broker_url)
    lanes = []
    for name in names:
        for lane, count in places_of(settings, name, concurrency).items():
            deliveries = Deliveries(signs, f"{host}/{name}-{lane}", lane)
            served = served_by(name, lane)
            lanes.append(ServedLane(lane, served, count, broker_url, deliveries))
    worker = Worker(settings, host, signs, lanes, places.sockets, places.dagster_home)
    worker.run()


def main() -> None:
    """Serve as a component of ``lectern serve``."""
    settings = Settings()
    configure_logging(settings)
    work(settings, sys.argv[1])


if __name__ == "__main__":
    main()
