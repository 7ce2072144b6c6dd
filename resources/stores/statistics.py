"""The published statistics: built aside, swapped in, read by anybody at any time.

DuckDB lets one process write or many read, never both. So every publication is a
new file, written once; a small pointer file says which is the newest. Readers open
that one read-only for the length of a query, and no reader ever waits for the
writer or makes it wait.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any

from lectern.accounts.people import Principal
from lectern.documents.pages import BlockKind
from lectern.errors import StoreError
from lectern.ids import DocumentId
from lectern.speech.variants import Outcome
from lectern.usage.lifetime import (
    Day,
    DocumentUse,
    Lifetime,
    RecognitionUse,
    Repeat,
    Requests,
    Reuse,
    Totals,
    VoiceUse,
)
from resources.stores.blobs import sync_folder
from resources.stores.disk import write_durably
from resources.stores.events import UsageEvents, empty_events
from resources.stores.statistics_tables import TABLES

SCHEMA = "3"
"""Raise when ``statistics_tables`` changes, so that the next run builds anew."""

KEPT_VERSIONS = 2
"""The newest file, and the one a reader may be about to open."""

# Extensions cannot be fetched here, and trying costs seconds.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "1GB",
    "threads": "2",
}


@dataclass(frozen=True, slots=True)
class Published:
    """Which statistics are in force."""

    file: str  # name below ``published``
    inputs: str  # digest of the event files it was built from
    built_at: str  # ISO 8601
    events: int


class StatisticsPublisher:
    """Builds statistics from event files and puts them in force."""

    def __init__(self, root: Path, events: UsageEvents) -> None:
        self._folder = root / "published"
        self._events = events
        self._folder.mkdir(parents=True, exist_ok=True)

    def publish(self) -> Published:
        """Publish what the event files say; nothing is done when nothing changed."""
        with self._events.alone():
            files = self._events.files()
            inputs = _digest(files)
            current = read_pointer(self._folder)
            if current and current.inputs == inputs and self._has(current):
                return current
            return self._publish(files, inputs)

    def _has(self, published: Published) -> bool:
        return (self._folder / published.file).exists()

    def _publish(self, files: list[Path], inputs: str) -> Published:
        name = f"lifetime-{uuid.uuid4().hex}.duckdb"
        aside = self._folder / f".{name}"
        try:
            events = _build(aside, files)
            _sync_file(aside)
            aside.rename(self._folder / name)
            sync_folder(self._folder)
        finally:
            aside.unlink(missing_ok=True)
        built_at = datetime.now(UTC).isoformat()
        published = Published(name, inputs, built_at, events)
        write_durably(self._folder / "current", json.dumps(asdict(published)).encode())
        self._remove_old(keep=name)
        return published

    def _remove_old(self, *, keep: str) -> None:
        # A reader that has a file open keeps it, whatever happens to its name.
        files = sorted(
            (path for path in self._folder.glob("*.duckdb") if path.name != keep),
            key=lambda path: path.stat().st_mtime,
            reverse=True,
        )
        for path in files[KEPT_VERSIONS - 1 :]:
            path.unlink(missing_ok=True)


class StatisticsReader:
    """Answers questions from the statistics in force. Before the first: nothing."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "published"

    def published(self) -> Published | None:
        """Return which statistics are in force, for caches and for “as of”."""
        return read_pointer(self._folder)

    def check(self) -> None:
        """Make sure that the statistics in force can be read.

        Raises:
            StoreError: They cannot.
        """
        published = self.published()
        if published is None:
            return
        try:
            _read(self._folder / published.file, "SELECT * FROM about", ())
        except FileNotFoundError as error:
            raise StoreError(
                "The published statistics are missing. Run the job "
                "“update_statistics” in Dagster; it makes them again."
            ) from error

    def totals(self, principal: Principal) -> Lifetime:
        """Return everything so far, and this week against the last."""
        now = datetime.now(UTC)
        weeks = [now - timedelta(days=days) for days in (14, 7, 0)]
        rows = self._rows(_LIFETIME, principal, *map(_naive, weeks))
        sums = {row["span"]: _totals(row) for row in rows}
        total = next((row for row in rows if row["span"] == "total"), None)
        return Lifetime(
            total=sums.get("total", Totals()),
            this_week=sums.get("this week", Totals()),
            last_week=sums.get("last week", Totals()),
            voices=total["voices"] if total else 0,
            since=total["since"] if total else None,
        )

    def daily(
        self, principal: Principal, *, days: int = 371, zone: tzinfo = UTC
    ) -> list[Day]:
        """Return the last days, oldest first, none left out; today is the last."""
        today = datetime.now(zone).date()
        first = today - timedelta(days=days - 1)
        rows = self._rows(
            "SELECT * FROM hourly WHERE owner_id = ? AND hour >= ? ORDER BY hour",
            principal,
            _naive(datetime.combine(first, time(), zone)),
        )
        sums: dict[date, dict[str, int]] = {}
        for row in rows:
            day = sums.setdefault(row["hour"].astimezone(zone).date(), {})
            for name in _SUMMED:
                day[name] = day.get(name, 0) + row[name]
        dates = [first + timedelta(days=n) for n in range(days)]
        return [Day(d, _totals(sums[d]) if d in sums else Totals()) for d in dates]

    def by_voice(self, principal: Principal) -> list[VoiceUse]:
        """Return the use of each voice, most listened first."""
        rows = self._rows(
            "SELECT * FROM voice_use WHERE owner_id = ? "
            "ORDER BY listened_ms DESC, synthesised_ms DESC, voice",
            principal,
        )
        return [
            VoiceUse(
                voice=row["voice"],
                engine=row["engine"],
                listened_seconds=row["listened_ms"] / 1000,
                heard_seconds=row["heard_ms"] / 1000,
                synthesised_seconds=row["synthesised_ms"] / 1000,
                synthesised_chars=row["synthesised_chars"],
                synthesis_seconds=row["elapsed_ms"] / 1000,
            )
            for row in rows
        ]

    def reuse(self, principal: Principal) -> Reuse:
        """Return how requests for audio were met: in all, by day and by kind."""
        rows = self._rows(
            "SELECT * FROM reuse WHERE owner_id = ? ORDER BY day", principal
        )
        by_day: dict[date, list[dict[str, Any]]] = {}
        by_kind: dict[BlockKind, list[dict[str, Any]]] = {}
        for row in rows:
            by_day.setdefault(row["day"], []).append(row)
            by_kind.setdefault(BlockKind(row["block_kind"]), []).append(row)
        return Reuse(
            by_outcome=_by_outcome(rows),
            by_day={day: _by_outcome(part) for day, part in by_day.items()},
            by_kind={kind: _by_outcome(part) for kind, part in by_kind.items()},
        )

    def documents(self, principal: Principal) -> list[DocumentUse]:
        """Return the use of each document, most listened first."""
        rows = self._rows(
            "SELECT * FROM document_use WHERE owner_id = ? "
            "ORDER BY listened_ms DESC, document_id",
            principal,
        )
        return [
            DocumentUse(
                document_id=DocumentId(row["document_id"]),
                pages=row["pages"],
                words=row["words"],
                listened_seconds=row["listened_ms"] / 1000,
                heard_seconds=row["heard_ms"] / 1000,
                synthesised_seconds=row["synthesised_ms"] / 1000,
                last_listened_at=row["last_listened_at"],
            )
            for row in rows
        ]

    def recognition(self, principal: Principal) -> list[RecognitionUse]:
        """Return how many pages each recogniser read by each method, and how fast."""
        rows = self._rows(
            "SELECT * FROM recognition_use WHERE owner_id = ? "
            "ORDER BY pages DESC, engine, method",
            principal,
        )
        return [
            RecognitionUse(
                engine=row["engine"],
                method=row["method"],
                pages=row["pages"],
                seconds=row["elapsed_ms"] / 1000,
            )
            for row in rows
        ]

    def top_repeats(self, principal: Principal, *, limit: int = 20) -> list[Repeat]:
        """Return the texts that were found spoken already most often."""
        rows = self._rows(
            "SELECT * FROM repeats WHERE owner_id = ? "
            "ORDER BY requests DESC, chars DESC LIMIT ?",
            principal,
            limit,
        )
        return [
            Repeat(
                variant=row["variant"],
                block_kind=BlockKind(row["block_kind"]),
                requests=row["requests"],
                chars=row["chars"],
                audio_seconds=row["audio_ms"] / 1000,
            )
            for row in rows
        ]

    def everybody(self) -> list[dict[str, Any]]:
        """Return sums over everybody, as ``measure``, ``label`` and ``value``."""
        published = self.published()
        if published is None:
            return []
        return _read(self._folder / published.file, _EVERYBODY, ())

    def _rows(
        self, query: str, principal: Principal, *values: object
    ) -> list[dict[str, Any]]:
        published = self.published()
        if published is None:
            return []
        try:
            return _read(
                self._folder / published.file, query, (principal.owner_id, *values)
            )
        except FileNotFoundError:
            # Two publications passed since the pointer was read.
            return self._rows(query, principal, *values)


