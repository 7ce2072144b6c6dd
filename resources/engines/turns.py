"""Taking turns at an engine that speaks a few texts at a time, for a whole machine.

Every process that speaks asks here before it does. What is heard soonest comes first:
what a listener waits for, by when it is needed; then rendering, which is shared between
people; then batches. Nobody is promised a turn, and none is kept from anybody: a
process that dies gives its own back.

Those who wait and those who speak stand in a small file, changed under its lock and
read again every few milliseconds. There is nothing to start, and nothing to mend.
"""

import fcntl
import json
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import IO

NEXT_LOOK_SECONDS = 0.004
"""How often who comes next looks whether it is its turn."""
LOOK_SECONDS = 0.008
"""How much less often for each that comes before."""
LONGEST_LOOK_SECONDS = 0.1
SILENT_SECONDS = 1.0
"""Who has not looked for so long is passed over until it does."""
LONGEST_TURN_SECONDS = 900.0
"""Longer than any engine may take: the id of a dead process may be another's by now."""


class Rank(IntEnum):
    """Who waits for a sound."""

    LISTENER = 0
    WORK = 1
    BATCH = 2


@dataclass(frozen=True, slots=True)
class Urgency:
    """How soon somebody needs a sound, and who."""

    rank: Rank = Rank.LISTENER
    owner: str = ""
    needed_at: float = 0.0  # monotonic seconds; counts among listeners
    asked_at: float = 0.0  # monotonic seconds; counts among the others


@dataclass(frozen=True, slots=True)
class Entry:
    """One that speaks, or waits to."""

    id: str
    pid: int
    rank: int
    owner: str
    needed_at: float
    asked_at: float
    seen_at: float
    speaks: bool = False


class Turns:
    """The turns at one engine. Safe to share between threads and over forks."""

    def __init__(self, path: Path, at_once: int) -> None:
        self._path = path
        self._at_once = at_once
        self._given_back = threading.Condition()  # by a thread of this process
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def turn(self, urgency: Urgency, stopping: threading.Event) -> Iterator[None]:
        """Wait for a turn, and hold it.

        Raises:
            CancelledError: ``stopping`` was set while it waited.
        """
        mine = _entry(urgency)
        try:
            while (pause_seconds := self._ask(mine)) > 0:
                with self._given_back:
                    self._given_back.wait(pause_seconds)
                if stopping.is_set():
                    raise CancelledError
            yield
        finally:
            self._forget(mine)
            with self._given_back:
                self._given_back.notify_all()

    def speaking(self) -> int:
        """Return how many speak now."""
        with self._entries() as (entries, _):
            return sum(entry.speaks for entry in entries)

    def _ask(self, mine: Entry) -> float:
        """Take the turn and return 0, or return after how long to ask again."""
        with self._entries() as (entries, file):
            now = time.monotonic()  # with the lock held: nobody was seen after it
            others = [e for e in entries if e.id != mine.id and _lives(e, now)]
            me = replace(mine, seen_at=now)
            place = place_of(me, others, self._at_once, now)
            is_mine = place < 0
            _write(file, [*others, replace(me, speaks=is_mine)])
        if is_mine:
            return 0.0
        return min(LONGEST_LOOK_SECONDS, NEXT_LOOK_SECONDS + LOOK_SECONDS * place)

    def _forget(self, mine: Entry) -> None:
        with self._entries() as (entries, file):
            _write(file, [entry for entry in entries if entry.id != mine.id])

    @contextmanager
    def _entries(self) -> Iterator[tuple[list[Entry], IO[str]]]:
        # Opened each time: a lock belongs to the opening, and forks share those.
        with self._path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            yield _read(file), file


def place_of(mine: Entry, others: list[Entry], at_once: int, now: float) -> int:
    """Return how many come before one who waits; below 0 it is its turn."""
    held = Counter(entry.owner for entry in others if entry.speaks)
    waiting = [e for e in others if not e.speaks and now - e.seen_at < SILENT_SECONDS]
    people = held.keys() | {entry.owner for entry in waiting} | {mine.owner}
    share = max(1, at_once // len(people))

    def order(entry: Entry) -> tuple[float, ...]:
        if entry.rank != Rank.LISTENER:
            return entry.rank, held[entry.owner], entry.asked_at
        has_its_share = len(people) > 1 and held[entry.owner] >= share
        return entry.rank, has_its_share, entry.needed_at

    before = sum(order(entry) < order(mine) for entry in waiting)
    return before - (at_once - held.total())


def _entry(urgency: Urgency) -> Entry:
    now = time.monotonic()
    return Entry(
        id=uuid.uuid4().hex,
        pid=os.getpid(),
        rank=urgency.rank,
        owner=urgency.owner,
        needed_at=urgency.needed_at or now,
        asked_at=urgency.asked_at or now,
        seen_at=now,
    )


def _lives(entry: Entry, now: float) -> bool:
    if now - entry.seen_at > LONGEST_TURN_SECONDS or entry.seen_at > now:
        return False  # before the machine was started, among others
    try:
        os.kill(entry.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(file: IO[str]) -> list[Entry]:
    """Return what stands in the file; nothing when it was cut short by a full disk."""
    try:
        return [Entry(**row) for row in json.load(file)]
    except (ValueError, TypeError):
        return []


def _write(file: IO[str], entries: list[Entry]) -> None:
    file.seek(0)
    file.truncate()
    json.dump([asdict(entry) for entry in entries], file, separators=(",", ":"))
    file.flush()
