"""Real web servers in front of a real app, on ports and folders of their own."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from lectern.settings import Settings
from pipelines.proxying import ProxyKind, proxy_configuration

PATIENCE_SECONDS = 60.0
CLIENT_HEADER = "X-Test-Client"
"""By this the tests' nginx knows clients apart; the shipped configuration has no such
header."""
NGINX_AROUND = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    set_real_ip_from 127.0.0.1;
    real_ip_header {client_header};
    include {folder}/lectern.conf;
}}
"""


def program_of(kind: ProxyKind) -> str | None:
    """Return where a web server is installed."""
    beside = Path(sys.executable).with_name(kind.value)
    if beside.exists():
        return str(beside)
    return shutil.which(kind.value) or shutil.which(
        kind.value, path="/usr/sbin:/usr/local/sbin"
    )


@dataclass(frozen=True)
class FrontServer:
    """A running web server in front."""

    kind: ProxyKind
    port: int
    folder: Path

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, host: str, *, from_address: str = "192.0.2.1") -> httpx.Client:
        """Return a client of a host name; only nginx knows clients apart."""
        headers = {"host": host, CLIENT_HEADER: from_address}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)

    def spoken(self, lines: list[str], body: bytes = b"") -> bytes:
        """Send raw lines and return the beginning of the raw answer."""
        head = "\r\n".join([*lines, "", ""]).encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as sender:
            sender.sendall(head + body)
            return sender.recv(4096)


@contextmanager
def in_front(
    kind: ProxyKind, settings: Settings, folder: Path
) -> Iterator[FrontServer]:
    """Run a web server with the configuration that these settings make."""
    folder.mkdir(parents=True)
    program = program_of(kind)
    assert program is not None, "ask program_of() before"
    text = proxy_configuration(settings, kind)
    if kind is ProxyKind.NGINX:
        (folder / "lectern.conf").write_text(text)
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            NGINX_AROUND.format(folder=folder, user=user, client_header=CLIENT_HEADER)
        )
        command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    else:
        (folder / "Caddyfile").write_text(text)
        command = [program, "run", "--config", str(folder / "Caddyfile")]
    environment = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    port = settings.proxy.http_port
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        wait_for_port(port, process, folder / "log")
        yield FrontServer(kind, port, folder)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def running_app(folder: Path, port: int) -> Iterator[None]:
    """Run the web app alone: pages, routes and middleware, without Dagster."""
    environment = os.environ | {
        "LECTERN_DATA_DIR": str(folder / "data"),
        "LECTERN_TRUSTED_HOSTS": '["lectern.example.org"]',
        "LECTERN_DISK_RESERVE_BYTES": "0",
    }
    command = [sys.executable, "-m", "uvicorn", "dashboard.server:app"]
    with (folder / "app.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--log-level", "warning"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for_port(port, process, folder / "app.log")
        yield
    finally:
        process.terminate()
        process.wait(30)


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until somebody listens, or fail with what the process said."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(log.read_text()[-4000:])
