"""The one file in which Dagster keeps the events of all runs, made before it starts.

Dagster makes the file and then its tables, and takes a file that is there for a
complete one. Two of its processes that start together, or one that is killed in
between, would leave it without tables for ever. So it is made aside, once, and moved
into place.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from lectern.errors import StoreError

FILENAME = "event_log.db"


def make_event_log(folder: Path) -> None:
    """Make the file in ``folder`` if it is not there, in a process of its own.

    The supervisor that calls this stays small: Dagster is 60 MB.

    Raises:
        StoreError: It could not be made.
    """
    if (folder / FILENAME).exists():
        return
    command = [sys.executable, "-m", "pipelines.event_log", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise StoreError(
            f"Dagster's event log could not be made in {folder}: {reason}. "
            "See that the folder can be written and has room, and start again."
        )


def main() -> None:
    """Make the file aside and move it into place."""
    from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage

    folder = Path(sys.argv[1])
    aside = folder / "event_log.new"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    ConsolidatedSqliteEventLogStorage(str(aside))
    (aside / FILENAME).replace(folder / FILENAME)
    shutil.rmtree(aside)


if __name__ == "__main__":
    main()
