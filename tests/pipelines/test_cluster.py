"""Runs in Celery's queues, with a real Redis: launcher, signs of life, deliveries."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from pydantic import SecretStr, ValidationError

from lectern.errors import InvalidRequest
from lectern.jobs.queues import Lane, queue_of, served_by
from lectern.jobs.runs import LOST, WORKER
from lectern.settings import Settings
from pipelines import run_signs
from pipelines.celery_app import make_app
from pipelines.celery_launcher import QueueRunLauncher
from pipelines.cluster import URL_VARIABLE, require_cluster
from pipelines.delivered_runs import Deliveries, Delivery
from pipelines.doctor import diagnose_workers
from pipelines.instance_files import write_dagster_settings
from pipelines.places import find_places, make_places
from pipelines.run_signs import RunSigns
from tests.support.redis import RedisServer, redis_program, running_redis

STATUS = dg.DagsterRunStatus


@dg.job
def nothing() -> None:
    """Do nothing."""


def test_a_broker_without_postgresql_is_refused_and_says_what_to_set(
    settings: Settings,
) -> None:
    with pytest.raises(InvalidRequest, match="Set LECTERN_BROKER_URL"):
        require_cluster(settings)
    broker = {"broker_url": SecretStr("redis://127.0.0.1:6379/0")}
    with pytest.raises(InvalidRequest, match="Set LECTERN_DATABASE_URL"):
        require_cluster(settings.model_copy(update=broker))


def test_another_kind_of_broker_is_refused() -> None:
    with pytest.raises(ValidationError, match="A broker is a Redis"):
        Settings(_env_file=None, broker_url="amqp://127.0.0.1")


def test_the_broker_s_password_is_in_no_file_and_no_log(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None, data_dir=tmp_path, broker_url="redis://:open-sesame@127.0.0.1/0"
    )
    places = make_places(settings)
    write_dagster_settings(settings, places)
    written = (places.dagster_home / "dagster.yaml").read_text()

    assert "open-sesame" not in written + repr(settings) + str(settings)
    config = yaml.safe_load(written)["run_launcher"]["config"]
    assert config == {"broker": {"env": URL_VARIABLE}}


def test_sockets_of_one_machine_are_on_no_shared_disk(tmp_path: Path) -> None:
    alone = Settings(_env_file=None, data_dir=tmp_path)
    shared = alone.model_copy(update={"broker_url": SecretStr("redis://127.0.0.1/0")})

    assert find_places(alone).sockets.is_relative_to(tmp_path)
    assert not find_places(shared).sockets.is_relative_to(tmp_path)


def test_one_machine_needs_neither_celery_nor_redis() -> None:
    program = (
        "import sys\n"
        "import pipelines.cli, pipelines.definitions, pipelines.worker_pool\n"
        "import pipelines.serving, pipelines.doctor, pipelines.run_process\n"
        "import pipelines.launcher, pipelines.recovery, dashboard.backend\n"
        "sys.exit(bool({'celery', 'redis', 'kombu'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@dataclass
class Desk:
    """Dagster with our launcher, and its Redis."""

    redis: RedisServer
    signs: RunSigns
    instance: dg.DagsterInstance
    settings: Settings

    @property
    def launcher(self) -> QueueRunLauncher:
        launcher = self.instance.run_launcher
        assert isinstance(launcher, QueueRunLauncher)
        return launcher

    def run(self, status: STATUS = STATUS.STARTING, **tags: str) -> dg.DagsterRun:
        """Return a new run that nobody has sent."""
        run = self.instance.create_run_for_job(
            nothing,
            status=status,
            tags={f"lectern/{name}": str(value) for name, value in tags.items()},
            job_code_origin=dg.reconstructable(nothing).get_python_origin(),
        )
        return self.seen(run)

    def seen(self, run: dg.DagsterRun) -> dg.DagsterRun:
        """Return a run as it is now."""
        found = self.instance.get_run_by_id(run.run_id)
        assert found is not None
        return found

    def launch(self, run: dg.DagsterRun) -> None:
        """Hand a run to the launcher."""
        self.launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))

    def health(self, run: dg.DagsterRun) -> WorkerStatus:
        """Return what the launcher thinks of a run."""
        return self.launcher.check_run_worker_health(self.seen(run)).status

    def deliver(self, run: dg.DagsterRun) -> Delivery:
        """Do what a worker does with a message."""
        deliveries = Deliveries(self.signs, "here/cpu-workers", Lane.WORKERS)
        deliveries._instance = self.instance
        return deliveries.deliver(run.run_id)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    if redis_program() is None:
        pytest.skip("no Redis server (Debian: redis-server)")
    with running_redis() as server:
        yield server


@pytest.fixture
def desk(
    redis_server: RedisServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    if redis_server.process is None:
        redis_server.start()
    redis_server.client().flushall()
    monkeypatch.setenv(URL_VARIABLE, redis_server.url())
    settings = settings.model_copy(update={"broker_url": SecretStr(redis_server.url())})
    places = make_places(settings)
    write_dagster_settings(settings, places)
    with dg.DagsterInstance.from_config(str(places.dagster_home)) as instance:
        signs = RunSigns(redis_server.url())
        yield Desk(redis_server, signs, instance, settings)
        signs.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believe at once that what is not seen is gone."""
    monkeypatch.setattr(run_signs, "MISSED_SECONDS", 0.0)


