"""The files Dagster reads."""

from collections.abc import Iterator

import dagster as dg
import pytest

from lectern.settings import Settings
from pipelines.instance_files import (
    find_workspace,
    python_locations,
    write_dagster_settings,
)
from pipelines.launcher import WarmRunLauncher
from pipelines.places import make_places
from pipelines.run_output import RunOutput


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    places = make_places(settings)
    write_dagster_settings(places)
    with dg.DagsterInstance.from_config(str(places.dagster_home)) as instance:
        yield instance


def test_dagster_accepts_the_settings_and_launches_by_our_launcher(
    instance: dg.DagsterInstance,
) -> None:
    assert isinstance(instance.run_launcher, WarmRunLauncher)
    assert isinstance(instance.compute_log_manager, RunOutput)


def test_lost_runs_are_noticed_and_never_retried_twice(
    instance: dg.DagsterInstance,
) -> None:
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_poll_interval_seconds == 10
    assert not instance.run_retries_enabled


def test_nothing_is_told_to_anybody(instance: dg.DagsterInstance) -> None:
    assert not instance.telemetry_enabled


def test_a_pool_that_is_gone_cannot_be_reached(instance: dg.DagsterInstance) -> None:
    launcher = instance.run_launcher

    assert isinstance(launcher, WarmRunLauncher)
    assert not launcher.is_reachable()


def test_what_is_served_is_what_the_workspace_names() -> None:
    locations = python_locations(find_workspace())

    assert [(one["location_name"], one["module_name"]) for one in locations] == [
        ("lectern", "pipelines.definitions")
    ]
