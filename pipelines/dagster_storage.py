"""Where Dagster keeps runs, events and schedules: beside the app database.

With SQLite that is a folder of its own. With PostgreSQL it is a schema of its own in
the same database: both have a table ``alembic_version``.
"""

import os
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from lectern.errors import StoreError
from lectern.settings import Settings
from pipelines.event_log import make_databases
from pipelines.places import Places
from pipelines.postgres_tables import SCHEMA, URL_VARIABLE, address_in, make_tables


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
    return {URL_VARIABLE: address_in(settings, SCHEMA)}


def make_storage(settings: Settings, places: Places) -> None:
    """Make what Dagster does not make by itself, and name it to this process.

    Raises:
        StoreError: The database does not answer, or dagster-postgres is missing.
    """
    if not is_postgres(settings):
        make_databases(storage_folder(places))
        return
    try:
        import dagster_postgres  # noqa: F401
    except ModuleNotFoundError as error:
        raise StoreError(
            "The app database is PostgreSQL, and dagster-postgres is not installed. "
            "Install it with `pip install 'lectern[postgres]'`."
        ) from error
    os.environ.update(storage_environment(settings))
    make_tables(settings, places.dagster_home)
