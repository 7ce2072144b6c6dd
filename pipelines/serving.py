"""``lectern serve``: one supervisor that starts every component and keeps it alive."""

import contextlib
import fcntl
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from lectern.accounts.guarding import require_guard
from lectern.errors import EngineUnavailable, InvalidRequest
from lectern.ids import JobId
from lectern.settings import Settings
from pipelines.cluster import broker_environment, is_cluster, require_cluster
from pipelines.components import Running, components
from pipelines.dagster_storage import make_storage
from pipelines.instance_files import write_dagster_settings
from pipelines.kinship import adopt_orphans, descendants, kill_all, kill_orphans
from pipelines.places import Places, make_places
from pipelines.sample import is_settled, launch_sample, put_sample
from resources.engines.resident import resident_pids
from resources.environments import left_out

LOOK_SECONDS = 0.1
"""How often the components are looked at."""
STOP_SECONDS = 6.0
"""How long a component may take to stop before it is killed."""
SAMPLE_PATIENCE_SECONDS = 30.0
"""How long the first start waits until its sample can be played."""

Say = Callable[[str], None]

logger = logging.getLogger("lectern.serving")


@dataclass
class Supervisor:
    """Starts, watches and stops the components of one installation."""

    settings: Settings
    places: Places
    say: Say
    running: list[Running] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    sample: JobId | None = None  # the job that prepares it, at the first start

    @property
    def address(self) -> str:
        """Return where the web app is found."""
        return f"http://{reachable_host(self.settings)}:{self.settings.port}"

    @property
    def dagster_address(self) -> str:
        """Return where the Dagster page is found."""
        return f"http://127.0.0.1:{self.settings.dagster_port}"

    def run(self) -> None:
        """Keep everything alive until told to stop; then stop all of it."""
        environment = component_environment(self.settings, self.places)
        self.running = [
            Running(component, self.places.logs / f"{component.name}.log", environment)
            for component in components(self.settings, self.places)
        ]
        greeting = self.greet()
        try:
            while not self.stopping.is_set():
                self.look_after()
                next(greeting, None)
                self.stopping.wait(LOOK_SECONDS)
        finally:
            self.say("Stopping …")
            self.stop()

    def look_after(self) -> None:
        """Start what should run and does not."""
        for each in self.running:
            if each.has_ended():
                code = each.process.returncode if each.process else None
                name = each.component.name
                self.say(f"{name} ended ({code}); it is started again. See {each.log}")
                each.process = None
                residents = resident_pids(self.places.sockets)
                kill_orphans(self.known_pids() | residents)
            if each.may_start():
                each.start()

    def known_pids(self) -> set[int]:
        """Return the ids of the components' processes."""
        return {each.pid for each in self.running if each.pid is not None}

    def greet(self) -> Iterator[None]:
        """Tell the addresses once the app answers; at the first start, once the
        sample can be played.

        A generator that is advanced between looks, so that nothing waits for it.
        """
        host = reachable_host(self.settings)
        while not answers(host, self.settings.port, "/live"):
            yield
        if self.sample is not None:
            yield from self.prepare_sample(self.sample)
        self.say(f"Lectern is at {self.address}")
        self.say(f"Runs are shown at {self.dagster_address} (Dagster)")
        for line in left_out(self.settings):
            self.say(line)
        self.say(f"Logs are in {self.places.logs}. Stop with Ctrl-C.")

    def prepare_sample(self, job_id: JobId) -> Iterator[None]:
        """Have the sample prepared as soon as Dagster answers; wait, within reason."""
        self.say("First start: preparing the sample document …")
        deadline = time.monotonic() + SAMPLE_PATIENCE_SECONDS
        while not answers("127.0.0.1", self.settings.dagster_port, "/server_info"):
            if time.monotonic() > deadline:
                return
            yield
        try:
            launch_sample(self.settings, job_id)
        except EngineUnavailable as error:
            logger.info("The sample waits for the reconciler: %s", error)
        while not is_settled(self.settings, job_id) and time.monotonic() < deadline:
            yield

    def stop(self) -> None:
        """Stop every component, and whatever they started, within seconds."""
        pids = self.known_pids()
        below = [process for pid in pids for process in descendants(pid)]
        for pid in pids | resident_pids(self.places.sockets):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for each in self.running:
            if each.process is None:
                continue
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.process.wait(max(0.0, deadline - time.monotonic()))
        for pid in pids:
            kill_all(descendants(pid))
        kill_all(psutil.Process(pid) for pid in pids if psutil.pid_exists(pid))
        kill_all(process for process in below if process.is_running())
        for each in self.running:
            if each.process is not None:
                each.process.wait()
        kill_orphans(())


def serve(settings: Settings, say: Say) -> None:
    """Run Lectern until Ctrl-C or SIGTERM.

    Raises:
        InvalidRequest: It runs already, a port is taken, or it would listen beyond
            this machine while nobody is asked who they are.
    """
    from resources.services import Services

    require_guard(settings)
    places = make_places(settings)
    if is_cluster(settings):
        require_cluster(settings)
    with only_one(places.serve_lock):
        check_ports(settings)
        Services.open(settings, upgrade=True).close()
        write_dagster_settings(settings, places)
        make_storage(settings, places)
        adopt_orphans()
        supervisor = Supervisor(settings, places, say)
        supervisor.sample = put_sample(settings, places)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
                signal.signal(number, lambda *_: supervisor.stopping.set())
        supervisor.run()


def component_environment(settings: Settings, places: Places) -> dict[str, str]:
    """Return the environment of the components: ours, and where everything is."""
    return os.environ | {
        "LECTERN_DATA_DIR": str(settings.root),
        **broker_environment(settings),
        "DAGSTER_HOME": str(places.dagster_home),
        "PYTHONUNBUFFERED": "1",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold the installation's lock.

    Raises:
        InvalidRequest: Another supervisor holds it.
    """
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise InvalidRequest(
                f"Lectern is running already on {lock.parent} (process "
                f"{file.read().strip() or 'unknown'}). Stop it, or set "
                "LECTERN_DATA_DIR to another folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def check_ports(settings: Settings) -> None:
    """Make sure that both ports are free.

    Raises:
        InvalidRequest: One is not; the message names the setting to change.
    """
    wanted = [
        ("LECTERN_PORT", settings.host, settings.port),
        ("LECTERN_DAGSTER_PORT", settings.dagster_host, settings.dagster_port),
    ]
    for name, host, port in wanted:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise InvalidRequest(
                    f"Port {port} of {host} cannot be used ({error.strerror}). Stop "
                    f"the program that has it, or set {name} to another number."
                ) from error


def answers(host: str, port: int, path: str) -> bool:
    """Whether a page answers now. Plain HTTP: a client of httpx costs 30 ms to make."""
    connection = HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def reachable_host(settings: Settings) -> str:
    """Return the host by which this machine reaches the web app."""
    return "127.0.0.1" if settings.host in ("0.0.0.0", "") else settings.host  # noqa: S104
