"""A database of any size, filled past the stores: for plans and for measuring.

Skewed as real libraries are: one person has a tenth of all documents, and one sound
(“Chapter one”) is heard in a hundredth of all blocks.
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Table, text

from lectern.accounts.people import Principal
from lectern.ids import BlobHash, DocumentId, OwnerId, VariantKey
from lectern.jobs.states import JobStep
from resources.stores import schema
from resources.stores.database import Database
from resources.stores.job_search import _owner_word

NOW = datetime(2026, 6, 1, tzinfo=UTC)
VOICE = "espeak:en-gb"
ROWS_AT_ONCE = 20_000
LINKS_A_SOUND = 4
POPULAR_EVERY = 100
WORDS = tuple(hashlib.md5(str(n).encode()).hexdigest()[:6] for n in range(3000))
Row = tuple[Any, ...]
COLUMNS = {
    "artifact": "document_id name blob metadata created_at",
    "document": """
        id owner_id title filename format blob size_bytes state error_code
        error_message version revision page_count block_count spoken_chars word_count
        language blocks_blob policy voice_id created_at updated_at deleted_at
    """,
    "job": """
        id owner_id document_id kind state step done total message error_code
        error_message error_retryable parameters run_id attempts cancel_requested
        created_at started_at finished_at heartbeat_at step_started_at priority
        batch_id not_before released_at
    """,
}
"""Of tables that get new columns now and then, which may stay empty."""


@dataclass(frozen=True)
class Size:
    """How much there is; the other tables follow from these two."""

    documents: int = 10_000
    links: int = 1_000_000

    @property
    def blocks(self) -> int:
        """Return the blocks of each document."""
        return self.links // self.documents

    @property
    def sounds(self) -> int:
        """Return how many variants there are."""
        return self.links // LINKS_A_SOUND

    def owner(self, number: int) -> Principal:
        """Return whose a document is."""
        first = min(self.documents // 10, 9_000)
        return person(0 if number < first else 1 + (number - first) // 100)


def person(number: int) -> Principal:
    """Return a person by number; 0 has the most documents."""
    return Principal(OwnerId(f"person-{number:06d}"))


def document_id(number: int) -> DocumentId:
    """Return a document's id by its number."""
    return DocumentId(_hash(f"document {number}")[:32])


def key(number: int) -> VariantKey:
    """Return a variant's key by its number; 0 is the popular one."""
    return VariantKey(_hash(f"sound {number}"))


def blob(name: str) -> BlobHash:
    """Return the name of a blob that is nowhere."""
    return BlobHash(_hash(name))


def sound_number(size: Size, link: int) -> int:
    """Return which sound a link leads to, links being counted through."""
    return 0 if link % POPULAR_EVERY == 0 else 1 + link * 7919 % (size.sounds - 1)


def fill(
    database: Database, size: Size, told: Callable[[str], None] = lambda _: None
) -> None:
    """Fill a migrated, empty database, and let it count its rows."""
    for table, rows in _tables(size):
        told(table.name)
        with _without_indices(database, table):
            for some in _portions(rows):
                _insert(database, table, some)
    _fill_texts(database, size)
    if not database.is_sqlite:
        with database.write() as connection:
            for name, column in (("outbox", "id"), ("job_text", "number")):
                highest = connection.scalar(text(f"SELECT max({column}) FROM {name}"))
                connection.execute(
                    text(f"SELECT setval('{name}_{column}_seq', {highest})")
                )
    with database.write() as connection:
        connection.execute(text("ANALYZE"))


def _tables(size: Size) -> Iterator[tuple[Table, Iterable[Row]]]:
    yield schema.document, _documents(size)
    yield schema.artifact, _artifacts(size)
    yield schema.job, _jobs(size)
    yield schema.job_text, _job_texts(size)
    yield schema.job_step, _job_steps(size)
    yield schema.batch, _batches(size)
    yield schema.variant, _variants(size)
    yield schema.block_audio, _links(size)
    yield schema.claim, _claims()
    yield schema.cursor, _cursors(size)
    yield schema.bookmark, _bookmarks(size)
    yield schema.outbox, _outbox(size)
    yield schema.page_cache, _pages(size)
    yield schema.upload, _uploads()
    yield schema.voice, _voices()


