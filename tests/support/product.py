"""The whole product, started as a person starts it, on ports of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil


@dataclass(frozen=True)
class Product:
    """A running Lectern."""

    address: str  # of the web app, without a slash at the end
    data_dir: Path
    supervisor: subprocess.Popen[bytes]
    started_seconds: float

    def processes(self, *needles: str) -> list[psutil.Process]:
        """Return the product's processes whose command line holds every needle."""
        found = []
        for process in psutil.Process(self.supervisor.pid).children(recursive=True):
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if all(needle in line for needle in needles):
                found.append(process)
        return found


def free_port() -> int:
    """Return a port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Product]:
    """Run `lectern serve` until the block ends, then stop it as Ctrl-C would."""
    ports = {"LECTERN_PORT": str(free_port()), "LECTERN_DAGSTER_PORT": str(free_port())}
    environment = os.environ | ports | {"LECTERN_DATA_DIR": str(data_dir)}
    environment |= {f"LECTERN_{name.upper()}": v for name, v in settings.items()}
    data_dir.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with (data_dir / "serve.log").open("ab") as log:
        supervisor = subprocess.Popen(
            [str(Path(sys.executable).with_name("lectern")), "serve"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell that runs us in the background has its jobs ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    address = f"http://127.0.0.1:{ports['LECTERN_PORT']}"
    try:
        _wait_until_ready(address, supervisor, data_dir)
        yield Product(address, data_dir, supervisor, time.monotonic() - began)
    finally:
        _stop(supervisor)


def _wait_until_ready(
    address: str, supervisor: subprocess.Popen[bytes], data_dir: Path
) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if supervisor.poll() is not None:
            break
        try:
            if httpx.get(f"{address}/ready", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError((data_dir / "serve.log").read_text()[-4000:])


def _stop(supervisor: subprocess.Popen[bytes]) -> None:
    children = psutil.Process(supervisor.pid).children(recursive=True)
    supervisor.send_signal(signal.SIGINT)
    try:
        supervisor.wait(timeout=30)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        raise
    finally:
        _, alive = psutil.wait_procs(children, timeout=5)
        for process in alive:
            process.kill()
    assert not alive, f"Ctrl-C left processes behind: {alive}"
