"""Pages read from their picture, counted against what a person may have read in a day.

A page that was read before, whoever had it read, costs nothing. One is taken before it
is read, in one statement, and given back when nothing came of it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.documents.pages import RecognisedPage
from lectern.errors import DailyLimitReached
from resources.engines.recognition.base import PageCache
from resources.stores.allowed import Allowed


class CountedPages(PageCache):
    """A page cache that counts the pages which it does not hold."""

    def __init__(self, pages: PageCache, allowed: Allowed, principal: Principal):
        self._pages = pages
        self._allowed = allowed
        self._owner_id = principal.owner_id
        self._limit = allowed.limits.of(principal).daily_ocr_pages
        self._lock = threading.Lock()
        self._taken = self._read = 0

    def get(self, content_digest: str, engine: str) -> RecognisedPage | None:
        """Return a page that was read before; else take one of today's.

        Raises:
            DailyLimitReached: None of today's is left.
        """
        known = self._pages.get(content_digest, engine)
        if known is None:
            self._take()
        return known

    def _take(self) -> None:
        daily, limit = self._allowed.daily, self._limit
        if not daily.take(self._owner_id, Unit.OCR_PAGES, 1, limit=limit):
            raise DailyLimitReached(
                f"{limit:,} pages have been read from their picture for you today, as "
                f"many as one person may have. {self._allowed.more_later()} Try it "
                "again then; what is read is kept.",
                used=limit,
                limit=limit,
                retry_after_seconds=self._allowed.seconds_left(),
            )
        with self._lock:
            self._taken += 1

    def put(self, page: RecognisedPage, *, engine: str | None = None) -> None:
        """Keep a page that has been read."""
        self._pages.put(page, engine=engine)
        with self._lock:
            self._read += 1

    def give_back(self) -> None:
        """Give back the pages of which nothing came."""
        with self._lock:
            unread, self._taken, self._read = self._taken - self._read, 0, 0
        self._allowed.daily.give_back(self._owner_id, Unit.OCR_PAGES, unread)


@contextmanager
def counted(
    pages: PageCache, allowed: Allowed | None, principal: Principal
) -> Iterator[PageCache]:
    """Yield a page cache that counts for a person, where anything is to be counted."""
    if allowed is None:
        yield pages
        return
    counting = CountedPages(pages, allowed, principal)
    try:
        yield counting
    finally:
        counting.give_back()
