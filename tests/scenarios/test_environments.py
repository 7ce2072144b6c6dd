"""Two environments at work in one product: every run lands where it belongs."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import httpx
import pytest

from lectern.accounts.people import LOCAL
from lectern.jobs.runs import ENVIRONMENT
from lectern.jobs.states import JobKind, JobState
from pipelines.places import find_places
from tests.support.drill import Drill, drilling
from tests.support.environments import borrowed
from tests.support.speech_server import SpeechServer

LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
  name locationOrLoadError { __typename } } } } }"""


@pytest.fixture(scope="module")
def server() -> Iterator[SpeechServer]:
    """Yield the speech server whose engine lives in the environment “api”."""
    with SpeechServer().running() as running:
        yield running


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of that environment."""
    return borrowed(tmp_path_factory.mktemp("environments") / "venv")


@pytest.fixture(scope="module")
def drill(
    tmp_path_factory: pytest.TempPathFactory, server: SpeechServer, python: Path
) -> Iterator[Drill]:
    """Yield a product with the environment."""
    folder = tmp_path_factory.mktemp("product")
    with drilling(
        folder / "data",
        speech_servers=json.dumps({"box": {"address": server.address}}),
        environments__api__python=str(python),
    ) as drill:
        yield drill


def messages(drill: Drill, run_id: str | None) -> str:
    """Return what Dagster's log says of a run."""
    home = find_places(drill.settings).dagster_home
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return "\n".join(one.message for one in instance.all_logs(run_id or ""))


def test_every_run_lands_in_the_environment_of_its_engine(
    drill: Drill, server: SpeechServer, python: Path
) -> None:
    document = drill.upload("The harbour lay quiet. Nobody spoke.", title="Quiet")
    prepared = drill.begin(document, JobKind.PREPARE)
    prepared = drill.ended(prepared.id, 120)

    # Launched by the sensor, which cannot reach another location by itself.
    spoken = drill.services.jobs.create(
        LOCAL,
        document_id=document.id,
        kind=JobKind.VOICE,
        parameters={"voice": "box:alto"},
    )
    spoken = drill.ended(spoken.id, 120)

    assert (prepared.state, spoken.state) == (JobState.DONE, JobState.DONE)
    assert ENVIRONMENT not in drill.run_tags(prepared.run_id)
    assert "environment" not in messages(drill, prepared.run_id)
    assert drill.run_tags(spoken.run_id)[ENVIRONMENT] == "api"
    prefix = python.parents[1]
    assert f"environment “api”, {prefix}." in messages(drill, spoken.run_id)
    assert len(server.texts()) == 1


def test_each_environment_has_its_processes_and_its_code_location(
    drill: Drill, python: Path
) -> None:
    pools = drill.product.processes("pipelines.worker_pool")
    by_interpreter = {process.cmdline()[0] for process in pools}
    reply = httpx.post(
        f"http://127.0.0.1:{drill.settings.dagster_port}/graphql",
        json={"query": LOCATIONS},
        timeout=60,
    )

    entries = reply.json()["data"]["workspaceOrError"]["locationEntries"]
    loaded = {one["name"]: one["locationOrLoadError"]["__typename"] for one in entries}
    assert str(python) in by_interpreter
    assert len(by_interpreter) == 2
    assert loaded == dict.fromkeys(("lectern", "api"), "RepositoryLocation")
