"""How long jobs will still take, by what jobs of before took here."""

import threading
import time
from collections.abc import Mapping
from datetime import datetime

from lectern.jobs.pace import STEPS, Estimate, Pace, learn
from lectern.jobs.states import JobKind, JobStep
from resources.stores.job_rows import Job
from resources.stores.jobs_history import JobHistory

LEARNED_SECONDS = 60.0
"""How long what was learned serves: a page asks every second."""

Paces = Mapping[JobStep, Pace]


class Foretelling:
    """Learns paces by kind, step, engine and machine. Safe to share between threads."""

    def __init__(self, history: JobHistory) -> None:
        self._history = history
        self._lock = threading.Lock()
        self._known: dict[tuple[JobKind, str, str], tuple[float, Paces]] = {}

    def left(self, job: Job, now: datetime) -> Estimate | None:
        """Return how long a running job will still take; None while nobody can say."""
        if job.kind not in STEPS:
            return None
        return job.left(now, self.paces(job.kind, job.engine, job.machine))

    def paces(self, kind: JobKind, engine: str, machine: str) -> Paces:
        """Return the pace of each step: of the engine on this machine, else of the
        engine, else of any."""
        key = (kind, engine, machine)
        with self._lock:
            learned_at, paces = self._known.get(key, (float("-inf"), {}))
        if time.monotonic() - learned_at < LEARNED_SECONDS:
            return paces
        found = {
            step: learn(self._history.pasts(kind, step, engine, machine))
            for step in STEPS[kind]
        }
        paces = {step: pace for step, pace in found.items() if pace is not None}
        with self._lock:
            self._known[key] = (time.monotonic(), paces)
        return paces
