"""Which runs take more processor time or memory than their jobs may.

Counted from outside a run, for its process and all below it, so that nothing the run
does keeps it from being seen. It asks the system alone: no database.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import psutil

from lectern.errors import LimitReached
from lectern.jobs.caps import Taken, over_caps
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from pipelines.kinship import descendants

LOOK_SECONDS = 2.0


def kind_of(name: str) -> JobKind | None:
    """Return the kind of job that a run's tag names; None for upkeep."""
    return JobKind(name) if name in set(JobKind) else None


def family_taken(pid: int) -> Taken:
    """Return what a process and all below it have taken; nothing once it is gone."""
    try:
        family = [psutil.Process(pid), *descendants(pid)]
    except psutil.NoSuchProcess:
        return Taken(0.0, 0)
    return _sum(_taken_by(process) for process in family)


def _taken_by(process: psutil.Process) -> Taken:
    try:
        with process.oneshot():
            times = process.cpu_times()
            # With children that ended and were waited for.
            cpu_seconds = sum(times[:4])
            memory = process.memory_full_info()
    except psutil.Error:
        return Taken(0.0, 0)
    return Taken(cpu_seconds, memory.uss)


def _sum(each: Iterable[Taken]) -> Taken:
    cpu_seconds, memory_bytes = 0.0, 0
    for taken in each:
        cpu_seconds += taken.cpu_seconds
        memory_bytes += taken.memory_bytes
    return Taken(cpu_seconds, memory_bytes)


@dataclass
class Capping:
    """Looks now and then at what runs take."""

    settings: Settings
    look_seconds: float = LOOK_SECONDS
    _looked_at: float = field(default=float("-inf"), init=False)

    def excessive(self, runs: Mapping[int, str]) -> dict[int, LimitReached]:
        """Return the errors of runs that take too much, by the ids of their processes.

        ``runs`` are the kinds of jobs by process id.
        """
        now = time.monotonic()
        if not runs or now - self._looked_at < self.look_seconds:
            return {}
        self._looked_at = now
        found = {pid: self.excess(pid, kind) for pid, kind in runs.items()}
        return {pid: error for pid, error in found.items() if error is not None}

    def excess(
        self, pid: int, name: str, *, before: Taken | None = None
    ) -> LimitReached | None:
        """Return the error of one run; ``before`` is what its process had taken."""
        kind = kind_of(name)
        if kind is None:
            return None
        taken = family_taken(pid)
        if before is not None:
            spent = taken.cpu_seconds - before.cpu_seconds
            taken = Taken(max(0.0, spent), taken.memory_bytes)
        return over_caps(kind, self.settings.caps_of(kind), taken)
