"""What happens past one machine when a part of it dies: every job ends, nothing is
spoken twice, and nobody mends anything. Each drill uses one cluster.

Two workers in network namespaces both take any run, so that each can take over.
"""

import contextlib
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from lectern.accounts.people import LOCAL
from lectern.errors import EngineUnavailable
from lectern.jobs.states import JobKind, JobState
from lectern.settings import Settings
from resources.stores.jobs import Job
from tests.support.cluster import Cluster, running_cluster
from tests.support.drill import Drill, seen_from_inside
from tests.support.pool import wait_for

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

PATIENCE_SECONDS = 180.0

logger = logging.getLogger("drill")


@dataclass(frozen=True)
class Scene:
    """A cluster at work, and what is seen of it."""

    cluster: Cluster
    drill: Drill

    def renders(self, title: str) -> Job:
        """Begin to speak a book, and return its job once it is half-way."""
        document = self.drill.book(blocks=60, title=title)
        job = self.drill.services.jobs.create(
            LOCAL, document_id=document.id, kind=JobKind.RENDER
        )
        with contextlib.suppress(EngineUnavailable):  # it is tried again by itself
            self.drill.orchestrator.launch(job)
        return self.drill.wait(job.id, lambda job: job.done >= 12, PATIENCE_SECONDS)

    def carried_out_by(self, job: Job) -> psutil.Process:
        """Return the process that has a job."""
        wait_for(lambda: self.cluster.holder_of(self.run_of(job)), seconds=30)
        process = self.cluster.holder_of(self.run_of(job))
        assert process is not None
        return process

    def run_of(self, job: Job) -> str | None:
        """Return the run that a job has now."""
        return self.drill.services.jobs.find(job.id).run_id

    def ends_well(self, job: Job) -> Job:
        """See a job done, and nothing of its document spoken twice."""
        ended = self.drill.ended(job.id, PATIENCE_SECONDS)
        assert ended.state is JobState.DONE, ended
        document = self.drill.services.catalog.find(job.document_id)
        assert self.drill.spoken_twice(document) == []
        spoken = self.drill.outcomes(document)
        assert spoken["synthesised"] == document.block_count
        return ended


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("cluster")
    with running_cluster(
        folder / "data", queues=("gpu,cpu", "cpu,gpu"), sample_document="false"
    ) as cluster:
        environment = psutil.Process(cluster.supervisor.pid).environ()
        settings = Settings(
            _env_file=None,
            data_dir=cluster.data_dir,
            port=int(environment["LECTERN_PORT"]),
            dagster_port=int(environment["LECTERN_DAGSTER_PORT"]),
            database_url=cluster.settings["database_url"],
            broker_url=cluster.settings["broker_url"],
            speech_servers=json.loads(cluster.settings["speech_servers"]),
            speech={"engine": cluster.settings["speech__engine"]},
        )
        cluster.speech.seconds_a_text = 0.3
        with seen_from_inside(cluster, settings) as drill:
            yield Scene(cluster, drill)


def test_a_killed_run_goes_on(scene: Scene) -> None:
    job = scene.renders("Run")

    scene.carried_out_by(job).kill()
    killed_at = time.monotonic()
    scene.drill.wait(job.id, lambda job: job.attempts == 2, PATIENCE_SECONDS)
    logger.info("went on after %.1f s", time.monotonic() - killed_at)

    scene.ends_well(job)


def test_a_killed_worker_s_runs_go_on(scene: Scene) -> None:
    job = scene.renders("Worker")
    worker = scene.cluster.worker_of(scene.carried_out_by(job))

    for process in worker.processes():
        process.kill()
    killed_at = time.monotonic()
    scene.drill.wait(job.id, lambda job: job.attempts == 2, PATIENCE_SECONDS)
    logger.info("went on after %.1f s", time.monotonic() - killed_at)

    scene.ends_well(job)


def test_a_run_is_stopped_on_another_host(scene: Scene) -> None:
    job = scene.renders("Stopped")
    process = scene.carried_out_by(job)

    scene.drill.orchestrator.cancel(job)

    assert scene.drill.ended(job.id, 60).state is JobState.CANCELLED
    run_id = scene.run_of(job)
    wait_for(lambda: scene.drill.run_status(run_id) == "CANCELED", seconds=60)
    assert process.is_running(), "its process is kept for the next run"


def test_what_redis_forgets_is_sent_again(scene: Scene) -> None:
    running = scene.renders("Redis")
    scene.cluster.redis.stop()
    waiting = scene.drill.upload("Nobody spoke of the winter.\n" * 3, title="Waits")
    queued = scene.drill.begin(waiting, JobKind.PREPARE)
    time.sleep(20)  # longer than a sign of life is kept
    scene.cluster.redis.start()

    assert scene.drill.ended(queued.id, PATIENCE_SECONDS).state is JobState.DONE
    ended = scene.ends_well(running)
    assert ended.attempts == 1, "the run needs Redis for nothing"
    # Nobody was made deaf by it.
    again = scene.renders("After Redis")
    scene.ends_well(again)


def test_everything_goes_on_after_postgresql_was_away(scene: Scene) -> None:
    running = scene.renders("PostgreSQL")
    scene.cluster.postgres.control("stop", "-m", "immediate")
    time.sleep(8)
    scene.cluster.postgres.start_again()

    scene.ends_well(running)
    scene.ends_well(scene.renders("After PostgreSQL"))


def test_a_host_that_is_cut_off_loses_its_runs_and_does_nothing_twice(
    scene: Scene,
) -> None:
    job = scene.renders("Cut")
    process = scene.carried_out_by(job)
    host = scene.cluster.worker_of(process).host

    host.cut()
    cut_at = time.monotonic()
    scene.drill.wait(job.id, lambda job: job.attempts == 2, PATIENCE_SECONDS)
    logger.info("went on after %.1f s", time.monotonic() - cut_at)
    scene.drill.wait(job.id, lambda job: job.done >= 30, PATIENCE_SECONDS)
    host.mend()

    scene.ends_well(job)
    wait_for(lambda: not process.is_running(), seconds=90)
    texts = Counter(scene.cluster.speech.texts())
    asked_twice = [text for text, times in texts.items() if times > 1]
    logger.info("asked twice, as an answer was lost: %d", len(asked_twice))
