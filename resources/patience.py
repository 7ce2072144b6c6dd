"""Waiting for engines that ask for patience, as long as that makes sense."""

import time
from dataclasses import dataclass

from lectern.errors import EngineBusy

LONGEST_SECONDS = 600.0
"""How long an engine may do nothing but ask for patience."""
SHORTEST_SECONDS = 0.05  # "come back now" must not become a storm


@dataclass(slots=True)
class _Wait:
    since: float  # when it first asked, with nothing done in between
    until: float


class Patience:
    """Which engines asked to be left alone, and until when."""

    def __init__(self) -> None:
        self._waits: dict[str, _Wait] = {}  # by engine

    def ask(self, engine: str, error: EngineBusy) -> bool:
        """Take note of it; False when there is no more patience."""
        now = time.monotonic()
        wait = self._waits.setdefault(engine, _Wait(since=now, until=now))
        seconds = max(error.retry_after_seconds, SHORTEST_SECONDS)
        wait.until = max(wait.until, now + seconds)
        return wait.until - wait.since <= LONGEST_SECONDS

    def is_over(self, engine: str) -> bool:
        """Whether the engine may be asked again."""
        wait = self._waits.get(engine)
        return wait is None or time.monotonic() >= wait.until

    def answered(self, engine: str) -> None:
        """The engine works again."""
        self._waits.pop(engine, None)
