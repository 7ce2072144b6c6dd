"""How listening goes, counted for those who keep it running. About nobody."""

from sqlalchemy import select

from lectern.usage.waits import (
    UNDERRUNS_AT_ONCE,
    Wait,
    Waits,
    believable_wait_ms,
    bound_of,
)
from resources.stores import schema_playing
from resources.stores.database import Database
from resources.stores.upsert import dialect_insert

_tally = schema_playing.playing_tally.c
UNDERRUNS = "underruns"
TOTAL = -1
"""The bound under which a histogram's sum is kept."""


class Playing:
    """The table of how listening goes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waited(self, what: Wait, wait_ms: float) -> None:
        """Count a wait."""
        counted = believable_wait_ms(wait_ms)
        self._add({(what, bound_of(counted)): 1, (what, TOTAL): counted})

    def ran_out(self, times: int) -> None:
        """Count how often a player had nothing to play, of one report."""
        if times > 0:
            self._add({(UNDERRUNS, TOTAL): min(times, UNDERRUNS_AT_ONCE)})

    def waits(self, what: Wait) -> Waits:
        """Return every wait that was counted."""
        counts = self._counts(what)
        return Waits(counts, total_ms=counts.pop(TOTAL, 0))

    def underruns(self) -> int:
        """Return how often players had nothing to play."""
        return self._counts(UNDERRUNS).get(TOTAL, 0)

    def _add(self, counts: dict[tuple[str, int], int]) -> None:
        # In order: two who count at one time wait for each other's rows in turn.
        rows = [
            {"name": str(name), "bound_ms": bound, "count": count}
            for (name, bound), count in sorted(counts.items())
        ]
        table = schema_playing.playing_tally
        with self._database.write() as connection:
            statement = dialect_insert(connection, table)
            more = {"count": table.c.count + statement.excluded.count}
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["name", "bound_ms"], set_=more
                ),
                rows,
            )

    def _counts(self, name: str) -> dict[int, int]:
        query = select(_tally.bound_ms, _tally.count).where(_tally.name == str(name))
        with self._database.read() as connection:
            return {int(bound): int(n) for bound, n in connection.execute(query)}
