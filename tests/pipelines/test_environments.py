"""The code locations of the environments: what they offer, and what they import."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from lectern.environments import ENVIRONMENTS, LIGHT
from lectern.jobs.places import Place
from lectern.jobs.runs import ENVIRONMENT, LANE, PIPELINES, run_tags
from lectern.jobs.states import JobKind
from lectern.settings import Environment, Settings
from pipelines.components import components
from pipelines.definitions import defs
from pipelines.environments import LOCATIONS
from pipelines.instance_files import find_workspace, python_locations
from pipelines.launcher import environment_of
from pipelines.places import make_places, pool_socket
from resources.environments import served
from tests.support.environments import borrowed, empty

ROOT = Path(__file__).resolve().parents[2]
LOCATIONS_WITH_LIGHT = {LIGHT: defs, **LOCATIONS}


def test_every_environment_has_its_code_location() -> None:
    attributes = {
        one["location_name"]: one.get("attribute")
        for one in python_locations(find_workspace())
    }

    assert attributes == {"lectern": None, **{name: name for name in ENVIRONMENTS}}
    assert LOCATIONS.keys() == ENVIRONMENTS.keys()


@pytest.mark.parametrize("name", LOCATIONS_WITH_LIGHT)
def test_every_code_location_loads(name: str) -> None:
    dg.Definitions.validate_loadable(LOCATIONS_WITH_LIGHT[name])


def test_no_asset_is_made_in_two_code_locations() -> None:
    made = [
        key
        for one in LOCATIONS_WITH_LIGHT.values()
        for key in one.get_repository_def().asset_graph.materializable_asset_keys
    ]

    assert len(made) == len(set(made)) > 15
    assert dg.AssetKey(["kokoro", "block_audio"]) in made


def test_the_sound_of_another_environment_comes_from_the_same_blocks() -> None:
    graph = LOCATIONS["kokoro"].get_repository_def().asset_graph

    audio = graph.get(dg.AssetKey(["kokoro", "block_audio"]))
    assert audio.parent_keys == {dg.AssetKey("blocks")}
    assert audio.group_name == "speech"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_jobs_of_an_environment_carry_its_name(name: str) -> None:
    found = LOCATIONS[name].get_repository_def()

    for kind in ENVIRONMENTS[name].kinds:
        tags = found.get_job(PIPELINES[kind]).run_tags
        light = defs.get_repository_def().get_job(PIPELINES[kind]).run_tags
        assert tags == {**light, ENVIRONMENT: name}
    assert found.get_job("listen_to_document").run_tags[LANE] == "listeners"


LIGHT_RUNS = """
import importlib.util, sys, tempfile
from pathlib import Path

import dagster as dg

from lectern.accounts.people import LOCAL
from lectern.jobs.runs import run_tags, PIPELINES
from lectern.jobs.states import JobKind, JobState
from lectern.settings import Settings
from pipelines import environments
from pipelines.definitions import defs
from resources.services import Services
from tests.support.runs import Runs

HEAVY = ("torch", "transformers", "kokoro", "misaki", "faster_whisper", "ctranslate2",
         "openai", "mistralai")
here = [name for name in HEAVY if importlib.util.find_spec(name)]
assert {"openai", "mistralai"} <= set(here), here  # else this would prove nothing
for one in (defs, *environments.LOCATIONS.values()):
    one.get_repository_def().load_all_definitions()
loaded = [name for name in HEAVY if name in sys.modules]
assert not loaded, f"loading the definitions imports {loaded}"

with tempfile.TemporaryDirectory() as folder, dg.instance_for_test() as instance:
    settings = Settings(_env_file=None, data_dir=Path(folder), disk_reserve_bytes=0,
                        speech={"keep_warm_seconds": 0.1})
    runs = Runs(Services.open(settings), instance)
    document = runs.upload("The harbour lay quiet. Nobody spoke of the winter.")
    for kind in JobKind:
        parameters = {"format": "wav"} if kind is JobKind.EXPORT else {}
        job = runs.services.jobs.create(
            LOCAL, document_id=document.id, kind=kind, parameters=parameters)
        result = runs.carry_out(job)
        assert result.success, kind
        assert runs.after(job).state is JobState.DONE, kind
    for name in ("update_statistics", "sweep_stores"):
        assert runs.execute(name, {}).success, name
    runs.services.close()
loaded = [name for name in HEAVY if name in sys.modules]
assert not loaded, f"the light runs import {loaded}"
"""


def test_the_light_environment_imports_nothing_heavy() -> None:
    """Neither when definitions load nor when a run of each light job is done."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIGHT_RUNS],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )

    assert done.returncode == 0, done.stderr[-3000:]


# -- what is served --------------------------------------------------------


def settings_with(settings: Settings, python: Path) -> Settings:
    return settings.model_copy(
        update={"environments": {"api": Environment(python=python)}}
    )


def test_an_installed_environment_is_served_by_its_own_interpreter(
    settings: Settings, tmp_path: Path
) -> None:
    python = borrowed(tmp_path / "venv")
    settings = settings_with(settings, python)

    started = {one.name: one for one in components(settings, make_places(settings))}

    assert started["code-api"].command[0] == str(python)
    assert started["workers-api"].command == (
        *(str(python), "-m", "pipelines.worker_pool", "api"),
    )
    assert started["code"].command[0] == sys.executable
    assert "code-kokoro" not in started
    assert served(settings) == {"api": python}


def test_an_environment_that_is_not_installed_is_left_out(
    settings: Settings, tmp_path: Path
) -> None:
    settings = settings_with(settings, empty(tmp_path / "venv"))

    started = {one.name for one in components(settings, make_places(settings))}

    assert not {name for name in started if "api" in name}
    assert served(settings) == {}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_fresh_checkout_starts_every_location(name: str, tmp_path: Path) -> None:
    """Dagster starts these files; with nothing installed, they are our own Python."""
    asked = [str(ROOT / "environments" / name), "-c", "import sys; print(sys.prefix)"]
    variable = f"LECTERN_ENVIRONMENTS__{name.upper()}__PYTHON"
    places = {}
    for python in (empty(tmp_path / "empty"), borrowed(tmp_path / "own")):
        told = subprocess.run(
            asked,
            env=os.environ | {variable: str(python)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        places[python.parents[1].name] = told.stdout.strip(), told.stderr

    assert places["own"] == (str(tmp_path / "own"), "")
    assert str(tmp_path) not in places["empty"][0]
    assert "not installed" in places["empty"][1]


def test_a_run_belongs_to_the_environment_that_its_tag_names() -> None:
    def a_run(**tags: str) -> dg.DagsterRun:
        return dg.DagsterRun("listen_to_document", tags=tags)

    assert environment_of(a_run()) == LIGHT
    assert environment_of(a_run(**{ENVIRONMENT: "kokoro"})) == "kokoro"
    assert environment_of(a_run(**{ENVIRONMENT: "forgotten"})) == LIGHT


def test_every_environment_has_a_pool_of_its_own(tmp_path: Path) -> None:
    sockets = {pool_socket(tmp_path, name) for name in (LIGHT, *ENVIRONMENTS)}

    assert len(sockets) == 1 + len(ENVIRONMENTS)


def test_only_a_run_elsewhere_is_tagged() -> None:
    job = {
        "job_id": "j",
        "document_id": "d",
        "owner_id": "o",
        "kind": JobKind.RENDER,
    }

    assert ENVIRONMENT not in run_tags(**job)
    assert run_tags(**job, place=Place(environment="api"))[ENVIRONMENT] == "api"
