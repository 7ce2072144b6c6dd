"""Files of work that died: half-written exports, event files and restorations."""

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

PATTERNS = (
    "exporting/*",
    ".restoring*",
    "statistics/.[!l]*",  # written aside, and not the lock beside them
    "statistics/*/.*",
    "statistics/events/*/.*",
)
"""Below the data folder; each is named by its one process and of no use to another."""


def clear_leftovers(root: Path, older_than: timedelta) -> int:
    """Delete what nobody has written to for this long; return how many."""
    before = time.time() - older_than.total_seconds()
    count = 0
    for path in _old(root, before):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        count += 1
    return count


def _old(root: Path, before: float) -> Iterator[Path]:
    for pattern in PATTERNS:
        for path in sorted(root.glob(pattern)):
            try:
                if path.name != ".lock" and path.stat().st_mtime < before:
                    yield path
            except FileNotFoundError:
                continue
