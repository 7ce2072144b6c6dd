"""The web app over real stores of its own, behind a real socket, with Dagster away."""

import asyncio
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from dashboard import backend, server
from dashboard.api import events
from dashboard.backend import Backend
from lectern.settings import Settings
from resources.services import Services


def closed_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database with its tables, to be copied: making one is slow."""
    folder = tmp_path_factory.mktemp("migrated")
    made = Services.open(Settings(_env_file=None, data_dir=folder))
    made.close()
    return folder / "lectern.sqlite3"


@pytest.fixture
def here(settings: Settings, migrated: Path) -> Iterator[Backend]:
    """Put a backend in force whose orchestrator nobody answers."""
    settings.root.mkdir(parents=True)
    shutil.copy(migrated, settings.root)
    away = settings.model_copy(update={"dagster_port": closed_port()})
    opened = backend.open_backend(away)
    backend.install(opened)
    yield opened
    backend.install(None)
    opened.orchestrator.close()
    opened.services.close()


@pytest.fixture
def services(here: Backend) -> Services:
    """Return the stores of the backend in force."""
    return here.services


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """Serve our routes behind our middleware for all tests; return the address."""
    routes = Starlette(routes=server.ROUTES, middleware=server.MIDDLEWARE)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(routes, log_level="warning", lifespan="off")
    uvicorn_server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(uvicorn_server.serve([listening]))
    )
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    uvicorn_server.should_exit = True
    uvicorn_server.force_exit = True
    thread.join(10)
    listening.close()


@pytest.fixture
def client(here: Backend, served: str) -> Iterator[httpx.Client]:
    """Return a client that speaks as our own page does."""
    with httpx.Client(base_url=served, headers={"origin": served}) as opened:
        yield opened
    _wait_until_no_feed_is_left()


def _wait_until_no_feed_is_left() -> None:
    for _ in range(100):
        if len(events.feeds) == 0:
            return
        threading.Event().wait(0.03)
    raise AssertionError("An event feed goes on without a client.")
