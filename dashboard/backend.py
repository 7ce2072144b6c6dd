"""What routes and pages work with: settings, stores and the orchestrator, opened once.

Both halves of the web app live in one process, so they share one ``Backend``. Nothing
here knows Streamlit or HTTP.
"""

import threading
from dataclasses import dataclass
from functools import partial

from lectern.settings import Settings
from resources.orchestrator import Orchestrator
from resources.placement import place_of
from resources.services import Services


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything the web app reaches for."""

    settings: Settings
    services: Services
    orchestrator: Orchestrator


_installed: Backend | None = None
_lock = threading.Lock()


def open_backend(settings: Settings) -> Backend:
    """Open the stores that these settings name."""
    services = Services.open(settings)
    return Backend(
        settings=settings,
        services=services,
        orchestrator=Orchestrator(settings, place_of=partial(place_of, services)),
    )


def install(backend: Backend | None) -> None:
    """Make a backend the one in force; None takes it away again."""
    global _installed
    with _lock:
        _installed = backend


def current() -> Backend:
    """Return the backend in force, opened from the environment's settings if none is.

    Pages run in threads of their own, hence the lock.
    """
    global _installed
    with _lock:
        if _installed is None:
            _installed = open_backend(Settings())
        return _installed
