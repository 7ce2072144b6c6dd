"""A real worker pool in a process of its own, whose runs are small shell-like duties.

A run's id says what its child does: ``sleep-30``, ``die``, ``crash``, ``family``,
``resident``, ``stubborn``, ``spin``, ``eat``; what is reported is written to a file.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import resources
from lectern.settings import Settings
from pipelines.pool_protocol import Answer, Lane, Question, ask_pool
from resources.engines.resident import Resident

RESIDENT = Path(__file__).with_name("resident_program.py")

CAPPED = Settings(
    _env_file=None,
    job_limits={
        "render": {"cpu_seconds": 0.5, "memory_bytes": 128 * 1024**2},
    },
)
"""What the jobs of the pool's runs may take."""

SCRIPT = """
import sys
from pathlib import Path
from pipelines.kinship import adopt_orphans
from lectern.jobs.sharing import Room
from pipelines.capping import Capping
from pipelines.pool_protocol import Lane
from pipelines.worker_pool import WorkerPool
from tests.support.pool import CAPPED, duties
adopt_orphans()
folder = Path(sys.argv[1])
places, most = int(sys.argv[2]), int(sys.argv[3])
rooms = {lane: Room(places, most) for lane in Lane}
capping = Capping(CAPPED, look_seconds=0.2)
pool = WorkerPool(folder / "pool.sock", rooms, duties(folder), capping)
pool.serve()
pool.stop()
"""


def idle_resident(folder: Path) -> Resident:
    """Return a resident engine that listens beside the pool."""
    return Resident(
        name="idle",
        title="Idle",
        command=(
            *(sys.executable, "-I", str(RESIDENT), resources.__path__[0]),
            *("1", "60", str(folder / "loads"), ""),
        ),
        folder=folder,
        log=folder / "idle.log",
    )


def take_much(name: str) -> list[bytearray]:
    """Take processor time for ever, or much memory, which is returned."""
    while name == "spin":
        pass
    return [bytearray(os.urandom(1024)) * 1024 for _ in range(200 * (name == "eat"))]


def duties(folder: Path):
    """Return duties that do what a run's id says and note what they saw."""
    from pipelines.worker_pool import Duties

    def note(line: str) -> None:
        with (folder / "notes").open("a") as file:
            file.write(f"{line}\n")

    def carry_out(run_id: str, _ref: str) -> None:
        name, _, rest = run_id.partition("-")
        with contextlib.suppress(KeyboardInterrupt):
            work(run_id, name, rest)
        note(f"ended {run_id}")

    def work(run_id: str, name: str, rest: str) -> None:
        note(f"began {run_id} {os.getpid()}")
        if name == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "crash":
            raise SystemExit(3)
        if name == "family":
            child = subprocess.Popen(["sleep", "60"], start_new_session=True)
            note(f"child {child.pid}")
        if name == "resident":
            resident = idle_resident(folder)
            resident.start()
            note(f"stays {resident.pid()}")
        taken = take_much(name)
        if name == "stubborn":
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(float(rest or 60))
        del taken

    return Duties(
        carry_out=carry_out,
        report_lost=lambda run_id, _ref, how: note(f"lost {run_id}: {how}"),
        report_stopped=lambda run_id, _ref: note(f"stopped {run_id}"),
        report_excess=lambda run_id, _ref, error: note(f"excess {run_id} {error.code}"),
    )


@dataclass
class Pool:
    """A running pool as its callers see it."""

    folder: Path
    process: subprocess.Popen[bytes]

    def ask(
        self,
        ask: str,
        run_id: str = "",
        lane: Lane = Lane.WORKERS,
        *,
        owner: str = "",
        kind: str = "",
    ) -> Answer:
        """Ask the pool something."""
        question = Question.model_validate(
            {"ask": ask, "run_id": run_id, "lane": lane, "owner": owner, "kind": kind}
        )
        return ask_pool(self.folder / "pool.sock", question)

    def answers(self) -> bool:
        """Whether it listens."""
        try:
            self.ask("ping")
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    @property
    def notes(self) -> str:
        """Return all that the duties noted."""
        path = self.folder / "notes"
        return path.read_text() if path.exists() else ""


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@contextlib.contextmanager
def running_pool(
    folder: Path, *, places: int = 1, most_a_person: int = 0
) -> Iterator[Pool]:
    """Run a pool with so many places a lane, until the block ends."""
    numbers = (str(places), str(most_a_person))
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), *numbers])
    try:
        pool = Pool(folder, process)
        wait_for(pool.answers, seconds=60)
        yield pool
    finally:
        process.terminate()
        process.wait(10)
