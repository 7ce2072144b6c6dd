"""Dagster's SQLite files, made before its processes start.

Dagster makes a file and then its tables, and takes a file that is there for a complete
one. Processes that start together would both make it, or one that is killed in between
would leave it without tables for ever: it then opens in none. So each is made aside,
once, and moved into place.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from lectern.errors import StoreError

FILENAME = "event_log.db"
"""The one file in which Dagster keeps the events of all runs."""
FILENAMES = (FILENAME, "runs.db", "schedules.db")


def make_databases(folder: Path) -> None:
    """Make the files in ``folder`` that are not there, in a process of its own.

    The supervisor that calls this stays small: Dagster is 60 MB.

    Raises:
        StoreError: They could not be made.
    """
    if all((folder / name).exists() for name in FILENAMES):
        return
    command = [sys.executable, "-m", "pipelines.event_log", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise StoreError(
            f"Dagster's databases could not be made in {folder}: {reason}. "
            "See that the folder can be written and has room, and start again."
        )


def main() -> None:
    """Make the files aside and move into place those that are not there."""
    from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
    from dagster._core.storage.runs import SqliteRunStorage
    from dagster._core.storage.schedules import SqliteScheduleStorage

    folder = Path(sys.argv[1])
    aside = folder / "made.new"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    ConsolidatedSqliteEventLogStorage(str(aside))
    SqliteRunStorage.from_local(str(aside))
    SqliteScheduleStorage.from_local(str(aside))
    for name in FILENAMES:
        if not (folder / name).exists():
            (aside / name).replace(folder / name)
    shutil.rmtree(aside)


if __name__ == "__main__":
    main()
