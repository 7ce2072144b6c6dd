"""Pages read from their picture: counted once, before they are read, and no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lectern.accounts.people import LOCAL, Principal
from lectern.accounts.units import Unit
from lectern.documents.pages import RecognisedPage
from lectern.errors import DailyLimitReached, EngineCrashed
from lectern.ids import digest
from resources.counted_pages import counted
from resources.engines.recognition.base import PageCache
from resources.services import Services
from tests.support.printing import Sheet
from tests.support.stores import OTHER, give

ENGINE = "press"


def page(number: int) -> RecognisedPage:
    made = Sheet(number).text(f"Page {number}.").page()
    return replace(made, content_digest=digest("page", str(number)))


def read_all(services: Services, *numbers: int, crashes: bool = False) -> None:
    with reading(services) as cache:
        for number in numbers:
            read(cache, number)
        if crashes:
            cache.get(page(99).content_digest, ENGINE)
            raise EngineCrashed("It crashed.")


def read(cache: PageCache, number: int) -> None:
    """Read a page from its picture as every recogniser does: look first, keep after."""
    shown = page(number).content_digest
    if cache.get(shown, ENGINE) is None:
        cache.put(page(number), engine=ENGINE)


@contextmanager
def reading(services: Services, principal: Principal = OTHER) -> Iterator[PageCache]:
    with counted(services.page_cache, services.allowed, principal) as cache:
        yield cache


def used(services: Services, principal: Principal = OTHER) -> int:
    return services.daily.used(principal.owner_id).get(Unit.OCR_PAGES, 0)


def test_no_more_pages_are_read_in_a_day_than_one_person_may_have(
    services: Services,
) -> None:
    give(services, OTHER, daily_ocr_pages=2)
    with pytest.raises(DailyLimitReached, match="2 pages have been read") as refused:
        read_all(services, 1, 2, 3)

    assert used(services) == 2 == refused.value.limit
    assert services.page_cache.get(page(2).content_digest, ENGINE) is not None
    assert services.page_cache.get(page(3).content_digest, ENGINE) is None


def test_a_page_that_was_read_before_costs_nothing(services: Services) -> None:
    give(services, OTHER, daily_ocr_pages=1)
    with reading(services, LOCAL) as cache:
        read(cache, 1)
    read_all(services, 1, 2, 2)

    assert (used(services, LOCAL), used(services)) == (1, 1)


def test_a_page_that_could_not_be_read_costs_nothing(services: Services) -> None:
    give(services, OTHER, daily_ocr_pages=1)
    with pytest.raises(EngineCrashed):
        read_all(services, crashes=True)

    assert used(services) == 0
    read_all(services, 1)