def _documents(size: Size) -> Iterator[Row]:
    for n in range(size.documents):
        at = _at(n)
        yield (
            document_id(n), size.owner(n).owner_id, f"Title {_word(n)} {n}", "a.txt",
            "text", blob(f"file {n}"), 5000, "preparing" if n % 500 == 1 else "ready",
            None, None, 1, 1, 10, size.blocks, 250 * size.blocks, 40 * size.blocks,
            "en", blob(f"blocks {n}"), "{}", None, at, at,
            _at(-n) if n % 1000 == 7 else None,
        )  # fmt: skip


def _artifacts(size: Size) -> Iterator[Row]:
    for n in range(size.documents):
        yield document_id(n), "recognised_pages", blob(f"pages {n}"), "{}", _at(n)
        if n % 10 == 0:
            about = '{"name": "a", "media_type": "audio/ogg", "size_bytes": 1}'
            name = f"export-{blob(f'export {n}')[:32]}"
            yield document_id(n), name, blob(f"export {n}"), about, _at(n)


def _jobs(size: Size) -> Iterator[Row]:
    for n in range(2 * size.documents):
        number, kind = n // 2, "prepare" if n % 2 == 0 else "listen"
        is_held = n % 200 == 50
        state = "queued" if is_held or n % 5000 == 9 else "done"
        state = "running" if n % 5000 == 11 else state
        batch = f"{n % 50:032d}" if is_held or n % 40 == 20 else None
        yield (
            f"job-{n:031d}", size.owner(number).owner_id, document_id(number), kind,
            state, JobStep.HELD if is_held else JobStep.READING, 1, 2, "",
            None, None, None, "{}",
            f"run-{n:032d}" if state != "queued" else None, 1, 0, _at(n),
            _at(n), _at(n) if state == "done" else None, _at(n), _at(n),
            -10 if batch else 0, batch, None, None,
        )  # fmt: skip


