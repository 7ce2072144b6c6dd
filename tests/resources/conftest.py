"""Stores of a test's own, on each database that is installed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lectern.settings import Settings
from resources.services import Services
from tests.support.postgres import Server, running_postgres, server_folder
from tests.support.stores import Clock, settings_in

TEMPLATE = "migrated"
"""A database with all tables: copying it is faster than migrating each test's own."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Yield a running PostgreSQL with a migrated template."""
    if server_folder() is None:
        pytest.skip("no PostgreSQL server (Debian: postgresql)")
    with running_postgres() as server:
        server.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(
                _env_file=None, data_dir=folder, database_url=server.url(TEMPLATE)
            )
            Services.open(settings).close()
        yield server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what tests the stores on each database, and the rest on one."""
    if "stored" in metafunc.fixturenames:
        name = metafunc.module.__name__.rpartition(".")[2]
        both = name.startswith("test_store_") or name == "test_doctor"
        kinds = ["sqlite", "postgresql"] if both else ["sqlite"]
        metafunc.parametrize("stored", kinds, indirect=True)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file with all tables, to be copied."""
    settings = settings_in(tmp_path_factory.mktemp(TEMPLATE))
    Services.open(settings).close()
    return settings.root / "lectern.sqlite3"


@pytest.fixture
def stored(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Yield settings whose app database is of each kind in turn."""
    if request.param == "sqlite":
        settings.root.mkdir(parents=True, mode=0o700)
        shutil.copy(request.getfixturevalue("migrated"), settings.root)
        yield settings
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database(TEMPLATE) as url:
        yield settings.model_copy(update={"database_url": url})


@pytest.fixture(params=["sqlite", "postgresql"])
def unmade(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Yield settings whose app database, of each kind in turn, has no tables yet."""
    if request.param == "sqlite":
        yield settings
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as url:
        yield settings.model_copy(update={"database_url": url})


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still until told otherwise."""
    return Clock()


@pytest.fixture
def services(stored: Settings) -> Iterator[Services]:
    """Yield services over empty stores."""
    services = Services.open(stored)
    yield services
    services.close()


@pytest.fixture
def timed(stored: Settings, clock: Clock) -> Iterator[Services]:
    """Yield services whose time is ``clock``."""
    services = Services.open(stored, clock=clock)
    yield services
    services.close()