@pytest.mark.parametrize(
    "tags", [{}, {"lane": "listeners"}, {"lane": "batch", "accelerator": "gpu"}]
)
def test_a_run_waits_in_the_queue_of_its_tags(desk: Desk, tags: dict[str, str]) -> None:
    run = desk.run(**tags)

    desk.launch(run)

    assert desk.signs.is_waiting(run.run_id, queue_of(run.tags))
    assert desk.signs.waiting(queue_of(run.tags)) == 1
    assert desk.health(run) is WorkerStatus.RUNNING


def test_no_message_holds_a_password(desk: Desk) -> None:
    run = desk.run()
    desk.launch(run)

    message = desk.redis.client().lrange("cpu\x06\x163", 0, -1)[0]

    assert URL_VARIABLE not in message
    assert desk.redis.url() not in message


def test_what_a_person_waits_for_is_taken_before_a_batch(desk: Desk) -> None:
    runs = {lane: desk.run(lane=lane) for lane in (Lane.BATCH, Lane.WORKERS)}
    for run in runs.values():
        desk.launch(run)
    app = make_app(desk.redis.url(), Deliveries(desk.signs, "x", Lane.BATCH))
    app.amqp.queues.select(served_by("cpu", Lane.BATCH))

    taken: list[str] = []
    with app.connection_for_read() as connection:
        consumer = app.amqp.TaskConsumer(
            connection,
            on_message=lambda message: (
                taken.append(message.headers["id"]),
                message.ack(),
            ),
        )
        consumer.qos(prefetch_count=1)
        with consumer:
            while len(taken) < len(runs):
                connection.drain_events(timeout=60)

    assert taken == [runs[Lane.WORKERS].run_id, runs[Lane.BATCH].run_id]


def test_a_run_in_hand_is_not_asked_of_anybody_else(desk: Desk) -> None:
    run = desk.run(STATUS.STARTED)
    assert desk.signs.take(run.run_id, "there/cpu-workers/7")

    assert desk.deliver(run) is Delivery.HELD
    assert desk.health(run) is WorkerStatus.RUNNING
    assert desk.seen(run).status is STATUS.STARTED


def test_a_run_that_is_over_is_not_done_again(desk: Desk) -> None:
    run = desk.run(STATUS.SUCCESS)

    assert desk.deliver(run) is Delivery.NOT_NEEDED
    assert desk.signs.holder(run.run_id) is None


def test_a_run_that_was_begun_by_a_process_now_gone_is_reported_lost(
    desk: Desk,
) -> None:
    run = desk.run(STATUS.STARTED)

    assert desk.deliver(run) is Delivery.LOST
    assert desk.seen(run).status is STATUS.FAILURE
    assert desk.seen(run).tags[WORKER] == LOST


def test_a_begun_run_without_a_sign_is_lost_only_after_a_while(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = desk.run(STATUS.STARTED)

    assert desk.health(run) is WorkerStatus.RUNNING
    monkeypatch.setattr(run_signs, "MISSED_SECONDS", 0.0)
    assert desk.health(run) is WorkerStatus.NOT_FOUND
    assert not desk.launcher.has_process(desk.seen(run))


@pytest.mark.usefixtures("impatient")
def test_a_message_that_redis_lost_is_sent_again(desk: Desk) -> None:
    run = desk.run(accelerator="gpu")
    desk.launch(run)
    desk.redis.client().flushall()

    assert desk.launcher.has_process(desk.seen(run))

    assert desk.signs.is_waiting(run.run_id, "gpu")
    assert desk.seen(run).status is STATUS.STARTING


def test_without_redis_a_run_is_kept_and_nothing_is_given_up(desk: Desk) -> None:
    desk.redis.stop()
    run, begun = desk.run(), desk.run(STATUS.STARTED)

    desk.launch(run)

    assert not desk.launcher.is_reachable()
    assert desk.health(run) is desk.health(begun) is WorkerStatus.RUNNING
    assert desk.launcher.has_process(begun)
    assert desk.seen(run).status is STATUS.STARTING


def test_a_waiting_run_is_stopped_at_once_and_a_running_one_is_asked(
    desk: Desk,
) -> None:
    waiting, running = desk.run(), desk.run(STATUS.STARTED)
    desk.launch(waiting)
    desk.signs.take(running.run_id, "there/cpu-workers/7")

    assert desk.launcher.terminate(waiting.run_id)
    assert desk.launcher.terminate(running.run_id)

    assert desk.seen(waiting).status is STATUS.CANCELED
    assert desk.seen(running).status is STATUS.CANCELING
    assert desk.deliver(waiting) is Delivery.NOT_NEEDED


def test_the_doctor_names_workers_and_queues_that_nobody_serves(desk: Desk) -> None:
    desk.signs.announce("host-a-1", ["cpu", "cpu.batch", "cpu.listen"])
    desk.launch(desk.run(accelerator="gpu"))

    served, unserved = diagnose_workers(desk.settings)

    assert served.ok
    assert "host-a-1" in served.message
    assert not unserved.ok
    assert "1 run waits in the queue gpu" in unserved.message
    assert "lectern worker --queue gpu" in unserved.remedy


def test_the_doctor_says_that_redis_is_away(desk: Desk) -> None:
    desk.redis.stop()

    (check,) = diagnose_workers(desk.settings)

    assert not check.ok
    assert "Redis does not answer" in check.message