_EVERYBODY = """
    SELECT 'requests' AS measure, outcome AS label, sum(requests)::BIGINT AS value
    FROM reuse GROUP BY outcome
    UNION ALL BY NAME
    SELECT 'audio_ms' AS measure, engine AS label, sum(synthesised_ms)::BIGINT AS value
    FROM voice_use WHERE synthesised_ms > 0 GROUP BY engine
    UNION ALL BY NAME
    SELECT 'elapsed_ms' AS measure, engine AS label, sum(elapsed_ms)::BIGINT AS value
    FROM voice_use WHERE synthesised_ms > 0 GROUP BY engine
    UNION ALL BY NAME
    SELECT 'listened_ms' AS measure, '' AS label,
        coalesce(sum(listened_ms), 0)::BIGINT AS value
    FROM voice_use
"""
_SUMMED = (
    "documents",
    "pages",
    "words",
    "listened_ms",
    "heard_ms",
    "listened_words",
    "synthesised_ms",
    "synthesised_chars",
)
_SUMS = ", ".join(f"sum({name})::BIGINT AS {name}" for name in _SUMMED)
_LIFETIME = f"""
    WITH span(span, first, last) AS (
        VALUES ('total', NULL, NULL), ('last week', $2, $3), ('this week', $3, $4)
    )
    SELECT span, min(hour) AS since, {_SUMS},
        (SELECT count(*) FROM voice_use WHERE owner_id = $1 AND listened_ms > 0)
            AS voices
    FROM hourly JOIN span ON first IS NULL OR (hour > first AND hour <= last)
    WHERE owner_id = $1 GROUP BY span
"""  # noqa: S608  (made of constants)


