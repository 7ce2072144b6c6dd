"""The processes of a running Lectern: what each one is, and how it is started."""

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lectern.environments import LIGHT, LIGHT_LOCATION
from lectern.errors import StoreError
from lectern.settings import Settings
from pipelines.cluster import is_cluster
from pipelines.instance_files import (
    find_workspace,
    python_locations,
    write_served_workspace,
)
from pipelines.kinship import die_with_parent
from pipelines.places import Places
from resources.environments import installed, record_served

APP = "dashboard.server"
"""Named and not imported: pipeline and app are strangers."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
PROVEN_SECONDS = 60.0
"""A component that lived so long starts again without a pause."""
LOG_BYTES = 10 * 1024**2


@dataclass(frozen=True, slots=True)
class Component:
    """One process the supervisor keeps alive."""

    name: str
    command: tuple[str, ...]
    after: Path | None = None  # a socket that must be there first


@dataclass(slots=True)
class Running:
    """A component, its present process, and when it may be started again."""

    component: Component
    log: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    next_start_at: float = 0.0  # monotonic
    pause_seconds: float = field(default=FIRST_PAUSE_SECONDS)

    @property
    def pid(self) -> int | None:
        """Return the id of the process, if there is one."""
        return self.process.pid if self.process else None

    def start(self) -> None:
        """Start the process; its output goes to the component's log."""
        rotate(self.log)
        parent_pid = os.getpid()
        with self.log.open("ab") as log:
            # A session of its own, so that Ctrl-C reaches the supervisor alone.
            self.process = subprocess.Popen(
                self.component.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent_pid),
            )
        self.started_at = time.monotonic()

    def has_ended(self) -> bool:
        """Whether the process was started and is gone; sets the time of the next."""
        if self.process is None or self.process.poll() is None:
            return False
        now = time.monotonic()
        if now - self.started_at > PROVEN_SECONDS:
            self.pause_seconds = FIRST_PAUSE_SECONDS
        self.next_start_at = now + self.pause_seconds
        self.pause_seconds = min(self.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        return True

    def may_start(self) -> bool:
        """Whether it does not run, its pause is over and what it needs is there."""
        if self.process is not None or time.monotonic() < self.next_start_at:
            return False
        return self.component.after is None or self.component.after.exists()


def rotate(log: Path) -> None:
    """Keep one older log of a component once the present one is long."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def python(*arguments: str) -> tuple[str, ...]:
    """Return a command of the Python we run in."""
    return (sys.executable, "-m", *arguments)


def components(settings: Settings, places: Places) -> list[Component]:
    """Return every component, in the order in which they are started."""
    environments = installed(settings)
    record_served(settings, environments)
    servers = code_servers(places, environments)
    workspace = str(places.served_workspace)
    ready = places.code_socket
    dagster = ("-w", workspace, "--log-level", "warning")
    webserver = ("-h", settings.dagster_host, "-p", str(settings.dagster_port))
    metrics = [Component("metrics", python("pipelines.exporter"))]
    return [
        Component("app", app_command(settings)),
        Component("workers", workers_command(settings)),
        *servers,
        *environment_pools(settings, environments),
        Component(
            "webserver",
            python("dagster_webserver", *dagster, *webserver),
            after=ready,
        ),
        Component("daemon", python("dagster._daemon", "run", *dagster), after=ready),
        *(metrics if settings.metrics_port else []),
    ]


def workers_command(settings: Settings) -> tuple[str, ...]:
    """Return how the processes that carry out runs here are started.

    Past one machine there may be none for documents; upkeep is done here always.
    """
    if not is_cluster(settings):
        return python("pipelines.worker_pool")
    queues = "cpu,upkeep" if settings.workers else "upkeep"
    return python("pipelines.celery_worker", queues)


def code_servers(places: Places, environments: Mapping[str, Path]) -> list[Component]:
    """Return one code server for each location of ``workspace.yaml`` that is served.

    Shared by webserver and daemon, which would else start one each. Each runs in the
    interpreter of its environment; the light one's comes first.
    """
    servers, sockets = [], {}
    interpreters = {LIGHT_LOCATION: Path(sys.executable), **environments}
    for location in python_locations(find_workspace()):
        name = location["location_name"]
        if name not in interpreters:
            continue
        environment = LIGHT if name == LIGHT_LOCATION else name
        socket = places.code_socket_of(environment)
        socket.unlink(missing_ok=True)
        sockets[name] = socket
        attribute = location.get("attribute")
        command = (
            str(interpreters[name]),
            *("-m", "dagster", "api", "grpc", "-m", location["module_name"]),
            *(("--attribute", attribute) if attribute else ()),
            *("--socket", str(socket), "--location-name", name),
            *("--log-level", "warning"),
        )
        servers.append(Component(socket.stem, command))
    write_served_workspace(places, sockets)
    return servers


def environment_pools(
    settings: Settings, environments: Mapping[str, Path]
) -> list[Component]:
    """Return what carries out the runs of the environments on this machine."""
    if not is_cluster(settings):
        return [pool_of(*each) for each in environments.items()]
    if not settings.workers:
        return []
    return [
        Component(
            f"workers-{name}",
            (str(interpreter), "-m", "pipelines.celery_worker", f"cpu.{name}"),
        )
        for name, interpreter in environments.items()
    ]


def pool_of(environment: str, interpreter: Path) -> Component:
    """Return the worker pool of an environment beside the light one."""
    command = (str(interpreter), "-m", "pipelines.worker_pool", environment)
    return Component(f"workers-{environment}", command)


def app_command(settings: Settings) -> tuple[str, ...]:
    """Return how the web app is started.

    Raises:
        StoreError: The installation has no web app.
    """
    if importlib.util.find_spec(APP) is None:
        raise StoreError(f"The web app ({APP}) is missing. Install Lectern again.")
    return python(
        *("uvicorn", f"{APP}:app"),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--log-level", settings.log_level.lower(), "--no-access-log"),
        *("--timeout-graceful-shutdown", "2"),
    )
