"""How much more is made by two, four and eight workers than by one.

    python -m bench.scaling [--workers 1 2 4 8] [--seconds-a-text 0.5] [--blocks 20]
        [--rounds 3] [--databases sqlite postgresql]

Each worker is a process that renders documents of its own into one library: it claims,
speaks, encodes, stores and links as a run does. The engine is simulated: a text takes a
set time, which is slept, so that not the processor is measured but how the workers are
in each other's way. The baseline is one worker, in the same round; ideal is that every
worker makes as much as that one. Where PostgreSQL is installed it is measured too.
"""

import argparse
import contextlib
import multiprocessing
import multiprocessing.queues
import statistics
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path

from lectern.ids import DocumentId
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from resources.rendering import voice_document
from resources.services import Services
from resources.stores.catalog import Document
from tests.support.postgres import running_postgres, server_folder
from tests.support.simulated import VOICE, SimulatedEngine
from tests.support.speech import add_document, running_job, settings_at

GOALS = {1: 1.0, 2: 0.95, 4: 0.92, 8: 0.88}


def settings_for(folder: Path, database: str | None) -> Settings:
    """Return the settings of one library."""
    return settings_at(folder, processes=1).model_copy(
        update={"database_url": database}
    )


def new_document(services: Services, blocks: int) -> Document:
    """Return a document that says what no other does."""
    number = time.monotonic_ns()
    texts = [f"Document {number}, block {n}, of the harbour." for n in range(blocks)]
    return add_document(services, texts)


def work(
    settings: Settings,
    document_id: str,
    seconds_a_text: float,
    barrier: Barrier,
    times: "multiprocessing.queues.SimpleQueue[tuple[float, float]]",
) -> None:
    """Render a document once everybody is ready; tell the seconds and CPU seconds."""
    services = Services.open(settings)
    engine = SimulatedEngine(seconds_a_text=seconds_a_text, texts_at_once=None)
    services.speech_engines().add(engine)
    document = services.catalog.find(DocumentId(document_id))
    job = running_job(services, document, JobKind.RENDER, voice=VOICE.id)
    services.voicing()
    barrier.wait()
    started, cpu_started = time.monotonic(), time.process_time()
    counts = voice_document(services, document, job=job)
    times.put((time.monotonic() - started, time.process_time() - cpu_started))
    assert counts["synthesised"] == document.block_count
    services.voicing().close()


def measured(
    settings: Settings, workers: int, blocks: int, seconds_a_text: float
) -> tuple[float, float]:
    """Return blocks a second of so many workers, and CPU milliseconds a block."""
    services = Services.open(settings)
    documents = [new_document(services, blocks) for _ in range(workers)]
    services.close()
    context = multiprocessing.get_context("spawn")
    barrier, times = context.Barrier(workers + 1), context.SimpleQueue()
    processes = [
        context.Process(
            target=work, args=(settings, document.id, seconds_a_text, barrier, times)
        )
        for document in documents
    ]
    for process in processes:
        process.start()
    barrier.wait()
    found = [times.get() for _ in processes]
    for process in processes:
        process.join()
    slowest = max(seconds for seconds, _ in found)
    cpu_ms = statistics.mean(cpu for _, cpu in found) / blocks * 1000
    return workers * blocks / slowest, cpu_ms


@contextlib.contextmanager
def libraries(names: list[str]) -> Iterator[dict[str, Settings]]:
    """Yield the settings of an empty library on each kind of database."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd())))
        found = {}
        if "sqlite" in names:
            found["sqlite"] = settings_for(folder / "sqlite", None)
        if "postgresql" in names and server_folder():
            server = stack.enter_context(running_postgres(is_durable=True))
            address = stack.enter_context(server.database())
            found["postgresql"] = settings_for(folder / "postgresql", address)
        yield found


def main() -> None:
    """Print blocks a second and the share of what is ideal."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    arguments.add_argument("--seconds-a-text", type=float, default=0.5)
    arguments.add_argument("--blocks", type=int, default=20)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    given = arguments.parse_args()
    with libraries(given.databases) as found:
        for name, settings in found.items():
            rows: dict[int, list[tuple[float, float]]] = {n: [] for n in given.workers}
            for _ in range(given.rounds):
                for workers, measurements in rows.items():
                    measurements.append(
                        measured(settings, workers, given.blocks, given.seconds_a_text)
                    )
            one = [speed for speed, _ in rows[min(rows)]]
            for workers, measurements in rows.items():
                shares = [
                    speed / workers / base * min(rows)
                    for (speed, _), base in zip(measurements, one, strict=True)
                ]
                speed, cpu_ms = map(statistics.median, zip(*measurements, strict=True))
                goal = GOALS.get(workers)
                print(
                    f"{name:10} {workers} workers: {speed:6.2f} blocks/s, "
                    f"{statistics.median(shares):6.1%} of linear"
                    f"{f' (goal ≥ {goal:.0%})' if goal else ''}, "
                    f"{cpu_ms:.0f} ms of processor a block",
                    flush=True,
                )


if __name__ == "__main__":
    main()
