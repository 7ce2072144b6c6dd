"""From a request to its work: what the warm worker pool and Dagster's rows cost.

Starts `lectern serve` with data of its own, hands in small texts one after another,
and measures from the launch call to the job's first line of user code. The raw
baseline is a new Python process that imports what a run needs.
"""

import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.jobs.states import JobKind
from resources.orchestrator import Orchestrator
from resources.services import Services
from resources.stores.jobs import Job
from tests.support.drill import settings_of
from tests.support.product import running

RUNS = 15
WARM_UP_RUNS = 2
PAUSE_SECONDS = 1.0
"""Runs one after another, as a person would start them, and not a burst."""
PATIENCE_SECONDS = 60.0
START_GOAL_SECONDS = 0.5
ROWS_GOAL = 300
AGAIN_GOAL_SECONDS = 15.0


def launch_one(services: Services, orchestrator: Orchestrator, text: str) -> Job:
    """Hand in a text and wait until it is prepared; return its job."""
    data = text.encode()
    document = services.catalog.add(
        LOCAL,
        title=text,
        filename="text.txt",
        format=Format.TEXT,
        blob=services.blobs.put(data),
        size_bytes=len(data),
    )
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    orchestrator.launch(job)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not services.jobs.find(job.id).state.is_final:
        assert time.monotonic() < deadline, "the job does not end; was it stopped?"
        time.sleep(0.01)
    return services.jobs.find(job.id)


def seconds_to_start(job: Job) -> float:
    """Return the time from accepting a job to its first line of user code."""
    assert job.started_at is not None, "the job never started"
    return (job.started_at - job.created_at).total_seconds()


def seconds_to_end(job: Job) -> float:
    """Return the time from accepting a job to its end."""
    assert job.finished_at is not None, "the job never ended"
    return (job.finished_at - job.created_at).total_seconds()


def rows_of(dagster_home: Path, run_id: str) -> int:
    """Count the rows that a run wrote to Dagster's storage."""
    events = dagster_home / "storage" / "event_log.db"
    with closing(sqlite3.connect(events)) as connection:
        own = connection.execute(
            "SELECT count(*) FROM event_logs WHERE run_id = ?", (run_id,)
        ).fetchone()[0]
    runs = dagster_home / "storage" / "runs.db"
    with closing(sqlite3.connect(runs)) as connection:
        tags = connection.execute(
            "SELECT count(*) FROM run_tags WHERE run_id = ?", (run_id,)
        ).fetchone()[0]
    return int(own) + int(tags) + 1


def cold_seconds() -> Iterator[float]:
    """Yield what a run would wait for in a process of its own."""
    code = "import pipelines.definitions, resources.preparation, dagster._cli.api"
    for _ in range(3):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", code], check=True)
        yield time.monotonic() - began


def report(name: str, values: list[float], goal: float, unit: str = "s") -> None:
    """Print one line of figures."""
    median = statistics.median(values)
    worst = max(values)
    verdict = "ok" if median <= goal else "MISSED"
    print(
        f"{name:<42} p50 {median:8.2f} {unit}  worst {worst:8.2f} {unit}  "
        f"goal {goal:g} {unit}  {verdict}"
    )


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        with running(data_dir, sample_document="false") as product:
            settings = settings_of(product)
            services, orchestrator = Services.open(settings), Orchestrator(settings)
            while not orchestrator.is_up():
                time.sleep(0.1)
            jobs = []
            for number in range(WARM_UP_RUNS + RUNS):
                jobs.append(launch_one(services, orchestrator, f"Text {number}."))
                time.sleep(PAUSE_SECONDS)
            rows = [
                float(rows_of(data_dir / "dagster", job.run_id or "")) for job in jobs
            ]
        with running(data_dir, sample_document="false") as product:
            again = product.started_seconds
    jobs = jobs[WARM_UP_RUNS:]
    starts = [seconds_to_start(job) for job in jobs]
    report("submit to first user code", starts, START_GOAL_SECONDS)
    report("submit to a prepared short text", [seconds_to_end(j) for j in jobs], 2.0)
    report("Dagster rows for preparing a document", rows, ROWS_GOAL, "rows")
    report("second start until the app answers", [again], AGAIN_GOAL_SECONDS)
    cold = statistics.median(cold_seconds())
    print(f"{'raw: a new process that imports the same':<42} p50 {cold:8.2f} s")


if __name__ == "__main__":
    main()