def read_pointer(folder: Path) -> Published | None:
    """Return which statistics of a folder are in force."""
    try:
        return Published(**json.loads((folder / "current").read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StoreError(
            "The statistics cannot be read. Delete the folder “statistics/published”; "
            "it is made again."
        ) from error


def _build(path: Path, files: list[Path]) -> int:
    import duckdb

    schema_file = path.with_suffix(".parquet")
    write_durably(schema_file, empty_events())
    names = [str(file) for file in (schema_file, *files)]
    try:
        with duckdb.connect(str(path), config=_CONFIG) as connection:
            # A view: the events themselves stay in their own files.
            connection.read_parquet(names, union_by_name=True).project(
                "*, happened_at AT TIME ZONE 'UTC' AS moment"
            ).create_view("event")
            for name, query in TABLES.items():
                connection.execute(f"CREATE TABLE {name} AS {query}")
            connection.execute("DROP VIEW event")
            # Closing would write it too, and keep quiet about a disk that is full.
            connection.execute("CHECKPOINT")
        return int(_read(path, "SELECT events FROM about", ())[0]["events"])
    except duckdb.Error as error:
        raise StoreError(f"The statistics could not be built: {error}.") from error
    finally:
        schema_file.unlink(missing_ok=True)


def _read(path: Path, query: str, values: Iterable[object]) -> list[dict[str, Any]]:
    import duckdb

    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with duckdb.connect(str(path), read_only=True, config=_CONFIG) as connection:
            found = connection.execute(query, list(values))
            names = [column[0] for column in found.description]
            rows = found.fetchall()
    except duckdb.Error as error:
        if not path.exists():
            raise FileNotFoundError(path) from error
        raise StoreError(f"The statistics cannot be read: {error}.") from error
    return [dict(zip(names, map(_zoned, row), strict=True)) for row in rows]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _zoned(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _digest(files: list[Path]) -> str:
    # Event files never change under one name.
    names = "\n".join([SCHEMA, *(f"{file.parent.name}/{file.name}" for file in files)])
    return hashlib.sha256(names.encode()).hexdigest()


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _totals(row: dict[str, Any]) -> Totals:
    return Totals(
        documents=row["documents"],
        pages=row["pages"],
        words=row["words"],
        listened_seconds=row["listened_ms"] / 1000,
        heard_seconds=row["heard_ms"] / 1000,
        listened_words=row["listened_words"],
        synthesised_seconds=row["synthesised_ms"] / 1000,
        synthesised_chars=row["synthesised_chars"],
    )


def _by_outcome(rows: list[dict[str, Any]]) -> dict[Outcome, Requests]:
    sums: dict[Outcome, Requests] = {}
    for row in rows:
        outcome = Outcome(row["outcome"])
        before = sums.get(outcome, Requests())
        sums[outcome] = Requests(
            requests=before.requests + row["requests"],
            chars=before.chars + row["chars"],
            audio_seconds=before.audio_seconds + row["audio_ms"] / 1000,
            legacy_owner_flips=before.legacy_owner_flips + row["flips"],
        )
    return sums
