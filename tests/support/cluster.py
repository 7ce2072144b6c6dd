"""The product past one machine: PostgreSQL, Redis, and workers on hosts of their own.

One worker serves ``cpu``, the other ``gpu``: where a voice is spoken that the settings
say needs a GPU. What speaks is a server of the tests' own.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.support.hosts import Host, Network, network, no_hosts
from tests.support.postgres import Server, running_postgres, server_folder
from tests.support.product import Product, running
from tests.support.redis import RedisServer, redis_program, running_redis
from tests.support.speech_server import SpeechServer

SPEECH = "strong"
"""The engine that needs a GPU."""


@dataclass
class RemoteWorker:
    """``lectern worker`` on a host, started again when it dies, as systemd would."""

    host: Host
    queue: str
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    _over: threading.Event = field(default_factory=threading.Event)
    _keeper: threading.Thread | None = None

    def start(self) -> None:
        """Start it, and keep it running."""
        self._start_process()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def processes(self) -> list[psutil.Process]:
        """Return all of its processes, the first one first."""
        if self.process is None or self.process.poll() is not None:
            return []
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> None:
        """Stop it for good."""
        self._over.set()
        if self._keeper is not None:
            self._keeper.join()
        below = self.processes()
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        _, alive = psutil.wait_procs(below, timeout=10)
        assert not alive, f"the worker left processes behind: {alive}"

    def _start_process(self) -> None:
        lectern = str(Path(sys.executable).with_name("lectern"))
        command = [lectern, "worker", "--queue", self.queue]
        self.process = self.host.start(command, self.environment, self.log)

    def _keep(self) -> None:
        while not self._over.wait(0.2):
            if self.process is not None and self.process.poll() is not None:
                self._start_process()


@dataclass(frozen=True)
class Cluster(Product):
    """A running product whose runs are carried out on other machines."""

    redis: RedisServer = field(kw_only=True)
    postgres: Server = field(kw_only=True)
    speech: SpeechServer = field(kw_only=True)
    workers: Mapping[str, RemoteWorker] = field(kw_only=True)
    settings: Mapping[str, str] = field(kw_only=True)

    def processes(self, *needles: str) -> list[psutil.Process]:
        """Return processes, as of a product on one machine.

        The pool's are those of the whole GPU worker while it carries out a run.
        """
        if needles != ("pipelines.worker_pool",):
            return super().processes(*needles)
        if not any("/gpu-" in holder for holder in self.held_runs().values()):
            return []
        return self.workers["gpu"].processes()

    def holder_of(self, run_id: str | None) -> psutil.Process | None:
        """Return the process that carries out a run: hosts share process ids."""
        holder = self.held_runs().get(run_id or "")
        return psutil.Process(int(holder.rpartition("/")[2])) if holder else None

    def worker_of(self, process: psutil.Process) -> RemoteWorker:
        """Return the worker that a process is part of."""
        return next(w for w in self.workers.values() if process in w.processes())

    def held_runs(self) -> dict[str, str]:
        """Return who carries out each run."""
        client = self.redis.client()
        keys = list(client.scan_iter("lectern:run:*"))
        held = {key: client.get(key) for key in keys}
        client.close()
        return {key.rpartition(":")[2]: who for key, who in held.items() if who}

    def until_workers_serve(self, seconds: float = 90) -> None:
        """Wait until every worker is there, the product's own for upkeep too."""
        client = self.redis.client()
        deadline = time.monotonic() + seconds
        while True:
            served = [client.get(key) for key in client.scan_iter("lectern:worker:*")]
            if len([each for each in served if each]) > len(self.workers):
                break
            assert time.monotonic() < deadline, f"only {served} are served"
            time.sleep(0.1)
        client.close()


def require_cluster_parts() -> None:
    """Skip the test, with the reason, where a cluster cannot be shown."""
    if server_folder() is None:
        pytest.skip("no PostgreSQL server (Debian: postgresql)")
    if redis_program() is None:
        pytest.skip("no Redis server (Debian: redis-server)")
    if no_hosts():
        pytest.skip(f"no network namespaces: {no_hosts()}")


@contextmanager
def running_cluster(
    data_dir: Path,
    *,
    queues: Sequence[str] = ("cpu", "gpu"),
    reached_at: Callable[[str], Mapping[str, str]] = lambda _address: {},
    **settings: str,
) -> Iterator[Cluster]:
    """Run a product with workers on hosts of their own, until the block ends.

    ``reached_at`` gives more settings, by the address that all hosts know us by.
    """
    require_cluster_parts()
    with (
        network(len(queues)) as net,
        running_redis(("127.0.0.1", net.address)) as redis,
        running_postgres(addresses=net.address, networks=[net.prefix]) as postgres,
        SpeechServer().running(host=net.address) as speech,
        postgres.database() as socket_url,
    ):
        database = socket_url.partition("?")[0].rpartition("/")[2]
        engine = {"address": speech.address, "accelerator": "gpu"}
        every = {
            "database_url": postgres.url(database, net.address),
            "broker_url": redis.url(net.address),
            "speech_servers": json.dumps({SPEECH: engine}),
            "speech__engine": SPEECH,
            **settings,
            **reached_at(net.address),
        }
        with running(data_dir, workers="0", **every) as product:
            workers = start_workers(net, queues, data_dir, every)
            cluster = Cluster(
                product.address,
                product.data_dir,
                product.supervisor,
                product.started_seconds,
                redis=redis,
                postgres=postgres,
                speech=speech,
                workers=workers,
                settings=every,
            )
            try:
                cluster.until_workers_serve()
                yield cluster
            finally:
                for worker in workers.values():
                    worker.host.mend()
                    worker.stop()


def start_workers(
    net: Network, queues: Sequence[str], data_dir: Path, settings: Mapping[str, str]
) -> dict[str, RemoteWorker]:
    """Start a worker on each host."""
    environment = os.environ | {"LECTERN_DATA_DIR": str(data_dir)}
    environment |= {f"LECTERN_{name.upper()}": v for name, v in settings.items()}
    workers = {}
    for queue, host in zip(queues, net.hosts, strict=True):
        log = data_dir / f"worker-{host.name}.log"
        own = {"LECTERN_S3__CACHE_DIR": str(data_dir / f"cache-{host.name}")}
        workers[queue] = RemoteWorker(host, queue, environment | own, log)
        workers[queue].start()
    return workers
