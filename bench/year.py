"""A year of runs, and how large Dagster's database becomes of them.

    python -m bench.year [--days 365] [--runs 20] [--databases sqlite postgresql]

Each simulated day adds so many runs (one in ten failed), a day's counting runs and as
many new documents; the rows are those of one real run, copied under other ids and older
times. Every simulated week the nightly upkeep is carried out as of that day. The
baseline is the same day count without upkeep: what the rows of all days would be.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from sqlalchemy import create_engine, text

from lectern.settings import History, Settings
from pipelines.dagster_storage import make_storage, storage_folder
from pipelines.forgetting import forget_old_runs
from pipelines.instance_files import write_dagster_settings
from pipelines.places import make_places
from tests.support.old_runs import OldRuns
from tests.support.postgres import running_postgres, server_folder
from tests.support.speech import settings_at

BEGAN = datetime(2025, 1, 1, 4, 17, tzinfo=UTC)
COUNTING_RUNS = 10
WEEK = 7


def size_bytes(settings: Settings) -> int:
    """Return what Dagster's database takes on the disk."""
    if settings.database_url is None:
        files = storage_folder(make_places(settings)).glob("**/*.db*")
        return sum(file.stat().st_size for file in files)
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        query = text("SELECT pg_database_size(current_database())")
        size = int(connection.execute(query).scalar_one())
    engine.dispose()
    return size


@contextlib.contextmanager
def instances(names: list[str]) -> Iterator[dict[str, Settings]]:
    """Yield the settings of an empty installation on each kind of database."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = {}
        if "sqlite" in names:
            found["sqlite"] = settings_at(folder / "sqlite")
        if "postgresql" in names and server_folder():
            server = stack.enter_context(running_postgres())
            address = stack.enter_context(server.database())
            found["postgresql"] = settings_at(folder / "postgresql").model_copy(
                update={"database_url": address}
            )
        yield found


def a_year(settings: Settings, days: int, runs: int) -> None:
    """Print rows and bytes at every quarter."""
    places = make_places(settings)
    write_dagster_settings(settings, places)
    make_storage(settings, places)
    history, added, seconds = History(), 0, 0.0
    with dg.DagsterInstance.from_config(str(places.dagster_home)) as instance:
        old = OldRuns.of(instance)
        rows_a_run = sum(map(len, old.template.values()))
        for day in range(1, days + 1):
            at = BEGAN + timedelta(days=day)
            old.add(runs - runs // 10, at)
            old.add(max(1, runs // 10), at, status="FAILURE")
            old.add(COUNTING_RUNS, at, name="update_statistics")
            added += max(runs, 1) + COUNTING_RUNS
            if day % WEEK == 0:
                began = time.perf_counter()
                forget_old_runs(instance, history, at)
                seconds += time.perf_counter() - began
            if day % (days // 4) == 0:
                rows = sum(old.rows().values())
                print(
                    f"  day {day:4}: {rows:8,} rows of {added * rows_a_run:9,} "
                    f"({rows / (added * rows_a_run):4.0%}), "
                    f"{size_bytes(settings) / 1024**2:6.1f} MiB",
                    flush=True,
                )
        print(f"  upkeep: {seconds / added * 1000:.1f} ms a run that was added")


def main() -> None:
    """Print a table for each database."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=int, default=365)
    arguments.add_argument("--runs", type=int, default=20)
    arguments.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    given = arguments.parse_args()
    with instances(given.databases) as found:
        for name, settings in found.items():
            print(f"{name}: {given.runs} runs a day for {given.days} days")
            a_year(settings, given.days, given.runs)


if __name__ == "__main__":
    main()
