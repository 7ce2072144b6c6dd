"""A process that has everything imported and forks one child for each run.

Starting Python and importing costs 2.6 s a run; a fork costs milliseconds. The
parent therefore stays single-threaded, opens no database and touches no
accelerator: what a fork copies must be safe to copy. It learns of a child's death
by SIGCHLD, so a killed run is reported and resumed at once.

Started by ``serving`` as ``python -m pipelines.worker_pool``, once for each environment
by its interpreter. What a child does is ``run_process``; who asks is ``launcher``.
"""

import contextlib
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lectern.environments import LIGHT
from lectern.errors import LimitReached
from lectern.jobs.queues import Lane
from lectern.jobs.sharing import Room, next_in
from lectern.settings import Settings
from pipelines.capping import Capping
from pipelines.kinship import (
    adopt_orphans,
    describe_exit,
    fork,
    kill_family,
    kill_orphans,
)
from pipelines.logs import configure_logging
from pipelines.places import make_places, pool_socket
from pipelines.pool_protocol import (
    Answer,
    Question,
    RunCondition,
    parse_question,
    read_line,
)
from resources.engines.resident import resident_pids

TERMINATION_GRACE_SECONDS = 8.0
"""How long a run may take to stop by itself after it was asked to."""
REMEMBERED_RUNS = 500
"""Ended runs whose outcome the pool can still tell."""
BATCH_NICENESS = 10
"""Of 19: a batch takes what nobody else wants of the processor."""
IDLE_SECONDS = 1.0
"""The longest the loop sleeps: overdue terminations are looked at this often."""

logger = logging.getLogger("lectern.pool")


@dataclass(frozen=True, slots=True)
class Duties:
    """What a child does; swapped in tests."""

    carry_out: Callable[[str, str], None]  # run id, instance reference
    report_lost: Callable[[str, str, str], None]  # and what became of it
    report_stopped: Callable[[str, str], None]  # killed, as somebody asked
    report_excess: Callable[[str, str, LimitReached], None]  # it took too much


@dataclass(slots=True)
class Run:
    """A run in a child process, or waiting for one."""

    run_id: str
    lane: Lane
    instance_ref: str
    owner: str = ""  # on whose behalf; nobody's are the installation's own
    pid: int | None = None
    kill_at: float | None = None  # monotonic; set once termination was asked for
    kind: str = ""  # of its job
    excess: LimitReached | None = None  # why it was killed


