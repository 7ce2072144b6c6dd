"""When the last good backup was taken, as those who watch want to know."""

from datetime import datetime

from lectern.contracts import Contract
from resources.stores.clock_watch import INSTALLATION
from resources.stores.preferences import Preferences

NAME = "backup"


class LastBackup(Contract):
    """The newest backup from which everything can be restored."""

    made_at: datetime
    blobs: int
    size_bytes: int


class BackupRecord:
    """Notes it in the app database."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences

    def note(self, backup: LastBackup) -> None:
        """Remember a backup that is whole."""
        value = backup.model_dump(mode="json")
        self._preferences.put(INSTALLATION, NAME, value)

    def last(self) -> LastBackup | None:
        """Return the newest; None when there never was one."""
        kept = self._preferences.get(INSTALLATION, NAME)
        return None if kept is None else LastBackup.model_validate(kept)
