"""Full-text search over jobs: the title, what was done, why it failed, its log.

``job_text`` keeps the words without accents, capitals and signs, each once. SQLite
has a full-text index over it (FTS5, kept by triggers of the migration); PostgreSQL
answers ``LIKE`` from an index over three letters at a time. Rows are numbered in the
order in which jobs were made, so that the newest matches are found first and a search
goes on where it stopped.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    column,
    insert,
    select,
    table,
    update,
)

from lectern.errors import NotFound
from lectern.ids import DocumentId, JobId, digest
from resources.stores import schema, schema_jobs
from resources.stores.portions import portions

WORDS_CHARS = 20_000
"""Kept of the words of one job; a log beyond that is found by what it began with."""
TERMS = 12
"""Words of one search."""
_WORD = re.compile(r"\w+")
_text = schema_jobs.job_text.c
_job = schema_jobs.job.c

Indexed = tuple[JobId, str, str, Sequence[str]]
"""A job, its owner, the title, and texts that it is to be found by."""


def index_jobs(connection: Connection, jobs: Sequence[Indexed]) -> None:
    """Make new jobs findable, in this order."""
    if jobs:
        connection.execute(
            insert(schema_jobs.job_text),
            [
                {
                    "job_id": job_id,
                    "owner_id": owner_id,
                    "title": _row(_words(title)),
                    "words": _row([_owner_word(owner_id), *_words(*texts)]),
                }
                for job_id, owner_id, title, texts in jobs
            ],
        )


def titles_of(connection: Connection, document_ids: Collection[str]) -> dict[str, str]:
    """Return the titles of documents that jobs are about to be made for.

    Their rows are locked as by a reference to them: whoever is about to delete one
    for good comes first, or sees the job.

    Raises:
        NotFound: One of them is not there.
    """
    document = schema.document.c
    titles: dict[str, str] = {}
    for some in portions(sorted(document_ids)):
        query = select(document.id, document.title).where(document.id.in_(some))
        held = query.order_by(document.id).with_for_update(read=True, key_share=True)
        titles |= dict(connection.execute(held).tuples().all())
    if len(titles) < len(set(document_ids)):
        raise NotFound("There is no such document. It may have been deleted.")
    return titles


def insert_jobs(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add jobs, findable by the titles of their documents and by their kinds.

    Raises:
        NotFound: There is no such document.
    """
    titles = titles_of(connection, {row["document_id"] for row in rows})
    for row in rows:
        row["title"] = titles[row["document_id"]]
    connection.execute(insert(schema_jobs.job), list(rows))
    index_jobs(
        connection,
        [(row["id"], row["owner_id"], row["title"], [row["kind"]]) for row in rows],
    )


def add_words(connection: Connection, job_id: JobId, *texts: str) -> None:
    """Make a job findable by more words than before."""
    row = _text.job_id == job_id
    known = connection.scalar(select(_text.words).where(row).with_for_update())
    if known is None:
        return
    words = _row(dict.fromkeys([*known.split(), *_words(*texts)]))
    if words != known:
        connection.execute(update(schema_jobs.job_text).where(row).values(words=words))


def retitle(connection: Connection, document_id: DocumentId, title: str) -> None:
    """Give the jobs of a document its new title."""
    of_it = _job.document_id == document_id
    connection.execute(update(schema_jobs.job).where(of_it).values(title=title))
    ids = select(_job.id).where(of_it)
    connection.execute(
        update(schema_jobs.job_text)
        .where(_text.job_id.in_(ids))
        .values(title=_row(_words(title)))
    )


@dataclass(frozen=True, slots=True)
class Searched:
    """A question narrowed to jobs with some words, and what to put it in order by."""

    query: Select[Any]
    number: ColumnElement[int]


def searched(
    query: Select[Any], *, dialect: str, owner_id: str, sought: str
) -> Searched:
    """Narrow a question over ``job`` to those of a person with these words.

    Every word has to occur, the last one at least as the start of a word. What holds
    no word narrows nothing.
    """
    terms = _words(sought)[:TERMS]
    joined = query.join(schema_jobs.job_text, _text.job_id == _job.id)
    joined = joined.where(_text.owner_id == owner_id)
    if not terms:
        return Searched(joined, _text.number)
    if dialect == "sqlite":
        return _by_fts5(joined, owner_id, terms)
    *whole, begun = terms
    for word in (*(f" {term} " for term in whole), f" {begun}"):
        joined = joined.where(
            (_text.title + _text.words).contains(word, autoescape=True)
        )
    return Searched(joined, _text.number)


def _by_fts5(query: Select[Any], owner_id: str, terms: Sequence[str]) -> Searched:
    """Narrow a question by SQLite's index, which gives rows by falling number itself.

    The owner is one of the words: the lists of rows of a frequent word and of its
    owner are then intersected, and nobody else's rows are looked at.
    """
    found = table("job_search", column("rowid", Integer), column("job_search"))
    phrases = [f'"{_owner_word(owner_id)}"', *(f'"{term}"' for term in terms)]
    is_match = found.c.job_search.op("MATCH")(" AND ".join(phrases) + "*")
    joined = query.join(found, found.c.rowid == _text.number).where(is_match)
    return Searched(joined, found.c.rowid)


def _owner_word(owner_id: str) -> str:
    """Return a word that the texts of one person have, and that nobody would write."""
    return f"owner{digest('jobs of', owner_id)[:16]}"


def _words(*texts: str) -> list[str]:
    """Return the different words of some texts, in order."""
    found: dict[str, None] = {}
    for text in texts:
        found |= dict.fromkeys(_WORD.findall(_plain(text.replace("_", " "))))
    return list(found)


def _row(words: Iterable[str]) -> str:
    """Return words with one blank before and after each, up to a length."""
    row = f" {' '.join(words)} "
    if len(row) <= WORDS_CHARS:
        return row
    return row[: row.rindex(" ", 0, WORDS_CHARS) + 1]


def _plain(words: str) -> str:
    decomposed = unicodedata.normalize("NFD", words.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