@dataclass
class WorkerPool:
    """Three lanes of forked children, shared between people. One thread; everything
    happens in ``serve``."""

    socket_path: Path
    rooms: dict[Lane, Room]
    duties: Duties
    capping: Capping
    waiting: dict[Lane, deque[Run]] = field(
        default_factory=lambda: {lane: deque() for lane in Lane}
    )
    running: dict[int, Run] = field(default_factory=dict)  # by process id
    helpers: dict[int, str] = field(default_factory=dict)  # what each one reports
    ended: dict[str, RunCondition] = field(default_factory=dict)
    stopping: bool = False

    # -- questions ---------------------------------------------------------

    def answer(self, question: Question) -> Answer:
        """Do what is asked and say what came of it."""
        match question.ask:
            case "launch":
                return self.launch(question)
            case "terminate":
                return self.terminate(question.run_id)
            case _:
                return self.condition(question.run_id)

    def launch(self, question: Question) -> Answer:
        """Start a run, or put it in its lane's queue. Asking twice starts it once."""
        known = self.condition(question.run_id)
        if known.condition is not RunCondition.UNKNOWN:
            return known
        run = Run(
            question.run_id,
            question.lane,
            question.instance_ref,
            question.owner,
            kind=question.kind,
        )
        self.waiting[run.lane].append(run)
        self.fill_places()
        return self.condition(run.run_id)

    def terminate(self, run_id: str) -> Answer:
        """Ask a run to stop; it is killed when it does not within the grace."""
        for queue in self.waiting.values():
            for run in list(queue):
                if run.run_id == run_id:
                    queue.remove(run)
                    self.remember(run, RunCondition.ENDED)
                    return Answer(condition=RunCondition.WAITING)
        for pid, run in self.running.items():
            if run.run_id == run_id and run.kill_at is None:
                run.kill_at = time.monotonic() + TERMINATION_GRACE_SECONDS
                os.kill(pid, signal.SIGINT)
        return self.condition(run_id)

    def condition(self, run_id: str) -> Answer:
        """Tell where a run is."""
        for pid, run in self.running.items():
            if run.run_id == run_id:
                return Answer(condition=RunCondition.RUNNING, pid=pid)
        if run_id in self.helpers.values():  # its end is being told
            return Answer(condition=RunCondition.RUNNING)
        for queue in self.waiting.values():
            for ahead, run in enumerate(queue):
                if run.run_id == run_id:
                    return Answer(condition=RunCondition.WAITING, ahead=ahead)
        return Answer(condition=self.ended.get(run_id, RunCondition.UNKNOWN))

    # -- processes ---------------------------------------------------------

    def fill_places(self) -> None:
        """Start waiting runs while their lane has room: whose owner has fewest first.

        A batch's run is begun only while nobody else's waits.
        """
        for lane, queue in self.waiting.items():
            if lane is Lane.BATCH and self.somebody_waits():
                continue
            while queue and (run := self.next_run(lane)):
                queue.remove(run)
                self.start(run)

    def next_run(self, lane: Lane) -> Run | None:
        """Return the run of a lane that is to start now."""
        queue = self.waiting[lane]
        running = [run.owner for run in self.running.values() if run.lane is lane]
        place = next_in([run.owner for run in queue], running, self.rooms[lane])
        return None if place is None else queue[place]

    def somebody_waits(self) -> bool:
        """Whether a run waits that a person waits for."""
        return any(
            queue for lane, queue in self.waiting.items() if lane is not Lane.BATCH
        )

    def start(self, run: Run) -> None:
        """Fork the child of a run; a batch's gives way to every other process."""

        def carry_out() -> None:
            if run.lane is Lane.BATCH:
                os.nice(BATCH_NICENESS)
            self.duties.carry_out(run.run_id, run.instance_ref)

        run.pid = fork(carry_out)
        self.running[run.pid] = run
        logger.info("Run %s started as process %s", run.run_id, run.pid)

    def collect(self) -> None:
        """Take in every child that has ended, and say what became of its run."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            self.helpers.pop(pid, None)
            if run := self.running.pop(pid, None):
                self.conclude(run, os.waitstatus_to_exitcode(status))
        residents = resident_pids(self.socket_path.parent)
        kill_orphans({*self.running, *self.helpers, *residents})
        self.fill_places()

    def conclude(self, run: Run, exit_code: int) -> None:
        """Note how a run ended; a crash or a kill is reported by a helper process."""
        logger.info("Run %s ended with exit code %s", run.run_id, exit_code)
        if exit_code == 0:
            self.remember(run, RunCondition.ENDED)
            return
        self.remember(run, RunCondition.LOST)
        if self.stopping:
            return
        if run.kill_at is not None:
            self.help(lambda: self.duties.report_stopped(run.run_id, run.instance_ref))
            return
        if (excess := run.excess) is not None:
            duty = partial(
                self.duties.report_excess, run.run_id, run.instance_ref, excess
            )
            self.help(duty, run.run_id)
            return
        how = describe_exit(exit_code)
        logger.warning("Run %s was lost: its process %s", run.run_id, how)
        self.help(lambda: self.duties.report_lost(run.run_id, run.instance_ref, how))

    def help(self, duty: Callable[[], None], of_run: str = "") -> None:
        """Do something that needs a database in a child of its own.

        The run that it is named for counts as running until that is done.
        """
        self.helpers[fork(duty)] = of_run

    def remember(self, run: Run, condition: RunCondition) -> None:
        """Keep how a run ended, for the latest few hundred runs."""
        self.ended[run.run_id] = condition
        while len(self.ended) > REMEMBERED_RUNS:
            del self.ended[next(iter(self.ended))]

    def kill_overdue(self) -> None:
        """Kill runs that were asked to stop and did not."""
        now = time.monotonic()
        for pid, run in self.running.items():
            if run.kill_at is not None and now > run.kill_at:
                logger.warning("Run %s did not stop when asked: killed", run.run_id)
                kill_family(pid)

    def kill_excessive(self) -> None:
        """Kill runs that take more than their jobs may."""
        kinds = {pid: run.kind for pid, run in self.running.items()}
        for pid, error in self.capping.excessive(kinds).items():
            run = self.running[pid]
            if run.excess is None:
                logger.warning("Run %s is killed: %s", run.run_id, error.message)
                run.excess = error
                kill_family(pid)

    def stop(self) -> list[Run]:
        """Kill every child and return the runs that were begun and are not done.

        Runs that wait go on waiting, in Dagster: the next pool takes them up.
        """
        self.stopping = True
        unfinished = list(self.running.values())
        for pid in self.running:
            kill_family(pid)
        deadline = time.monotonic() + 3
        while self.running and time.monotonic() < deadline:
            self.waiting = {lane: deque() for lane in Lane}
            self.collect()
            time.sleep(0.01)
        return unfinished

    # -- the loop ----------------------------------------------------------

    def serve(self, left_behind: Callable[[], Iterable[Question]] = tuple) -> None:
        """Answer questions and mind children until told to stop by SIGTERM.

        ``left_behind`` tells which runs were launched while no pool listened. It is
        asked once this one does, so that none falls in between.
        """
        with (
            listen(self.socket_path) as listener,
            wake_on_signals() as wake,
            selectors.DefaultSelector() as selector,
        ):
            for question in left_behind():
                self.launch(question)
            selector.register(listener, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            logger.info("Ready: %s", self.rooms)
            while not self.stopping:
                for key, _ in selector.select(IDLE_SECONDS):
                    if key.fileobj is listener:
                        self.accept(listener)
                    elif signal.SIGTERM in wake.recv(4096):
                        self.stopping = True
                self.collect()
                self.kill_overdue()
                self.kill_excessive()

    def accept(self, listener: socket.socket) -> None:
        """Hear one question and answer it; who talks nonsense is hung up on."""
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(2)
            try:
                question = parse_question(read_line(connection))
                reply = self.answer(question).model_dump_json()
                connection.sendall(reply.encode() + b"\n")
            except (OSError, ValueError) as error:
                logger.warning("A question could not be answered: %s", error)


@contextlib.contextmanager
def listen(path: Path) -> Iterator[socket.socket]:
    """Listen on a socket that only its owner can use, and remove it afterwards.

    It gets its name once it listens: whoever finds it is answered.
    """
    unheard = path.with_suffix(".new")
    unheard.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        old = os.umask(0o177)
        try:
            listener.bind(str(unheard))
        finally:
            os.umask(old)
        listener.listen(128)
        unheard.replace(path)
        yield listener
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def wake_on_signals() -> Iterator[socket.socket]:
    """Turn SIGCHLD and SIGTERM into bytes that a selector can wait for."""
    reader, writer = socket.socketpair()
    with reader, writer:
        for end in (reader, writer):
            end.settimeout(0)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        # The supervisor decides when to stop: Ctrl-C reaches it, and it tells us.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(-1)


def rooms(settings: Settings) -> dict[Lane, Room]:
    """Return how many runs each lane takes at one time, of all and of one person.

    A batch has no guests: nobody waits for it.
    """
    limits = settings.limits
    return {
        Lane.WORKERS: Room(settings.workers, limits.workers),
        Lane.LISTENERS: Room(settings.listeners, limits.listeners),
        Lane.BATCH: Room(settings.batch.places, has_guests=False),
    }


def main(environment: str = LIGHT) -> None:
    """Import everything, then serve an environment until told to stop."""
    from pipelines.preloading import preload
    from pipelines.run_process import DUTIES, left_behind, report_stopped

    settings = Settings()
    configure_logging(settings)
    places = make_places(settings)
    adopt_orphans()
    preload(places.dagster_home, environment)
    socket_path = pool_socket(places.sockets, environment)
    pool = WorkerPool(socket_path, rooms(settings), DUTIES, Capping(settings))
    pool.serve(lambda: left_behind(places.dagster_home, environment))
    report_stopped(places.dagster_home, [run.run_id for run in pool.stop()])


if __name__ == "__main__":
    main(*sys.argv[1:])
