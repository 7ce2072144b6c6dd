"""What the last sweep did, as operators see it."""

from datetime import datetime

from lectern.contracts import Contract
from resources.stores.clock_watch import INSTALLATION
from resources.stores.preferences import Preferences

NAME = "sweep"


class LastSweep(Contract):
    """When it was, and what it deleted, in words."""

    at: datetime
    words: str


class SweepRecord:
    """Notes it in the app database."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences

    def note(self, sweep: LastSweep) -> None:
        """Remember a sweep."""
        value = sweep.model_dump(mode="json")
        self._preferences.put(INSTALLATION, NAME, value)

    def last(self) -> LastSweep | None:
        """Return the newest; None when there never was one."""
        kept = self._preferences.get(INSTALLATION, NAME)
        return None if kept is None else LastSweep.model_validate(kept)
