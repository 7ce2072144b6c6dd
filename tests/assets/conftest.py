"""Real runs of the real graph, on an instance and stores of a test's own."""

from collections.abc import Iterator

import dagster as dg
import pytest

from lectern.settings import Settings
from resources.services import Services
from tests.support.runs import Runs


@pytest.fixture
def runs(settings: Settings) -> Iterator[Runs]:
    """Yield what carries out jobs in this process."""
    speech = settings.speech.model_copy(update={"keep_warm_seconds": 2.5})
    services = Services.open(settings.model_copy(update={"speech": speech}))
    quiet = {"python_logs": {"python_log_level": "CRITICAL"}}
    with dg.DagsterInstance.ephemeral(settings=quiet) as instance:
        yield Runs(services, instance)
    services.close()
