"""What a person's ledger tells them: what was used in a while, and every entry."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import and_, func, select

from lectern.accounts.ledger import HOUSE, Entry, EntryKind
from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.speech.variants import Outcome
from lectern.usage.events import EventKind
from resources.stores import schema, schema_ledger
from resources.stores.database import Database
from resources.stores.ledger import Ledger

ENTRIES_AT_ONCE = 1000

_outbox = schema.outbox.c
_entry = schema_ledger.ledger_entry.c


def used_since(
    database: Database, principal: Principal, since: datetime
) -> dict[Unit, int]:
    """Return what a person used of each unit since a moment, less what came back."""
    query = (
        select(_entry.unit, -func.sum(_entry.delta))
        .where(_entry.owner_id == principal.owner_id, _entry.at >= since)
        .where(_entry.kind.in_([EntryKind.USE, EntryKind.REFUND]))
        .group_by(_entry.unit)
    )
    with database.read() as connection:
        found = {Unit(unit): int(used) for unit, used in connection.execute(query)}
    return {unit: found.get(unit, 0) for unit in Unit}


def all_entries(ledger: Ledger, principal: Principal) -> Iterator[Entry]:
    """Yield every entry of a person, newest first."""
    before: int | None = None
    while True:
        some = ledger.entries(principal, before=before, limit=ENTRIES_AT_ONCE)
        yield from some
        if len(some) < ENTRIES_AT_ONCE:
            return
        before = some[-1].id


def speech_charged(database: Database) -> tuple[int, int]:
    """Return how many characters were charged as spoken, and how many events say so.

    Both are written in one transaction, so what one of them has alone is a fault.
    Looked at is what both still tell of: published events are forgotten after a while,
    and older ones may be from before there was a ledger.
    """
    is_use = and_(_entry.unit == Unit.TTS_CHARS, _entry.kind == EntryKind.USE)
    is_ours = and_(is_use, _entry.owner_id != HOUSE)
    spoken = _outbox.kind == EventKind.SYNTHESISED
    with database.read() as connection:
        first_event = connection.scalar(select(func.min(_outbox.at)).where(spoken))
        first_use = connection.scalar(select(func.min(_entry.at)).where(is_ours))
        if first_event is None or first_use is None:
            return 0, 0
        since = max(first_event, first_use)
        used = select(-func.sum(_entry.delta)).where(is_ours, _entry.at >= since)
        chars = _outbox.payload["chars"].as_integer()
        told = select(func.sum(chars)).where(spoken, _outbox.at >= since)
        # What was lost was made again for nothing.
        is_lost = _outbox.payload["outcome"].as_string() == Outcome.LOST
        met = _outbox.kind.in_([EventKind.REQUESTED, EventKind.SERVED])
        lost = select(func.sum(chars)).where(met, is_lost, _outbox.at >= since)
        sums = [query.scalar_subquery() for query in (used, told, lost)]
        row = connection.execute(select(*sums)).one()
    charged, spoken_chars, lost_chars = (int(value or 0) for value in row)
    return charged, spoken_chars - lost_chars
