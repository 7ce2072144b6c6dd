"""Changes of the schema, in order, and the one way to apply them.

A migration is one transaction: it happens whole or not at all, and may be run again.
"""

from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, text

from lectern.errors import StoreError
from resources.stores.database import Database
from resources.stores.schema import SCHEMA_HEAD

MIGRATION_LOCK = 0x4C454354  # any number that no other program on the server takes


def migrate(database: Database) -> None:
    """Bring the database to the schema of this version of Lectern.

    Raises:
        StoreError: A newer version of Lectern has used this database.
    """
    if current_revision(database) == SCHEMA_HEAD:
        return
    with database.write() as connection:
        _wait_for_others(connection)
        # Another process may have done it while this one waited for the lock.
        revision = _revision(connection)
        if revision != SCHEMA_HEAD:
            _refuse_newer(revision)
            _upgrade(connection)


def current_revision(database: Database) -> str | None:
    """Return the last migration that was applied; None for an empty database."""
    with database.read() as connection:
        return _revision(connection)


def require_current(database: Database) -> None:
    """Refuse to work on a schema of another version.

    Raises:
        StoreError: The database is older (or newer) than this version of Lectern.
    """
    revision = current_revision(database)
    if revision == SCHEMA_HEAD:
        return
    _refuse_newer(revision)
    raise StoreError(
        "The database was made by an older version of Lectern. "
        "Run “lectern migrate”, or start “lectern serve”, which does."
    )


def _wait_for_others(connection: Connection) -> None:
    """Let one process at a time migrate; on SQLite every writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    query = text("SELECT version_num FROM alembic_version")
    revision: str | None = connection.execute(query).scalar_one_or_none()
    return revision


def _refuse_newer(revision: str | None) -> None:
    # Migrations are numbered, so an unknown higher number is a later version's.
    if revision is not None and revision > SCHEMA_HEAD:
        raise StoreError(
            f"The database has schema {revision}, and this version of Lectern knows "
            f"{SCHEMA_HEAD}. Install the newer version again, or restore a backup."
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
