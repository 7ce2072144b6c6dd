"""What the worker pool's children inherit of Dagster where it is on PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._serdes import serialize_value
from sqlalchemy import create_engine, text

from lectern.settings import Settings
from pipelines import preloading
from pipelines.dagster_storage import URL_VARIABLE
from pipelines.places import make_places
from pipelines.upkeep import migrate
from tests.support.postgres import Server, running_postgres, server_folder

OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


@pytest.fixture
def server() -> Iterator[Server]:
    """Yield a server of this test's own, which it may restart."""
    if server_folder() is None:
        pytest.skip("no PostgreSQL server (Debian: postgresql)")
    with running_postgres() as server:
        yield server


def test_children_inherit_an_instance_and_keep_a_connection_of_their_own(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preloading, "_kept", {})
    monkeypatch.setenv(URL_VARIABLE, "")  # set by what follows, and not for others
    with server.database() as url:
        # Plain addresses mean another driver to SQLAlchemy, which Dagster cannot use.
        plain = url.replace("postgresql+psycopg2", "postgresql")
        settings = Settings(_env_file=None, data_dir=tmp_path, database_url=plain)
        migrate(settings)
        looking = create_engine(url)

        preloading.keep_instance(make_places(settings).dagster_home)

        [(reference, kept)] = preloading._kept.items()
        with looking.connect() as connection:
            assert connection.scalar(OTHERS) == 0, "a fork would copy a connection"
        children = [os.fork() or _use(reference) for _ in range(2)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children]
        assert codes == [0, 0]
        assert len(kept.get_runs()) == 2

        _a_connection_that_breaks_is_replaced(server, reference)
        looking.dispose()


def _use(reference: str) -> None:
    """Do in a child what a run does, and end."""
    code = 1
    try:
        with preloading.instance_of(reference) as instance:
            assert serialize_value(instance.get_ref()) == reference
            run = instance.create_run_for_job(_job)
            instance.report_engine_event("An event, which notifies.", run)
            engine = instance.run_storage._engine  # type: ignore[attr-defined]
            code = 0 if engine.pool.checkedin() == 1 else 2
    finally:
        os._exit(code)


def _a_connection_that_breaks_is_replaced(server: Server, reference: str) -> None:
    with preloading.instance_of(reference) as instance:
        assert len(instance.get_runs()) == 2
        server.control("restart", "-m", "fast")
        assert len(instance.get_runs()) == 2
        instance.dispose()


@dg.op
def _nothing() -> None:
    """Do nothing."""


@dg.job
def _job() -> None:
    _nothing()
