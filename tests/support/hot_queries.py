"""What the stores are asked all day, by name; and how a database answers it.

A call is carried out for real, with its statements listened to. Each of them can then
be explained with the values it was sent with.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import chain, repeat
from typing import Any

from sqlalchemy import Connection, event

from lectern.documents.pages import BlockKind
from lectern.ids import BlockId, JobId, VariantKey
from lectern.jobs.history import BUILT_IN, JobFilter, Shown
from lectern.jobs.hours import OffPeak
from lectern.jobs.states import DocumentState, JobKind, JobState, JobStep
from lectern.speech.variants import Outcome
from lectern.usage.events import DocumentAdded, EventKind
from resources.services import Services
from resources.stores.cursors import Cursor
from resources.stores.database import Database
from resources.stores.sweep import sweep
from resources.stores.variants import Completion, Link
from tests.support.filled import (
    NOW,
    VOICE,
    Size,
    blob,
    document_id,
    key,
    person,
    sound_number,
)

Call = Callable[[], object]
EXPLAINED = ("SELECT", "UPDATE", "DELETE", "INSERT")
INDEX_SCANS = ("Index Scan", "Index Only Scan")  # and “Bitmap Index Scan”


@dataclass
class Statements:
    """Statements as they were sent, with their values."""

    sent: list[tuple[str, Any]] = field(default_factory=list)


@contextmanager
def listened(database: Database) -> Iterator[Statements]:
    """Note every statement that this database is sent meanwhile."""
    statements = Statements()

    def note(
        _connection: Any, _cursor: Any, statement: str, values: Any, *_: Any
    ) -> None:
        if statement.lstrip("( ").upper().startswith(EXPLAINED):
            first = values[0] if isinstance(values, list) else values
            statements.sent.append((statement, first))

    engine = database._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def full_scans(connection: Connection, statement: str, values: Any) -> list[str]:
    """Return what a statement reads from its beginning to its end, by its plan.

    A whole index read in order is such a scan too, unless it ends early (``LIMIT``).
    """
    if connection.dialect.name == "sqlite":
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        told = [str(row[3]) for row in plan]
        ends_early = "LIMIT" in statement
        return [
            line
            for line in told
            if line.startswith("SCAN ")
            and "CONSTANT ROW" not in line
            and "VIRTUAL TABLE INDEX" not in line
            and not _is_made_on_the_way(line, told)
            and not (ends_early and "USING" in line and not _is_sorted(told))
        ]
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
    [found] = plan.scalar_one()
    return list(_scanned(found["Plan"], ends_early=False))


def _is_made_on_the_way(line: str, told: list[str]) -> bool:
    """Whether a scan is of rows that the query itself has put together."""
    name = line.split()[1]
    return name.startswith("(") or f"MATERIALIZE {name}" in told


def _is_sorted(told: list[str]) -> bool:
    return any("USE TEMP B-TREE FOR ORDER BY" in line for line in told)


def _scanned(node: dict[str, Any], *, ends_early: bool) -> Iterator[str]:
    kind = node["Node Type"]
    ends_early = (ends_early or kind == "Limit") and kind not in ("Sort", "Aggregate")
    if kind == "Seq Scan":
        yield f"Seq Scan {node['Relation Name']}"
    is_whole = kind.endswith(INDEX_SCANS) and "Index Cond" not in node
    if is_whole and not ends_early:
        yield f"{kind} {node['Index Name']} from end to end"
    for inner in node.get("Plans", ()):
        yield from _scanned(inner, ends_early=ends_early)


@dataclass(frozen=True)
class HotQueries:
    """The questions, to a database that ``filled.fill`` has filled."""

    services: Services
    size: Size

    def all(self) -> dict[str, Call]:
        """Return every question by name."""
        return {
            **self.of_the_library(),
            **self.of_a_reader(),
            **self.of_voicing(),
            **self.of_jobs(),
            **self.of_job_history(),
            **self.of_batches(),
            **self.of_statistics(),
            **self.of_upkeep(),
        }

    def of_the_library(self) -> dict[str, Call]:
        """Return what the library page asks."""
        catalog, most = self.services.catalog, person(0)
        mine = document_id(3)
        return {
            "library: list": lambda: catalog.documents(most),
            "library: has any": lambda: catalog.has_any(most),
            "library: titles": lambda: catalog.titles(most),
            "library: list of a state": lambda: catalog.documents(
                most, state=DocumentState.PREPARING
            ),
            "library: search a rare word": lambda: catalog.documents(
                most, search="whalebone"
            ),
            "library: search the begin of a word": lambda: catalog.documents(
                most, search="whaleb"
            ),
            "library: get": lambda: catalog.get(most, mine),
            "library: same file": lambda: catalog.same_file(most, blob("file 3")),
            "library: add": lambda: catalog.add(
                most,
                title="New",
                filename="a.txt",
                format=catalog.find(mine).format,
                blob=blob("new"),
                size_bytes=1,
            ),
            "library: rename": lambda: catalog.rename(most, mine, "Another title"),
            "library: artifacts": lambda: catalog.artifacts(mine),
        }

    def of_a_reader(self) -> dict[str, Call]:
        """Return what an open reader asks."""
        stores, most, mine = self.services, person(0), document_id(4)
        variants, voices = stores.variants, stores.voices
        cursor = Cursor(5, 0, True, 1.0, VOICE, "s", 2)
        own = self.key_in(4, 1)
        export_id = blob("export 10")[:32]
        return {
            "reader: manifest": lambda: variants.keys_of(most, mine, VOICE),
            "reader: new links": lambda: variants.links_after(
                most, mine, VOICE, self.size.blocks - 3
            ),
            "reader: may hear own": lambda: variants.owns(most, own),
            "reader: may hear the popular": lambda: variants.owns(person(7), key(0)),
            "reader: may not hear the popular": lambda: variants.owns(
                person(999_999), key(0)
            ),
            "reader: find a sound": lambda: variants.find([own]),
            "reader: places": lambda: variants.places(most, [own]),
            "reader: put cursor": lambda: stores.cursors.put(most, mine, cursor),
            "reader: get cursor": lambda: stores.cursors.get(most, mine),
            "reader: bookmarks": lambda: stores.bookmarks.list(most, mine),
            "reader: exports": lambda: stores.exports.list(most, mine),
            "reader: an export": lambda: stores.exports.get(most, export_id),
            "library: cursors": lambda: stores.cursors.all(most),
            "library: received": lambda: stores.shares.received(most),
            "reader: shares": lambda: stores.shares.of(most, mine),
            "voices: all": lambda: voices.all(most),
            "voices: once used": lambda: voices.once_used(most, mine, f"{1:032d}"),
        }

    def of_voicing(self) -> dict[str, Call]:
        """Return what a run that speaks asks."""
        variants = self.services.variants
        mine = self.services.catalog.find(document_id(5))
        new = [VariantKey(blob(f"new sound {n}")) for n in range(32)]
        links = [self.link(self.key_in(5, n), n) for n in range(self.some_blocks)]
        moved = [
            replace(self.link(key(0), 0), block_id=BlockId("other")),
            self.link(self.key_in(9, 1), 1),
        ]
        newer = replace(mine, revision=mine.revision + 1)

        def make_one() -> object:
            [claim] = variants.claim_many(new[:1], "bench", 60)
            done = Completion(
                claim=claim,
                link=self.link(claim.key, 0),
                blob=blob("audio 1"),
                size_bytes=1,
                words=(),
                engine="espeak",
                elapsed_ms=1,
                outcome=Outcome.SYNTHESISED,
            )
            made = variants.complete(
                mine.principal, mine, voice_id=VOICE, completions=[done]
            )
            return made and variants.forget(claim.key, done.blob)

        def claim_and_release() -> object:
            claims = variants.claim_many(new, "bench", 60)
            variants.renew(claims, 60)
            return variants.release(claims)

        return {
            "voicing: claim, renew, release 32": claim_and_release,
            "voicing: claimed": lambda: variants.claimed(new),
            "voicing: complete one": make_one,
            "voicing: link again": lambda: variants.link(
                mine.principal, mine, voice_id=VOICE, links=links
            ),
            "voicing: link to others' sounds": lambda: variants.link(
                person(9), newer, voice_id=VOICE, links=moved
            ),
            "voicing: page cache": lambda: self.services.page_cache.get(
                blob("page 1"), "tesseract 5"
            ),
        }

    def of_jobs(self) -> dict[str, Call]:
        """Return what is asked about jobs."""
        jobs, most = self.services.jobs, person(0)
        mine, running = document_id(5), JobId(f"job-{11:031d}")

        def from_begin_to_end() -> object:
            job = jobs.create(most, document_id=mine, kind=JobKind.PREPARE)
            jobs.start(job.id, "run-new")
            jobs.progress(job.id, step=JobStep.SPLITTING, done=1, total=2)
            return jobs.finish(job.id)

        return {
            "jobs: newest 200": lambda: jobs.list(most),
            "jobs: newest alone": lambda: jobs.list(most, alone=True),
            "jobs: failed": lambda: jobs.list(most, states=[JobState.FAILED]),
            "jobs: search": lambda: jobs.list(most, search="title"),
            "jobs: active": lambda: jobs.active(most),
            "jobs: unfinished": jobs.unfinished,
            "jobs: stale": lambda: jobs.stale(timedelta(minutes=1)),
            "jobs: by run": lambda: jobs.by_run(f"run-{101:032d}"),
            "jobs: for a document": lambda: jobs.for_document(most, mine),
            "jobs: ensure listener": lambda: jobs.ensure_listener(
                most, document_id=mine, parameters={}
            ),
            "jobs: is a listener waiting": lambda: jobs.is_listener_waiting(
                longer_than=timedelta(minutes=1)
            ),
            "jobs: from begin to end": from_begin_to_end,
            "jobs: heartbeat": lambda: jobs.heartbeat(running),
        }

    def of_job_history(self) -> dict[str, Call]:
        """Return what the activity page asks of the past."""
        history, most = self.services.job_history, person(0)
        filters = {
            "newest": JobFilter(),
            "of batches too": JobFilter(with_batches=True),
            "running": BUILT_IN["Running"],
            "failed this week": BUILT_IN["Failed this week"],
            "long": BUILT_IN["Long"],
            "of a kind": JobFilter(kind=JobKind.RENDER),
            "of an engine": JobFilter(engine="espeak"),
            "of a voice": JobFilter(voice_id=VOICE),
            "of a document": JobFilter(document_id=document_id(5)),
            "of some days": JobFilter(since=NOW.date(), until=NOW.date()),
            "with a rare word": JobFilter(words="whalebone"),
            "with a frequent word": JobFilter(words="prepare title"),
            "with the begin of a word": JobFilter(words="whaleb"),
            "failed with a word": JobFilter(shown=Shown.FAILED, words="title"),
        }

        def walk(wanted: JobFilter) -> object:
            page = history.page(most, wanted, limit=10)
            return page.next and history.page(most, wanted, after=page.next)

        return {
            **{f"history: {n}": partial(walk, one) for n, one in filters.items()},
            "history: engines": lambda: history.engines(most),
            "history: voices": lambda: history.voices(most),
            "history: steps": lambda: history.steps(most, JobId(f"job-{2:031d}")),
            "history: pasts": lambda: history.pasts(
                JobKind.PREPARE, JobStep.RECOGNISING, "local", "elsewhere"
            ),
            "history: forget": lambda: history.forget(
                ended_before=NOW - timedelta(days=3650)
            ),
        }

    def of_batches(self) -> dict[str, Call]:
        """Return what is asked about batches."""
        batches, most = self.services.batches, person(0)
        day = OffPeak.parse("00:00-00:00")
        voices = {document_id(n): VOICE for n in range(20)}
        return {
            "batches: list": lambda: batches.list(most),
            "batches: jobs of one": lambda: batches.jobs(most, f"{0:032d}"),
            "batches: release": lambda: batches.release(day, limit=8),
            "batches: voiced characters": lambda: batches.voiced_chars(most, voices),
        }

    def of_statistics(self) -> dict[str, Call]:
        """Return what leads from the outbox to statistics."""
        outbox, most = self.services.outbox, person(0)
        event = DocumentAdded(document_id="d", format="text", size_bytes=1)

        def publish_some() -> object:
            batch = outbox.reserve(500)
            return batch and outbox.mark_published(batch.part)

        return {
            "outbox: append": lambda: outbox.append(
                EventKind.DOCUMENT_ADDED, event, principal=most
            ),
            "outbox: how many wait": outbox.pending_count,
            "outbox: since when": outbox.oldest_pending_at,
            "outbox: unfinished parts": outbox.unfinished_parts,
            "outbox: publish 500": publish_some,
        }

    def of_upkeep(self) -> dict[str, Call]:
        """Return what is done each night, piece by piece."""
        stores = self.services
        deleted = iter(range(7, self.size.documents, 1000))
        gone = chain(map(document_id, deleted), repeat(document_id(7)))
        return {
            "sweep: purge a document": lambda: stores.catalog.purge(next(gone)),
            "sweep: all of it": lambda: sweep(stores),
        }

    @property
    def some_blocks(self) -> int:
        """Return as many blocks as a window has, if there are."""
        return min(32, self.size.blocks)

    def key_in(self, document: int, block: int) -> VariantKey:
        """Return which sound a block of a document has."""
        return key(sound_number(self.size, document * self.size.blocks + block))

    def link(self, of: VariantKey, index: int) -> Link:
        """Return a link of a block to a sound."""
        return Link(index, BlockId(f"5-{index}"), BlockKind.PARAGRAPH, of, 250, 12_000)
