"""`lectern migrate` killed at any statement: the next completes, nothing is lost."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import event, inspect, text

from lectern.accounts.people import LOCAL
from lectern.errors import StoreError
from lectern.settings import Settings
from pipelines.postgres_tables import ASIDE, SCHEMA
from pipelines.upkeep import migrate as migrate_everything
from resources.services import Services
from resources.stores import migrations
from resources.stores.database import Database
from resources.stores.migrations import current_revision, migrate
from tests.support.postgres import Server, running_postgres, server_folder

KEPT = "INSERT INTO preference VALUES ('local', 'rate', '1.5', '2025-01-01 00:00:00')"

KILLED_AT = """
import itertools, os, signal
from sqlalchemy import Engine, event
counted = itertools.count(1)

@event.listens_for(Engine, "before_cursor_execute")
def die(connection, cursor, statement, *rest):
    words = statement.split()
    if words[:2] == ["CREATE", "TABLE"] and next(counted) == int(os.environ["DIE_AT"]):
        os.kill(os.getpid(), signal.SIGKILL)
"""
"""Python reads a module of this name in each process at its start."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """Yield a running server."""
    if server_folder() is None:
        pytest.skip("no PostgreSQL server (Debian: postgresql)")
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def unmade(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Yield settings whose app database, of each kind in turn, is empty."""
    settings.root.mkdir(parents=True)
    if request.param == "sqlite":
        yield settings
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as url:
        yield settings.model_copy(update={"database_url": url})


SOME = 12
"""Of how many statements one is tried in the suite; the drill tries each."""
AT_THE_COMMIT = 0


@pytest.mark.parametrize(
    "step", [SOME, pytest.param(1, marks=pytest.mark.drill)], ids=["some", "each"]
)
def test_a_migration_killed_at_any_statement_changes_nothing(
    unmade: Settings, step: int
) -> None:
    """Statements' begins in turn, and the commit: all of it, or nothing."""
    database = Database(unmade.database)
    _upgrade_to(database, "0001")
    with database.write() as connection:
        connection.execute(text(KEPT))
    tables = _tables(database)

    for statement in itertools.chain([AT_THE_COMMIT], itertools.count(1, step)):
        if _migrate_and_die(database, statement):
            break
        assert current_revision(database) == "0001"
        assert _tables(database) == tables
    database.close()

    assert statement > 20, "nothing was killed"
    services = Services.open(unmade)  # which refuses a schema that is not current
    assert services.preferences.get(LOCAL, "rate") == 1.5
    services.close()


def test_an_older_program_refuses_what_a_newer_one_has_migrated(
    unmade: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Services.open(unmade).close()
    monkeypatch.setattr(migrations, "SCHEMA_HEAD", "0005")

    with pytest.raises(StoreError, match="Install the newer version") as refused:
        Services.open(unmade, upgrade=True)

    assert refused.value.code == "store"


@pytest.mark.drill
def test_dagsters_tables_are_never_seen_half_made(
    postgres: Server, settings: Settings, tmp_path: Path
) -> None:
    """Dagster commits each table by itself, and never looks for the others again."""
    (tmp_path / "sitecustomize.py").write_text(KILLED_AT)
    with postgres.database() as url:
        asked = settings.model_copy(update={"database_url": url})
        settings.root.mkdir(parents=True)
        Services.open(asked).close()

        assert _lectern_migrate(asked, tmp_path, die_at=9) != 0

        database = Database(url)
        with database.read() as connection:
            schemas = inspect(connection).get_schema_names()
            begun = inspect(connection).get_table_names(schema=ASIDE)
        assert begun
        assert SCHEMA not in schemas
        migrate_everything(asked)
        with database.read() as connection:
            assert ASIDE not in inspect(connection).get_schema_names()
            made = set(inspect(connection).get_table_names(schema=SCHEMA))
        database.close()
    assert made > set(begun)


def _migrate_and_die(database: Database, at: int) -> bool:
    """Migrate in a child that kills itself at a statement, or when it commits.

    Returns:
        Whether it got through.
    """
    child = os.fork()
    if child == 0:
        counted = itertools.count(1)

        def die(*_: Any) -> None:
            if next(counted) == at:
                os.kill(os.getpid(), signal.SIGKILL)

        if at == AT_THE_COMMIT:
            at = 1
            event.listen(database._engine, "commit", die)
        else:
            event.listen(database._engine, "before_cursor_execute", die)
        code = 1
        try:
            migrate(database)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code == 0


def _upgrade_to(database: Database, revision: str) -> None:
    config = Config()
    folder = Path(migrate.__code__.co_filename).parent
    config.set_main_option("script_location", str(folder))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _tables(database: Database) -> dict[str, list[str]]:
    with database.read() as connection:
        looking = inspect(connection)
        return {
            table: [column["name"] for column in looking.get_columns(table)]
            for table in looking.get_table_names()
        }


def _lectern_migrate(settings: Settings, hooks: Path, *, die_at: int) -> int:
    environment = os.environ | {
        "LECTERN_DATA_DIR": str(settings.root),
        "LECTERN_DATABASE_URL": settings.database,
        "PYTHONPATH": str(hooks),
        "DIE_AT": str(die_at),
    }
    lectern = str(Path(sys.executable).with_name("lectern"))
    done = subprocess.run([lectern, "migrate"], env=environment, capture_output=True)
    return done.returncode
