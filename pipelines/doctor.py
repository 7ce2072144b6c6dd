"""What the doctor asks about Dagster and the running server.

Everything that is stored, and every engine, is looked at by ``resources.doctor``.
"""

import fcntl
from collections.abc import Iterator
from pathlib import Path

from lectern.errors import LecternError
from lectern.jobs.queues import worker_name
from lectern.settings import Settings
from pipelines.cluster import is_cluster, require_broker
from pipelines.places import Places, find_places
from pipelines.pool_protocol import Question, ask_pool
from pipelines.serving import answers, check_ports, reachable_host
from resources.doctor import Check
from resources.orchestrator import Orchestrator

LOGS = "Look into its log, in the folder “logs” of the data folder."


def diagnose_server(settings: Settings) -> Iterator[Check]:
    """Look at the pipeline, and at the server if it runs."""
    yield _definitions()
    places = find_places(settings)
    if not _is_locked(places.serve_lock):
        yield _ports(settings)
        return
    yield Check("server", ok=True, message=f"Runs on {places.root}.")
    yield _app(settings)
    yield _dagster(settings)
    yield from diagnose_workers(settings)


def _definitions() -> Check:
    from dagster import DagsterError

    try:
        from pipelines.definitions import defs

        names = sorted(job.name for job in defs.get_repository_def().get_all_jobs())
    except (DagsterError, ImportError) as error:
        return Check(
            "pipeline", ok=False, message=f"{error}", remedy="Run “make setup” again."
        )
    return Check("pipeline", ok=True, message=f"Loads; {len(names)} jobs.")


def _ports(settings: Settings) -> Check:
    try:
        check_ports(settings)
    except LecternError as error:
        return Check("server", ok=False, message=error.message, required=False)
    message = "Does not run; its ports are free."
    return Check("server", ok=True, message=message, required=False)


def _app(settings: Settings) -> Check:
    host = reachable_host(settings)
    ok = answers(host, settings.port, "/live")
    message = f"At http://{host}:{settings.port}."
    return Check("app", ok=ok, message=message, remedy=LOGS)


def _dagster(settings: Settings) -> Check:
    orchestrator = Orchestrator(settings)
    ok = orchestrator.is_up()
    orchestrator.close()
    message = f"At http://127.0.0.1:{settings.dagster_port}."
    return Check("dagster", ok=ok, message=message, remedy=LOGS)


def diagnose_workers(settings: Settings) -> Iterator[Check]:
    """Look at what carries out runs: the pool, or workers on any machine."""
    if is_cluster(settings):
        yield from _remote_workers(require_broker(settings))
    else:
        yield _pool(find_places(settings))


def _remote_workers(broker_url: str) -> Iterator[Check]:
    from pipelines.run_signs import RunSigns

    signs = RunSigns(broker_url)
    if not signs.is_reachable():
        yield Check(
            "workers",
            ok=False,
            message="Redis does not answer; accepted work waits until it does.",
            remedy="Start it, or correct LECTERN_BROKER_URL.",
        )
        return
    workers = signs.workers()
    listed = ", ".join(f"{name} ({' '.join(own)})" for name, own in workers.items())
    yield Check("workers", ok=bool(workers), message=listed or "None.", remedy=LOGS)
    served = {queue for own in workers.values() for queue in own}
    for queue in sorted(set(signs.queues()) - served):
        if count := signs.waiting(queue):
            runs = "1 run waits" if count == 1 else f"{count:,} runs wait"
            yield Check(
                "queue",
                ok=False,
                message=f"{runs} in the queue {queue}, which no worker serves.",
                remedy=f"Start one: lectern worker --queue {worker_name(queue)}",
            )
    signs.close()


def _pool(places: Places) -> Check:
    try:
        ask_pool(places.workers_socket, Question(ask="ping"))
    except OSError as error:
        return Check("workers", ok=False, message=f"{error}", remedy=LOGS)
    return Check("workers", ok=True, message="The worker pool answers.")


def _is_locked(lock: Path) -> bool:
    if not lock.exists():
        return False
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
