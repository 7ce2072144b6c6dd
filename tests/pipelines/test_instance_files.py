"""The files Dagster reads."""

import sqlite3
import time
from collections.abc import Iterator

import dagster as dg
import pytest

from lectern.environments import ENVIRONMENTS
from lectern.errors import StoreError
from lectern.settings import Settings
from pipelines.dagster_storage import storage_folder
from pipelines.event_log import make_databases
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
    write_dagster_settings(settings, places)
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


def test_the_events_of_all_runs_are_in_one_file(
    instance: dg.DagsterInstance, settings: Settings
) -> None:
    @dg.job
    def nothing() -> None: ...

    runs = [nothing.execute_in_process(instance=instance).run_id for _ in range(2)]

    assert all(instance.all_logs(run_id) for run_id in runs)
    folder = storage_folder(make_places(settings))
    assert not list(folder.glob("**/*.db-journal"))
    assert {path.name for path in folder.glob("**/*.db")} == {
        "event_log.db",
        "runs.db",
        "schedules.db",
    }


def test_an_event_log_that_was_left_unfinished_is_made_anew(
    settings: Settings,
) -> None:
    folder = storage_folder(make_places(settings))
    unfinished = folder / "made.new"
    unfinished.mkdir(parents=True)
    (unfinished / "event_log.db").write_bytes(b"")

    make_databases(folder)

    with sqlite3.connect(folder / "event_log.db") as connection:
        assert connection.execute("SELECT count(*) FROM event_logs").fetchone() == (0,)
    connection.close()
    assert not unfinished.exists()


def test_every_database_is_whole_before_any_process_opens_it(
    settings: Settings,
) -> None:
    """Two worker pools once made one together: it had two versions, and opened in
    neither."""
    folder = storage_folder(make_places(settings))

    make_databases(folder)

    for name in ("runs.db", "schedules.db"):
        with sqlite3.connect(folder / name) as connection:
            versions = connection.execute("SELECT count(*) FROM alembic_version")
            assert versions.fetchone() == (1,)
        connection.close()


def test_an_event_log_that_cannot_be_made_is_said_with_its_reason(
    settings: Settings,
) -> None:
    folder = storage_folder(make_places(settings))
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")

    with pytest.raises(StoreError, match="could not be made"):
        make_databases(folder)


def test_an_event_is_seen_by_who_watches_a_run(
    instance: dg.DagsterInstance,
) -> None:
    """The log of a run in the Dagster page grows while the run goes on."""
    seen: list[str] = []

    @dg.op
    def work(context: dg.OpExecutionContext) -> None:
        instance.watch_event_logs(
            context.run_id, None, lambda entry, _cursor: seen.append(entry.user_message)
        )
        context.log.warning("half done")
        deadline = time.monotonic() + 10
        while "half done" not in seen and time.monotonic() < deadline:
            time.sleep(0.05)

    @dg.job
    def watched() -> None:
        work()

    assert watched.execute_in_process(instance=instance).success
    assert "half done" in seen


def test_nothing_is_told_to_anybody(instance: dg.DagsterInstance) -> None:
    assert not instance.telemetry_enabled


def test_a_pool_that_is_gone_cannot_be_reached(instance: dg.DagsterInstance) -> None:
    launcher = instance.run_launcher

    assert isinstance(launcher, WarmRunLauncher)
    assert not launcher.is_reachable()


def test_what_is_served_is_what_the_workspace_names() -> None:
    locations = python_locations(find_workspace())

    assert [(one["location_name"], one["module_name"]) for one in locations] == [
        ("lectern", "pipelines.definitions"),
        *((name, "pipelines.environments") for name in ENVIRONMENTS),
    ]
