"""A page cache that charges: a page that was read before is free, a new one is not.

A page is reserved when it is looked for and missed, and charged in the transaction
that keeps it. So a page is kept if and only if it was charged, whatever dies.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.documents.pages import RecognisedPage
from lectern.ids import digest
from resources.engines.recognition.base import PageCache
from resources.stores.database import Database
from resources.stores.ledger import Ledger
from resources.stores.page_cache import StoredPageCache

PriceOf = Callable[[int], int | None]
"""Returns what so many pages cost, in millionths of a dollar; None is not known."""


class PageCharging:
    """Lets pages be read on somebody's account."""

    def __init__(
        self, database: Database, cache: StoredPageCache, ledger: Ledger
    ) -> None:
        self.database = database
        self.cache = cache
        self.ledger = ledger

    @contextmanager
    def on_account_of(
        self, principal: Principal, *, ref: str, paid_as: str, price_of: PriceOf
    ) -> Iterator[PageCache]:
        """Yield the cache for one document; what was reserved for pages that were not
        read in the end is given back.

        Pages of the engine ``paid_as`` cost ``price_of``; the others are read here.
        """
        pages = _ChargedPages(self, principal, ref, paid_as, price_of)
        try:
            yield pages
        finally:
            self.ledger.release(principal, list(pages.reserved))


class _ChargedPages(PageCache):
    """The cache as one recognition sees it."""

    def __init__(
        self,
        charging: PageCharging,
        principal: Principal,
        ref: str,
        paid_as: str,
        price_of: PriceOf,
    ) -> None:
        self._charging = charging
        self._principal = principal
        self._ref = ref
        self._paid_as = paid_as
        self._price_of = price_of
        self._name = uuid.uuid4().hex
        self.reserved: set[str] = set()

    def get(self, content_digest: str, engine: str) -> RecognisedPage | None:
        """Return the page if it was read before, else reserve what reading it takes.

        Raises:
            AllowanceUsedUp: There is not so much left.
        """
        known = self._charging.cache.get(content_digest, engine)
        key = self._key(content_digest, engine)
        if known is None and key not in self.reserved:
            amounts = self._amounts(engine)
            self._charging.ledger.reserve(self._principal, amounts, key=key)
            self.reserved.add(key)
        return known

    def put(self, page: RecognisedPage, *, engine: str | None = None) -> None:
        """Keep a page that was just read, and charge it."""
        name = engine or page.engine
        key = self._key(page.content_digest, name)
        with self._charging.database.write() as connection:
            self._charging.cache.put(page, engine=engine, connection=connection)
            self._charging.ledger.settle(
                self._principal,
                self._amounts(name),
                key=f"page:{digest(page.content_digest, name)}",
                ref=self._ref,
                holds=[key],
                connection=connection,
            )
        self.reserved.discard(key)

    def _amounts(self, engine: str) -> dict[Unit, int]:
        price_micros = self._price_of(1) if engine == self._paid_as else 0
        return {Unit.OCR_PAGES: 1, Unit.MICROS: price_micros or 0}

    def _key(self, content_digest: str, engine: str) -> str:
        """Return the name of a page's hold: each recognition has its own."""
        return f"page:{self._name}:{digest(content_digest, engine)}"
