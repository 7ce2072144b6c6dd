"""How long a reader who starts to play waits for a block, as its run sees it."""

from collections.abc import Container
from datetime import datetime
from typing import Protocol

from lectern.usage.waits import Wait
from resources.stores.cursors import Cursor
from resources.stores.jobs import Job
from resources.stores.playing import Playing


class Spoken(Protocol):
    """A reading, as far as is asked here."""

    def __len__(self) -> int: ...

    def is_spoken(self, index: int) -> bool:
        """Whether a block is heard at all."""


class FirstBlocks:
    """Measures from a cursor that starts to play to its block being there.

    With the start of a run, where that was needed. A player that has the sound already
    does not wait so long: what it saw is another number.
    """

    def __init__(self, playing: Playing, job: Job) -> None:
        self._playing = playing
        self._job = job
        self._since: datetime | None = None

    def saw(self, before: Cursor | None, cursor: Cursor | None) -> None:
        """Take note of a reader who starts, or stops."""
        if cursor is None or not cursor.playing:
            self._since = None
        elif before is None:
            self._since = self._asked_at(cursor)
        elif not before.playing or before.session != cursor.session:
            self._since = cursor.updated_at

    def _asked_at(self, cursor: Cursor) -> datetime | None:
        """Return when a run was asked for: its start is part of the wait.

        Where it was begun anew, its job is older than this wait.
        """
        if self._job.attempts > 1 or cursor.updated_at is None:
            return cursor.updated_at
        return min(self._job.created_at, cursor.updated_at)

    def looked(
        self, reading: Spoken, done: Container[int], *, cursor: int, now: datetime
    ) -> None:
        """Count the wait once the block is there."""
        if self._since is None:
            return
        spoken = filter(reading.is_spoken, range(cursor, len(reading)))
        first = next(spoken, None)
        if first is not None and first in done:
            wait_ms = (now - self._since).total_seconds() * 1000
            self._playing.waited(Wait.FIRST_BLOCK, wait_ms)
            self._since = None