def _job_texts(size: Size) -> Iterator[Row]:
    for n in range(2 * size.documents):
        owner = size.owner(n // 2).owner_id
        rare = "whalebone " if n % 97 == 0 else ""
        title = f" title {_word(n // 2)} {n // 2} "
        words = f" {_owner_word(owner)} prepare done recognised {rare}{_word(n)} "
        yield n + 1, f"job-{n:031d}", owner, title, words


def _job_steps(size: Size) -> Iterator[Row]:
    for n in range(0, 2 * size.documents, 2):
        at = _at(n)
        yield (
            f"job-{n:031d}", JobStep.RECOGNISING, at, at, "prepare", "local", "here",
            10, 10, 0,
        )  # fmt: skip


def _batches(size: Size) -> Iterator[Row]:
    for n in range(50):
        yield (
            f"{n:032d}", person(0).owner_id, "A batch", "", VOICE, 0,
            size.documents // 100, 1, 1, None, _at(n), None,
        )  # fmt: skip


def _variants(size: Size) -> Iterator[Row]:
    words = f"[{','.join(['[0,5,0,250]'] * 20)}]"
    for n in range(size.sounds):
        yield (
            key(n), blob(f"audio {n}"), words, 12_000, "espeak", VOICE, 250, 40_000, 1,
            person(0).owner_id, document_id(0), "b", _at(n),
            _at(-n) if n % 1000 == 3 else None,
        )  # fmt: skip


def _links(size: Size) -> Iterator[Row]:
    at = _at(0)
    for n in range(size.documents):
        id_ = document_id(n)
        for index in range(size.blocks):
            sound = sound_number(size, n * size.blocks + index)
            yield (
                id_, VOICE, index, f"{n}-{index}", 1, key(sound), 12_000, index + 1, at,
            )  # fmt: skip


def _claims() -> Iterator[Row]:
    for n in range(2000):
        yield _hash(f"claimed {n}"), "somebody", 1, _at(n * 50)


def _cursors(size: Size) -> Iterator[Row]:
    for n in range(0, size.documents, 2):
        owner = size.owner(n).owner_id
        yield owner, document_id(n), 3, 0, 0, 1.0, VOICE, "s", 1, _at(n)


def _bookmarks(size: Size) -> Iterator[Row]:
    for n in range(0, size.documents, 5):
        yield (
            _hash(f"mark {n}")[:32], size.owner(n).owner_id, document_id(n), "b", 3, 0,
            "", _at(n),
        )  # fmt: skip


def _outbox(size: Size) -> Iterator[Row]:
    count, waiting = size.links // 20, min(2000, size.links // 40)
    event = '{"document_id": "d", "format": "text", "size_bytes": 1}'
    for n in range(1, count + 1):
        is_published = n <= count - waiting
        yield (
            n, f"event:{n}", "document_added", person(0).owner_id, event,
            f"part-{n // 500:012d}" if is_published else None, _at(n),
            _at(n) if is_published else None,
        )  # fmt: skip


def _pages(size: Size) -> Iterator[Row]:
    for n in range(size.documents):
        yield _hash(f"page {n}"), "tesseract 5", b"\0", _at(n)


def _uploads() -> Iterator[Row]:
    for n in range(100):
        yield f"{n:032d}", person(n).owner_id, "a.txt", 10, 5, _at(n), _at(n)


def _voices() -> Iterator[Row]:
    for n in range(200):
        yield (
            f"{n:032d}", person(n // 20).owner_id, "kokoro", f"voice-{n}",
            f"Voice {n}", "en", "prompt", '{"kind": "prompt", "scene": "A room."}',
            "1", "", "",
            "private", None, None, _at(n), _at(n), _at(-n) if n % 20 == 3 else None,
        )  # fmt: skip


def _fill_texts(database: Database, size: Size) -> None:
    table = "document_search" if database.is_sqlite else "document_text"
    columns = "document_id, title, body"
    values = ":document_id, :title, :body"
    if not database.is_sqlite:
        columns, values = f"{columns}, plain", f"{values}, :plain"
    statement = text(f"INSERT INTO {table} ({columns}) VALUES ({values})")
    for some in _portions(range(size.documents), 2000):
        rows = [_text_of(n) for n in some]
        with database.write() as connection:
            connection.execute(statement, rows)


def _text_of(n: int) -> dict[str, str]:
    body = " ".join(_word(n * 31 + i * i) for i in range(150))
    rare = " whalebone" if n % 97 == 0 else ""
    title = f"Title {_word(n)} {n}"
    plain = f" {title} {body}{rare} ".lower()
    return {
        "document_id": document_id(n),
        "title": title,
        "body": f"{body}{rare}",
        "plain": plain,
    }


def _word(n: int) -> str:
    return WORDS[n % len(WORDS)]


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _at(n: int) -> str:
    """Return a moment, the later the smaller the number; below 0 long past."""
    ago = timedelta(minutes=n % 500_000) if n >= 0 else timedelta(days=40, minutes=-n)
    return f"{NOW - ago:%Y-%m-%d %H:%M:%S.%f}"


def _portions(rows: Iterable[Any], at_once: int = ROWS_AT_ONCE) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while some := list(islice(iterator, at_once)):
        yield some


def _insert(database: Database, table: Table, rows: list[Row]) -> None:
    named = COLUMNS.get(table.name, " ".join(table.columns.keys())).split()
    names = ", ".join(f'"{name}"' for name in named)
    with database.write() as connection:
        driver: Any = connection.connection.driver_connection
        if database.is_sqlite:
            places = ", ".join("?" * len(named))
            insert = f"INSERT INTO {table.name} ({names}) VALUES ({places})"
            driver.executemany(insert, rows)
            return
        lines = ("\t".join(map(_copied, row)) for row in rows)
        copy = f"COPY {table.name} ({names}) FROM STDIN"
        driver.cursor().copy_expert(copy, io.StringIO("\n".join(lines) + "\n"))


def _copied(value: Any) -> str:
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return "\\N" if value is None else str(value)


class _without_indices:  # noqa: N801  (used as a function)
    """Drop a table's own indices while it is filled: they are made faster after."""

    def __init__(self, database: Database, table: Table) -> None:
        self._database, self._table = database, table

    def __enter__(self) -> None:
        with self._database.write() as connection:
            for index in self._table.indexes:
                index.drop(connection)

    def __exit__(self, *_: object) -> None:
        with self._database.write() as connection:
            for index in self._table.indexes:
                index.create(connection)
