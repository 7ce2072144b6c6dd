"""Components and their supervisor, with real processes."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lectern.errors import InvalidRequest
from lectern.settings import Settings
from pipelines import serving
from pipelines.components import Component, Running, rotate
from pipelines.places import make_places
from pipelines.serving import Supervisor, check_ports, only_one
from resources.run_folder import socket_folder
from tests.support.pool import idle_resident, wait_for

SLEEP = ("sleep", "60")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Running]:
    running = Running(Component("sleeper", SLEEP), tmp_path / "log", os.environ)
    running.start()
    yield running
    if running.process is not None:
        running.process.kill()
        running.process.wait()


def supervisor_of(settings: Settings, *each: Running) -> Supervisor:
    places = make_places(settings)
    return Supervisor(settings, places, said.append, running=list(each))


said: list[str] = []


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still does anything; nobody may reap it here."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_component_that_dies_is_started_again(
    started: Running, settings: Settings
) -> None:
    supervisor = supervisor_of(settings, started)
    assert started.process
    first = started.process.pid
    started.process.kill()
    started.process.wait()

    wait_for(lambda: supervisor.look_after() or started.pid not in (None, first))

    assert "sleeper ended" in said[-1]


def test_a_component_that_dies_again_and_again_is_given_time(started: Running) -> None:
    pauses = []
    for _ in range(3):
        assert started.process
        started.process.kill()
        started.process.wait()
        assert started.has_ended()
        pauses.append(started.next_start_at - time.monotonic())
        started.start()

    assert pauses == pytest.approx([0.5, 1.0, 2.0], abs=0.1)


def test_a_component_waits_for_what_it_needs(tmp_path: Path) -> None:
    needed = tmp_path / "socket"
    component = Component("late", SLEEP, after=needed)
    running = Running(component, tmp_path / "log", os.environ)

    before, _ = running.may_start(), needed.touch()

    assert (before, running.may_start()) == (False, True)


def test_stopping_ends_the_children_of_components_too(
    tmp_path: Path, settings: Settings
) -> None:
    script = "import subprocess; subprocess.run(['sleep', '60'])"
    command = (sys.executable, "-c", script)
    running = Running(Component("parent", command), tmp_path / "log", os.environ)
    running.start()
    process = psutil.Process(running.pid)
    wait_for(process.children)
    children = process.children()

    supervisor_of(settings, running).stop()

    wait_for(lambda: not any(is_alive(child) for child in children), seconds=1)
    assert running.process
    assert running.process.poll() is not None


def test_stopping_ends_resident_engines_which_are_nobodys_children(
    tmp_path: Path, settings: Settings
) -> None:
    running = Running(Component("none", ("sleep", "60")), tmp_path / "log", os.environ)
    supervisor = supervisor_of(settings, running)
    resident = idle_resident(supervisor.places.sockets)
    reply = resident.ask({"ask": "echo"})[0]
    processes = [psutil.Process(reply[name]) for name in ("pid", "parent")]

    supervisor.stop()

    wait_for(lambda: not any(is_alive(process) for process in processes))
    assert not resident.socket_path.exists()


def test_a_component_that_ignores_being_asked_is_killed(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "STOP_SECONDS", 0.3)
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"open({str(tmp_path / 'ready')!r}, 'w'); time.sleep(60)"
    )
    command = (sys.executable, "-c", script)
    running = Running(Component("deaf", command), tmp_path / "log", os.environ)
    running.start()
    wait_for((tmp_path / "ready").exists)

    supervisor_of(settings, running).stop()

    assert running.process
    assert running.process.returncode == -signal.SIGKILL


def test_a_port_in_use_is_named_with_its_setting(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(InvalidRequest, match=f"{port}.*LECTERN_PORT"):
            check_ports(settings.model_copy(update={"port": port}))


def test_a_second_supervisor_is_told_who_runs(tmp_path: Path) -> None:
    lock = tmp_path / "lock"

    with (
        only_one(lock),
        pytest.raises(InvalidRequest, match=str(os.getpid())),
        only_one(lock),
    ):
        pass


def test_the_socket_path_is_short_however_long_the_folder_is(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20) / ("folder" * 10)

    folders = [socket_folder(deep), socket_folder(deep / "other")]

    assert all(len(str(folder)) < 60 for folder in folders)
    assert folders[0] != folders[1]


def test_folders_belong_to_their_owner_alone(settings: Settings) -> None:
    places = make_places(settings)

    assert places.sockets.stat().st_mode & 0o077 == 0
    assert places.root.stat().st_mode & 0o077 == 0


def test_a_long_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("wb") as file:
        file.truncate(11 * 1024**2)

    rotate(log)

    assert not log.exists()
    assert (tmp_path / "app.log.1").exists()
