"""Dagster's tables in PostgreSQL: a schema of its own, made aside and then renamed.

Dagster commits each table by itself, and takes a database with the first of them for
a complete one. Killed in between, or begun by two processes together, it would lack
the others for ever. So nobody sees the schema before it is whole.
"""

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Connection, func, inspect, literal, select, table, text
from sqlalchemy.engine import make_url

from lectern.errors import StoreError
from lectern.settings import Settings
from resources.stores.database import ALIVE, ALIVE_THERE, Database, with_driver

SCHEMA = "dagster"
ASIDE = f"{SCHEMA}_being_made"
URL_VARIABLE = "DAGSTER_POSTGRES_URL"
"""Holds the address for Dagster's processes, so that no file holds its password."""

TABLES_LOCK = 0x44414753  # any number that no other program on the server takes
LAST_TABLES = ("runs", "event_logs", "schedules", "alembic_version")
"""Some of each of its three storages, and what is written after them."""


def address_in(settings: Settings, schema: str) -> str:
    """Return the address under which names without a schema are of this one."""
    url = with_driver(make_url(settings.database)).update_query_dict(
        {"options": f"-csearch_path={schema} {ALIVE_THERE}", **ALIVE}
    )
    return url.render_as_string(hide_password=False)


def make_tables(settings: Settings, dagster_home: Path) -> None:
    """Make Dagster's tables where there are none; one process at a time.

    Raises:
        StoreError: The database does not answer, or the account may not make them.
    """
    database = Database(settings.database)
    try:
        with database.write() as waiting:
            # Held to the end: the tables themselves are made by other connections.
            waiting.execute(select(func.pg_advisory_xact_lock(TABLES_LOCK)))
            if not _is_made(waiting):
                _begin_anew(database)
                _let_dagster_make_them(dagster_home, address_in(settings, ASIDE))
                with database.write() as connection:
                    connection.execute(text(f"ALTER SCHEMA {ASIDE} RENAME TO {SCHEMA}"))
    finally:
        database.close()


def _is_made(connection: Connection) -> bool:
    names = set(inspect(connection).get_table_names(schema=SCHEMA))
    return names.issuperset(LAST_TABLES)


def _begin_anew(database: Database) -> None:
    """Drop what was left half made, which never held a run."""
    with database.write() as connection:
        tables = inspect(connection).get_table_names(schema=SCHEMA)
        if "runs" in tables:
            runs = table("runs", schema=SCHEMA)
            if connection.execute(
                select(literal(1)).select_from(runs).limit(1)
            ).first():
                raise StoreError(
                    f"The schema {SCHEMA} in PostgreSQL has runs and lacks tables. "
                    "Restore it from a backup, or rename it to begin with none."
                )
        for schema in (SCHEMA, ASIDE):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        connection.execute(text(f"CREATE SCHEMA {ASIDE}"))


def _let_dagster_make_them(dagster_home: Path, address: str) -> None:
    program = (
        "import sys; from dagster import DagsterInstance;"
        "DagsterInstance.from_config(sys.argv[1]).get_runs(limit=1)"
    )
    command = [sys.executable, "-c", program, str(dagster_home)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {URL_VARIABLE: address},
    )
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise StoreError(
            f"Dagster's tables could not be made in PostgreSQL: {reason}. See that "
            "the account may create schemas, and start again."
        )
