"""Past one machine: whether it is set up, and what it needs."""

import importlib.util

from lectern.errors import InvalidRequest, StoreError
from lectern.settings import Settings
from pipelines.dagster_storage import is_postgres

URL_VARIABLE = "LECTERN_BROKER_URL"
"""Named in ``dagster.yaml``, so that no file holds the broker's password."""


def is_cluster(settings: Settings) -> bool:
    """Whether runs are handed to workers by a broker."""
    return settings.broker_url is not None


def require_broker(settings: Settings) -> str:
    """Return the broker's address.

    Raises:
        InvalidRequest: None is set.
    """
    if settings.broker_url is None:
        raise InvalidRequest(
            f"There is no broker. Set {URL_VARIABLE} to a Redis, redis://host:6379/0, "
            "and LECTERN_DATABASE_URL to a PostgreSQL that every machine reaches."
        )
    return settings.broker_url.get_secret_value()


def require_cluster(settings: Settings) -> str:
    """Return the broker's address, where runs can go to other machines.

    Raises:
        InvalidRequest: No broker is set, or the database is not PostgreSQL.
        StoreError: Something is not installed.
    """
    broker_url = require_broker(settings)
    if not is_postgres(settings):
        raise InvalidRequest(
            f"{URL_VARIABLE} is set and the database is SQLite, which other machines "
            "cannot share. Set LECTERN_DATABASE_URL to a PostgreSQL, "
            "postgresql://user@host/lectern; `lectern migrate --from` moves your data."
        )
    if importlib.util.find_spec("dagster_celery") is None:
        raise StoreError(
            f"{URL_VARIABLE} is set, and Celery is not installed. Install it with "
            "`pip install 'lectern[celery,postgres]'`."
        )
    return broker_url


def broker_environment(settings: Settings) -> dict[str, str]:
    """Return what Dagster's processes must find in their environment."""
    url = settings.broker_url
    return {} if url is None else {URL_VARIABLE: url.get_secret_value()}
