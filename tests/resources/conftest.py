"""Stores of a test's own."""

from collections.abc import Iterator

import pytest

from lectern.settings import Settings
from resources.services import Services
from tests.support.stores import Clock


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still until told otherwise."""
    return Clock()


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """Yield services over empty stores."""
    services = Services.open(settings)
    yield services
    services.close()


@pytest.fixture
def timed(settings: Settings, clock: Clock) -> Iterator[Services]:
    """Yield services whose time is ``clock``."""
    services = Services.open(settings, clock=clock)
    yield services
    services.close()
