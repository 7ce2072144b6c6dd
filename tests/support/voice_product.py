"""The web app of ``voice_app.py``, running, and its stores as another process sees
them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from lectern.settings import Settings
from resources.services import Services
from tests.support.product import free_port
from tests.support.voices import with_blend

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class VoiceApp:
    """A running app, and its stores as another process sees them."""

    address: str
    services: Services
    pid: int


@contextmanager
def running_voice_app(folder: Path, **settings: str) -> Iterator[VoiceApp]:
    """Run the app until the block ends; ``settings`` are variables without LECTERN_."""
    port = free_port()
    named = {f"LECTERN_{name.upper()}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.voice_app", str(folder), str(port)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | named,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_live(address, process)
        services = Services.open(Settings(_env_file=None, data_dir=folder))
        with_blend(services)
        yield VoiceApp(address, services, process.pid)
        services.close()
    finally:
        process.kill()
        process.wait()


def _wait_until_live(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/ready", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the app did not start")
