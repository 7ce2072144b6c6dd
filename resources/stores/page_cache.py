"""Recognised pages by their content, so that no page is recognised twice.

Only a cache: rows are small, a lost one is recognised again.
"""

import zlib
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from lectern.documents.pages import RecognisedPage
from resources.engines.recognition.base import PageCache
from resources.stores import schema
from resources.stores.clearing import delete_where
from resources.stores.database import Database
from resources.stores.upsert import insert_or_update

_page = schema.page_cache.c
_form = TypeAdapter(RecognisedPage)


class StoredPageCache(PageCache):
    """The table of recognised pages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, content_digest: str, engine: str) -> RecognisedPage | None:
        """Return the page recognised from this content by this engine, if any."""
        query = select(_page.page).where(
            _page.content_digest == content_digest, _page.engine == engine
        )
        with self._database.read() as connection:
            packed = connection.execute(query).scalar_one_or_none()
        if packed is None:
            return None
        try:
            return _form.validate_json(zlib.decompress(packed))
        except (ValidationError, zlib.error):
            return None  # written by another version: recognised again

    def put(
        self,
        page: RecognisedPage,
        *,
        engine: str | None = None,
        connection: Connection | None = None,
    ) -> None:
        """Keep a page under its ``content_digest`` and the engine asked for."""
        row = {
            "content_digest": page.content_digest,
            "engine": engine or page.engine,
            "page": zlib.compress(_form.dump_json(page), level=6),
            "created_at": self._database.now(),
        }
        identity = ["content_digest", "engine"]
        with self._database.joined(connection) as joined:
            insert_or_update(joined, schema.page_cache, [row], by=identity)

    def drop_old(self, older_than: timedelta) -> int:
        """Forget pages recognised long ago; return how many."""
        before = self._database.now() - older_than
        is_old = _page.created_at < before
        return delete_where(self._database, schema.page_cache, is_old)
