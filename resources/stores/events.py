"""Usage events on their way from the outbox to Parquet files.

    outbox → date=2026-11-21/part-<first>-<last>.parquet → date=…/day-<digest>.parquet

A file is complete from the moment it has its name. A day file states which files it
replaces, so that a crash before their removal counts nothing twice. One process
works here at a time.
"""

import fcntl
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.stores.disk import write_durably
from resources.stores.outbox import Event, Outbox

if TYPE_CHECKING:
    import pyarrow as pa

COMPACT_FILES = 24
"""Files of one day that are merged at once, even while the day lasts."""

_REPLACES = b"lectern.replaces"


class UsageEvents:
    """The folder of events, by day."""

    def __init__(self, outbox: Outbox, root: Path) -> None:
        self._outbox = outbox
        self._root = root
        self._folder = root / "events"
        self._folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process works on the statistics, then keep it so."""
        with (self._root / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def drain(self) -> int:
        """Write every event that waits to files; return how many."""
        drained = 0
        with self.alone():
            while (batch := self._outbox.reserve()) is not None:
                for day, events in _by_day(batch.events).items():
                    path = self._day_folder(day) / f"{batch.part}.parquet"
                    write_durably(path, _parquet([_row(event) for event in events]))
                self._outbox.mark_published(batch.part)
                drained += len(batch.events)
        return drained

    def compact(self, *, today: date | None = None) -> int:
        """Merge the files of days that are over, or have many; return how many days."""
        last = today or datetime.now(UTC).date()
        compacted = 0
        with self.alone():
            # A part whose batch is unfinished may be written once more.
            unfinished = {f"{part}.parquet" for part in self._outbox.unfinished_parts()}
            for folder in sorted(self._folder.glob("date=*")):
                files = [f for f in _live_files(folder) if f.name not in unfinished]
                is_over = folder.name.removeprefix("date=") < last.isoformat()
                if len(files) >= (2 if is_over else COMPACT_FILES):
                    _merge(folder, files)
                    compacted += 1
                _remove_replaced(folder)
        return compacted

    def files(self) -> list[Path]:
        """Return the files that hold every published event exactly once."""
        folders = sorted(self._folder.glob("date=*"))
        return [file for folder in folders for file in _live_files(folder)]

    def _day_folder(self, day: date) -> Path:
        folder = self._folder / f"date={day.isoformat()}"
        folder.mkdir(exist_ok=True)
        return folder


def empty_events() -> bytes:
    """Return an event file with every column and no row."""
    return _parquet([])


def _schema() -> "pa.Schema":
    """Return the columns of the event files: those of every kind, side by side."""
    import pyarrow as pa

    columns: dict[str, pa.DataType] = {
        "event_id": pa.string(),
        "kind": pa.string(),
        "owner_id": pa.string(),
        "happened_at": pa.timestamp("us", tz="UTC"),
    }
    texts = "document_id variant voice engine outcome block_kind method format"
    numbers = "chars words audio_ms media_ms wall_ms elapsed_ms pages blocks"
    columns |= {name: pa.string() for name in texts.split()}
    columns |= {name: pa.int64() for name in numbers.split()}
    columns |= {"version": pa.int64(), "size_bytes": pa.int64(), "rate": pa.float64()}
    return pa.schema(columns | {"legacy_owner_flip": pa.bool_()})


def _row(event: Event) -> dict[str, Any]:
    return {
        **event.payload,
        "event_id": event.event_id,
        "kind": str(event.kind),
        "owner_id": event.owner_id,
        "happened_at": event.at,
    }


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow as pa

    return _bytes(pa.Table.from_pylist(list(rows), _schema()))


def _bytes(table: "pa.Table") -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _by_day(events: Sequence[Event]) -> dict[date, list[Event]]:
    days: dict[date, list[Event]] = {}
    for event in events:
        days.setdefault(event.at.astimezone(UTC).date(), []).append(event)
    return days


def _live_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.parquet"))
    replaced = {name for file in files for name in _replaced_by(file)}
    return [file for file in files if file.name not in replaced]


def _replaced_by(file: Path) -> list[str]:
    import pyarrow.parquet as pq

    if not file.name.startswith("day-"):
        return []
    about = pq.read_schema(file).metadata or {}
    names: list[str] = json.loads(about.get(_REPLACES, b"[]"))
    return names


def _merge(folder: Path, files: Sequence[Path]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = sorted(file.name for file in files)
    about = {_REPLACES: json.dumps(names).encode()}
    tables = [pq.read_table(file) for file in files]
    table = pa.concat_tables(tables, promote_options="default")
    table = table.sort_by("happened_at").replace_schema_metadata(about)
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    write_durably(folder / f"day-{digest}.parquet", _bytes(table))


def _remove_replaced(folder: Path) -> None:
    live = set(_live_files(folder))
    # Parts first: a day file must outlive what it says it replaces.
    for file in sorted(folder.glob("*.parquet"), reverse=True):
        if file not in live:
            file.unlink()
