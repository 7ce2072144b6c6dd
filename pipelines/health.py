"""Whether the Lectern on this machine can do its work: an exit code, for containers.

    python -m pipelines.health             the web app, by its /ready
    python -m pipelines.health --worker    what a worker needs: database and broker

What it imports is little, as it is asked every few seconds.
"""

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from lectern.errors import StoreError
from lectern.settings import Settings

TIMEOUT_SECONDS = 4


def app_health(settings: Settings) -> tuple[bool, str]:
    """Return whether the web app is ready, and what it says."""
    connection = HTTPConnection("127.0.0.1", settings.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        return False, f"The app does not answer: {error}."
    finally:
        connection.close()
    return answer.status == HTTPStatus.OK, said


def worker_health(settings: Settings) -> tuple[bool, str]:
    """Return whether a worker can get work and tell of it, and what is amiss."""
    from redis import Redis, RedisError

    from resources.stores.database import Database
    from resources.stores.vitals import Vitals

    if settings.broker_url is None:
        return False, "No broker is set. Set LECTERN_BROKER_URL."
    address = settings.broker_url.get_secret_value()
    try:
        with Redis.from_url(address, socket_timeout=TIMEOUT_SECONDS) as broker:
            broker.ping()
    except RedisError as error:
        # Its words name the host, and never the password.
        return False, f"The broker does not answer: {error}."
    try:
        if not Vitals(Database(settings.database)).is_current():
            return False, "The database has the tables of another version."
    except StoreError as error:
        return False, error.message
    return True, "The database and the broker answer."


def main() -> int:
    """Return 0 when all is well, else 1 after saying what is not."""
    ask = worker_health if "--worker" in sys.argv[1:] else app_health
    is_well, said = ask(Settings())
    sys.stdout.write(f"{said}\n")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
