"""Full-text search over titles and texts, by whatever the database offers.

SQLite has FTS5, a table ``document_search`` of its own (made by the first migration,
not in ``schema.py``). Elsewhere ``document_text`` keeps the words of title and text
without accents, capitals and signs, and they are looked for with ``LIKE``, which
PostgreSQL answers from an index over three letters at a time.
"""

import re
import unicodedata

from sqlalchemy import Connection, delete, insert, select, text

from lectern.accounts.people import Principal
from lectern.ids import DocumentId
from resources.stores import schema

SNIPPET_WORDS = 14
LIMIT = 200
_WORD = r"\w+"


def index_text(
    connection: Connection, document_id: DocumentId, *, title: str, body: str
) -> None:
    """Make a document findable by these words, and by no others from before."""
    drop_text(connection, document_id)
    row = {"document_id": document_id, "title": title, "body": body}
    if connection.dialect.name == "sqlite":
        connection.execute(
            text("INSERT INTO document_search VALUES (:document_id, :title, :body)"),
            row,
        )
    else:
        row["plain"] = _words_alone(f"{title} {body}")
        connection.execute(insert(schema.document_text), [row])


def index_title(connection: Connection, document_id: DocumentId, title: str) -> None:
    """Change the title by which a document is found."""
    if connection.dialect.name == "sqlite":
        connection.execute(
            text("UPDATE document_search SET title = :title WHERE document_id = :id"),
            {"title": title, "id": document_id},
        )
        return
    column = schema.document_text.c
    query = select(column.body).where(column.document_id == document_id)
    body = connection.scalar(query)
    if body is not None:
        index_text(connection, document_id, title=title, body=body)


def drop_text(connection: Connection, document_id: DocumentId) -> None:
    """Make a document unfindable."""
    if connection.dialect.name == "sqlite":
        connection.execute(
            text("DELETE FROM document_search WHERE document_id = :id"),
            {"id": document_id},
        )
    else:
        column = schema.document_text.c.document_id
        connection.execute(delete(schema.document_text).where(column == document_id))


def find_texts(
    connection: Connection, principal: Principal, words: str
) -> dict[DocumentId, str]:
    """Return a snippet by document of this person, best first.

    Every word has to occur, the last one at least as the start of a word. The
    snippet is empty where only the title has them.
    """
    terms = re.findall(_WORD, words)
    if not terms:
        return {}
    if connection.dialect.name == "sqlite":
        return _find_by_fts5(connection, principal, terms)
    return _find_by_like(connection, principal, terms)


def _find_by_fts5(
    connection: Connection, principal: Principal, terms: list[str]
) -> dict[DocumentId, str]:
    phrases = [f'"{term}"' for term in terms]
    matched = {
        "terms": " AND ".join(phrases) + "*",
        "owner": principal.owner_id,
        "limit": LIMIT,
    }
    rows = connection.execute(
        text(
            "SELECT s.rowid, s.document_id FROM document_search s "
            "JOIN document d ON d.id = s.document_id "
            "WHERE document_search MATCH :terms AND d.owner_id = :owner "
            "AND d.deleted_at IS NULL "
            "ORDER BY bm25(document_search, 0, 8, 1) LIMIT :limit"
        ),
        matched,
    ).all()
    return {
        DocumentId(document_id): _fts5_snippet(connection, rowid, matched, terms)
        for rowid, document_id in rows
    }


def _fts5_snippet(
    connection: Connection, rowid: int, matched: dict[str, object], terms: list[str]
) -> str:
    """Return some words around the first find, "" when only the title has it.

    FTS5's own ``snippet`` weighs every find of a text, which takes a second in a
    book; it is asked only where a plain look finds nothing (accents, capitals).
    """
    plain = connection.execute(
        text(
            "SELECT substr(body, max(1, instr(lower(body), :term) - 60), 400) "
            "FROM document_search WHERE rowid = :rowid AND instr(lower(body), :term)"
        ),
        {"rowid": rowid, "term": f" {terms[0].lower()}"},
    ).scalar_one_or_none()
    if plain is not None:
        return _snippet(str(plain), terms)
    weighed = connection.execute(
        text(
            "SELECT snippet(document_search, 2, '', '', '…', :size) "
            "FROM document_search WHERE document_search MATCH :terms AND rowid = :rowid"
        ),
        {**matched, "rowid": rowid, "size": SNIPPET_WORDS},
    ).scalar_one()
    return _with_any(str(weighed), terms)


def _find_by_like(
    connection: Connection, principal: Principal, terms: list[str]
) -> dict[DocumentId, str]:
    found, document = schema.document_text.c, schema.document.c
    query = (
        select(found.document_id, found.body)
        .join(schema.document, document.id == found.document_id)
        .where(document.owner_id == principal.owner_id, document.deleted_at.is_(None))
        .order_by(document.created_at.desc())
        .limit(LIMIT)
    )
    *whole, begun = (_plain(term) for term in terms)
    for sought in (*(f" {term} " for term in whole), f" {begun}"):
        query = query.where(found.plain.contains(sought, autoescape=True))
    rows = connection.execute(query)
    return {DocumentId(id_): _snippet(body, terms) for id_, body in rows}


def _with_any(snippet: str, terms: list[str]) -> str:
    """Return a snippet when it shows a term; FTS5 gives the beginning otherwise."""
    shown = _plain(snippet)
    return snippet if any(_plain(term) in shown for term in terms) else ""


def _words_alone(words: str) -> str:
    """Return the words with one blank before and after each."""
    return f" {' '.join(re.findall(_WORD, _plain(words)))} "


def _plain(words: str) -> str:
    decomposed = unicodedata.normalize("NFD", words.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _snippet(body: str, terms: list[str]) -> str:
    pattern = "|".join(rf"\b{re.escape(term)}" for term in terms)
    match = re.search(pattern, body, re.IGNORECASE)
    if match is None:
        return ""
    before = body[: match.start()].split()[-4:]
    after = body[match.start() :].split()[: SNIPPET_WORDS - 4]
    return f"…{' '.join([*before, *after])}…"
