"""Where Dagster keeps runs, events and schedules: beside the app database.

With SQLite that is a folder of its own. With PostgreSQL it is a schema of its own in
the same database: both have a table ``alembic_version``.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.runs import SqliteRunStorage
from sqlalchemy import Engine, NullPool, create_engine, inspect, text
from sqlalchemy.engine import make_url

from lectern.errors import StoreError
from lectern.settings import Settings
from pipelines.event_log import make_event_log
from pipelines.places import Places
from resources.stores.database import Database, with_driver

SCHEMA = "dagster"
URL_VARIABLE = "DAGSTER_POSTGRES_URL"
"""Holds the address for Dagster's processes, so that no file holds its password."""


def storage_folder(places: Places) -> Path:
    """Return the folder of Dagster's own databases, where they are SQLite."""
    return places.dagster_home / "storage"


def storage_settings(settings: Settings, places: Places) -> dict[str, Any]:
    """Return the part of ``dagster.yaml`` that names the storage.

    In SQLite the events of all runs are in one file. Dagster's default makes a new
    database for each run, whose tables and indices take two thirds of the time of a
    launch.
    """
    if is_postgres(settings):
        return {"storage": {"postgres": {"postgres_url": {"env": URL_VARIABLE}}}}
    storage = "dagster._core.storage"
    classes = {
        "run_storage": (f"{storage}.runs", "SqliteRunStorage"),
        "event_log_storage": (
            f"{storage}.event_log",
            "ConsolidatedSqliteEventLogStorage",
        ),
        "schedule_storage": (f"{storage}.schedules", "SqliteScheduleStorage"),
    }
    config = {"base_dir": str(storage_folder(places))}
    return {
        name: {"module": module, "class": kind, "config": config}
        for name, (module, kind) in classes.items()
    }


def is_postgres(settings: Settings) -> bool:
    """Whether the databases are PostgreSQL's."""
    return make_url(settings.database).get_backend_name() == "postgresql"


def storage_environment(settings: Settings) -> dict[str, str]:
    """Return what Dagster's processes must find in their environment."""
    if not is_postgres(settings):
        return {}
    url = with_driver(make_url(settings.database)).update_query_dict(
        {"options": f"-csearch_path={SCHEMA}"}
    )
    return {URL_VARIABLE: url.render_as_string(hide_password=False)}


def make_storage(settings: Settings, places: Places) -> None:
    """Make what Dagster does not make by itself, and name it to this process.

    Raises:
        StoreError: The database does not answer, or dagster-postgres is missing.
    """
    if not is_postgres(settings):
        make_event_log(storage_folder(places))
        return
    try:
        import dagster_postgres  # noqa: F401
    except ModuleNotFoundError as error:
        raise StoreError(
            "The app database is PostgreSQL, and dagster-postgres is not installed. "
            "Install it with `pip install 'lectern[postgres]'`."
        ) from error
    os.environ.update(storage_environment(settings))
    database = Database(settings.database)
    with database.write() as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        is_made = inspect(connection).has_table("schedules", schema=SCHEMA)
    database.close()
    if not is_made:
        _make_tables(places)


def hold_connection(instance: dg.DagsterInstance) -> None:
    """Let a process that carries out runs keep its connection between uses.

    Dagster opens one for each question, as it may have many instances in a process;
    a small run asks a hundred, and on PostgreSQL connecting is most of what each
    costs. A connection that broke meanwhile is noticed before it is used.
    """
    storages = (
        instance.run_storage,
        instance.event_log_storage,
        instance.schedule_storage,
    )
    engines: list[Any] = [getattr(storage, "_engine", None) for storage in storages]
    if not all(_connects_each_time(engine) for engine in engines):
        return
    held = create_engine(
        engines[0].url,
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        max_overflow=8,
        pool_pre_ping=True,
    )
    for storage in storages:
        vars(storage)["_engine"] = held


def keeps_nothing_open(instance: dg.DagsterInstance) -> bool:
    """Whether a fork may inherit an instance: its storage has no connection open."""
    if isinstance(instance.run_storage, SqliteRunStorage):
        return True
    return _connects_each_time(getattr(instance.run_storage, "_engine", None))


def _connects_each_time(engine: Any) -> bool:
    return isinstance(engine, Engine) and isinstance(engine.pool, NullPool)


def _make_tables(places: Places) -> None:
    """Let Dagster make its tables before several of its processes try to at once."""
    program = (
        "import sys; from dagster import DagsterInstance;"
        "DagsterInstance.from_config(sys.argv[1]).get_runs(limit=1)"
    )
    command = [sys.executable, "-c", program, str(places.dagster_home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise StoreError(
            f"Dagster's tables could not be made in PostgreSQL: {reason}. See that "
            "the account may create tables, and start again."
        )
