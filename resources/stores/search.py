"""Full-text search over titles and texts, by whatever the database offers.

SQLite has FTS5, a table ``document_search`` of its own (made by the first migration,
not in ``schema.py``); elsewhere every word is
looked for with ``ILIKE`` in ``document_text``.
"""

import re

from sqlalchemy import Connection, delete, insert, select, text

from lectern.accounts.people import Principal
from lectern.ids import DocumentId
from resources.stores import schema

SNIPPET_WORDS = 14
LIMIT = 200


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
        connection.execute(insert(schema.document_text), [row])


def index_title(connection: Connection, document_id: DocumentId, title: str) -> None:
    """Change the title by which a document is found."""
    table = (
        "document_search" if connection.dialect.name == "sqlite" else "document_text"
    )
    connection.execute(
        text(f"UPDATE {table} SET title = :title WHERE document_id = :id"),  # noqa: S608
        {"title": title, "id": document_id},
    )


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
    terms = re.findall(r"\w+", words)
    if not terms:
        return {}
    if connection.dialect.name == "sqlite":
        return _find_by_fts5(connection, principal, terms)
    return _find_by_like(connection, principal, terms)


def _find_by_fts5(
    connection: Connection, principal: Principal, terms: list[str]
) -> dict[DocumentId, str]:
    phrases = [f'"{term}"' for term in terms]
    rows = connection.execute(
        text(
            "SELECT s.document_id, snippet(document_search, 2, '', '', '…', :size) "
            "FROM document_search s JOIN document d ON d.id = s.document_id "
            "WHERE document_search MATCH :terms AND d.owner_id = :owner "
            "AND d.deleted_at IS NULL "
            "ORDER BY bm25(document_search, 0, 8, 1) LIMIT :limit"
        ),
        {
            "terms": " AND ".join(phrases) + "*",
            "owner": principal.owner_id,
            "size": SNIPPET_WORDS,
            "limit": LIMIT,
        },
    )
    return {DocumentId(id_): _with_any(snippet, terms) for id_, snippet in rows}


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
    for term in terms:
        title = found.title.icontains(term, autoescape=True)
        query = query.where(title | found.body.icontains(term, autoescape=True))
    rows = connection.execute(query)
    return {DocumentId(id_): _snippet(body, terms) for id_, body in rows}


def _with_any(snippet: str, terms: list[str]) -> str:
    """Return a snippet when it shows a term; FTS5 gives the beginning otherwise."""
    return snippet if _first_place(snippet, terms) is not None else ""


def _snippet(body: str, terms: list[str]) -> str:
    place = _first_place(body, terms)
    if place is None:
        return ""
    before = body[:place].split()[-4:]
    after = body[place : place + 400].split()[: SNIPPET_WORDS - 4]
    return f"…{' '.join([*before, *after])}…"


def _first_place(body: str, terms: list[str]) -> int | None:
    pattern = "|".join(re.escape(term) for term in terms)
    match = re.search(pattern, body, re.IGNORECASE)
    return match.start() if match else None
