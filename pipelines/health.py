"""Whether the Lectern on this machine can do its work: an exit code, for containers.

    python -m pipelines.health

Asks the web app's ``/ready``, as everybody may; imports nothing that takes long.
"""

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from lectern.settings import Settings

TIMEOUT_SECONDS = 4


def main() -> int:
    """Return 0 when the app is ready, else 1 after saying why."""
    settings = Settings()
    connection = HTTPConnection("127.0.0.1", settings.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        said, ready = f"The app does not answer: {error}.", False
    else:
        ready = answer.status == HTTPStatus.OK
    finally:
        connection.close()
    sys.stdout.write(f"{said}\n")
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main())
