"""All pages of a document that can be had: those missing are asked for again, alone."""

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

from lectern.documents.ordering import missing_numbers
from lectern.documents.pages import Recognition
from lectern.errors import EngineError, TooManyPages
from resources.engines.recognition.base import PageCache, Progress, Recogniser
from resources.stores.catalog import Document

ROUNDS_FOR_MISSING_PAGES = 2

logger = logging.getLogger(__name__)


def recognise_all(
    document: Document,
    path: Path,
    recogniser: Recogniser,
    *,
    cache: PageCache,
    progress: Progress,
    all_pages: bool,
    page_limit: int,
) -> Recognition:
    """Return what a recogniser makes of a document's file.

    ``all_pages`` sends those to an engine elsewhere, too, that can be read here.

    Raises:
        InputError: The file cannot be read; the message says what to do.
        LimitReached: It has more pages than one document may have.
        EngineError: The engine failed.
    """
    ask = partial(
        recogniser.recognise, path, document.format, cache=cache, progress=progress
    )
    recognition = ask(all_pages=True) if all_pages else ask()
    if recognition.page_count > page_limit:
        raise TooManyPages(
            f"“{document.filename}” has {recognition.page_count} pages; one "
            f"document may have {page_limit}. Split it and upload the parts.",
            used=recognition.page_count,
            limit=page_limit,
        )
    for _ in range(ROUNDS_FOR_MISSING_PAGES):
        numbers = (page.number for page in recognition.pages)
        missing = missing_numbers(numbers, page_count=recognition.page_count)
        if not missing:
            break
        logger.warning("Pages %s of document %s are missing", missing, document.id)
        try:
            again = ask(only_pages=missing)
        except EngineError as error:
            # The rest can be read; the gap is found and shown when pages are sorted.
            logger.warning("Missing pages stay missing: %s", error)
            continue
        recognition = _with_pages(recognition, again, set(missing))
    return recognition


def _with_pages(
    recognition: Recognition, again: Recognition, wanted: set[int]
) -> Recognition:
    found = tuple(page for page in again.pages if page.number in wanted)
    return replace(
        recognition,
        pages=recognition.pages + found,
        reused_pages=recognition.reused_pages + again.reused_pages,
    )
