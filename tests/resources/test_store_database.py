"""The database keeps whole transactions, between threads, forks and versions."""

import multiprocessing
import os
import threading
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url

from lectern.accounts.people import LOCAL
from lectern.errors import StoreError
from lectern.settings import Settings
from resources.services import Services
from resources.stores.database import Database, with_driver
from resources.stores.migrations import current_revision, migrate
from resources.stores.schema import SCHEMA_HEAD, metadata
from tests.support.stores import add_document, settings_in


def test_a_transaction_that_fails_changes_nothing(services: Services) -> None:
    add_document(services)

    def fail_after_deleting() -> None:
        with services.database.write() as connection:
            connection.execute(text("DELETE FROM document"))
            raise StoreError("stop")

    with pytest.raises(StoreError, match="stop"):
        fail_after_deleting()
    assert len(services.catalog.documents(LOCAL)) == 1


def test_commits_are_durable_and_readers_do_not_block(settings: Settings) -> None:
    services = Services.open(settings)
    with services.database.read() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_reader_reads_while_a_writer_writes(services: Services) -> None:
    with services.database.write() as writing:
        writing.execute(text("DELETE FROM job"))

        assert services.catalog.documents(LOCAL) == []


def test_many_threads_write_without_losing_any(services: Services) -> None:
    def add() -> None:
        for _ in range(5):
            add_document(services)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(services.catalog.documents(LOCAL)) == 40


def test_a_fork_gets_connections_of_its_own(services: Services) -> None:
    """A connection shared over a fork lets SQLite's locks of both fall together."""
    add_document(services)
    with services.database.read() as connection:
        connection.execute(text("SELECT 1"))
        child = os.fork()
        if child == 0:
            add_document(services)
            os._exit(0 if len(services.catalog.documents(LOCAL)) == 2 else 1)
        _, status = os.waitpid(child, 0)

    assert status == 0
    assert len(services.catalog.documents(LOCAL)) == 2


def test_a_fork_while_a_thread_writes_does_not_inherit_its_lock(
    services: Services,
) -> None:
    with services.database.write():
        child = os.fork()
        if child == 0:
            lock = services.database._writing
            os._exit(0 if lock.acquire(timeout=0) else 1)
        _, status = os.waitpid(child, 0)

    assert status == 0


def test_times_come_back_aware_and_exact(services: Services) -> None:
    document = add_document(services)

    assert services.catalog.get(LOCAL, document.id).created_at == document.created_at


def test_the_migrations_make_the_tables_of_the_schema(services: Services) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with services.database.read() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, metadata)

    left = [d for d in differences if "_search" not in str(d)]
    assert left == []


def test_the_known_head_is_the_newest_migration(services: Services) -> None:
    folder = Path(migrate.__code__.co_filename).parent / "versions"
    numbers = sorted(path.name[1:5] for path in folder.glob("m*.py"))

    assert numbers[-1] == SCHEMA_HEAD == current_revision(services.database)


def test_migrating_twice_is_harmless(services: Services) -> None:
    add_document(services)

    migrate(services.database)

    assert len(services.catalog.documents(LOCAL)) == 1


def test_a_database_of_the_first_version_keeps_what_it_holds(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    settings = settings_in(tmp_path)
    settings.root.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option(
        "script_location", str(Path(migrate.__code__.co_filename).parent)
    )
    first = Database(settings.database)
    with first.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO preference VALUES "
                "('local', 'rate', '1.5', '2025-01-01 00:00:00')"
            )
        )
    first.close()

    services = Services.open(settings, upgrade=True)

    assert current_revision(services.database) == SCHEMA_HEAD
    assert services.preferences.get(LOCAL, "rate") == 1.5
    services.close()


def test_a_newer_database_is_refused(stored: Settings, services: Services) -> None:
    with services.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match="Install the newer version"):
        Services.open(stored, upgrade=True)


def test_an_older_database_asks_to_be_migrated(
    stored: Settings, services: Services
) -> None:
    with services.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    with pytest.raises(StoreError, match="lectern migrate"):
        Services.open(stored)


def test_a_migration_that_dies_leaves_an_empty_database(
    unmade: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmade.root.mkdir(parents=True)
    database = Database(unmade.database)

    def die(*_: object, **__: object) -> None:
        raise StoreError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", die)
        with pytest.raises(StoreError, match="killed"):
            migrate(database)

    with database.read() as connection:
        assert inspect(connection).get_table_names() == []
    migrate(database)
    assert current_revision(database) == SCHEMA_HEAD
    database.close()


def _open(settings: Settings) -> None:
    Services.open(settings).close()


def test_processes_that_start_together_make_one_schema(unmade: Settings) -> None:
    context = multiprocessing.get_context("fork")
    starting = [context.Process(target=_open, args=(unmade,)) for _ in range(4)]
    for process in starting:
        process.start()
    for process in starting:
        process.join(60)

    assert [process.exitcode for process in starting] == [0, 0, 0, 0]


def test_opening_imports_nothing_heavy(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = (
        "import sys; from resources.services import Services;"
        "from tests.support.stores import settings_in; from pathlib import Path;"
        f"s = Services.open(settings_in(Path({str(tmp_path)!r})));"
        "s = Services.open(s.settings); s.statistics();"
        "heavy = {'torch', 'dagster', 'duckdb', 'pandas', 'spacy', 'rapidocr'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True)

    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("postgresql://me@db/lectern", "postgresql+psycopg2://me@db/lectern"),
        ("postgresql+psycopg://me@db/l", "postgresql+psycopg2://me@db/l"),
        ("sqlite:///some.sqlite3", "sqlite:///some.sqlite3"),
    ],
)
def test_postgresql_is_spoken_to_by_the_driver_that_dagster_works_with(
    asked: str, used: str
) -> None:
    assert str(with_driver(make_url(asked))) == used
