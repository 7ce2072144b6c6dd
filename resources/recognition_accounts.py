"""What is told and counted of a recognition: pages, methods, engines, time."""

from lectern.documents.pages import RecognisedPage, Recognition, RecognitionMethod
from lectern.ids import DocumentId
from lectern.jobs.wanted import LOCAL, Wanted
from lectern.usage.events import Recognised

ELSEWHERE = (RecognitionMethod.MISTRAL, RecognitionMethod.VISION)
TEXT_LAYER_ENGINE = "pypdfium2"
PICTURES = (RecognitionMethod.TESSERACT, RecognitionMethod.RAPIDOCR, *ELSEWHERE)
"""Ways of reading a page by how it looks."""


def account_of(recognition: Recognition) -> dict[str, object]:
    """Return what is told of a recognition without reading it again."""
    pages = recognition.pages
    return {
        "pages": len(pages),
        "page_count": recognition.page_count,
        "reused_pages": recognition.reused_pages,
        "sent_pages": recognition.sent_pages,
        "pictures": sum(map(_is_from_picture, pages)),
        "methods": _methods(pages),
        "engines": sorted({page.engine for page in pages}),
        "by_page": [[p.number, p.method.value, p.confidence] for p in pages],
    }


def events_of(
    recognition: Recognition,
    document_id: DocumentId,
    wanted: Wanted,
    *,
    elapsed_ms: int,
) -> list[Recognised]:
    """Return one event for each way in which pages were read, and how long it took.

    What an engine elsewhere read before is not read again, so it is not counted; and
    the time of a request is not spread over pages that were read here beside it.
    """
    methods = _methods(recognition.pages)
    for method in ELSEWHERE:
        if method in methods:
            methods[method] -= recognition.reused_pages
    slow = {m: n for m, n in methods.items() if m in ELSEWHERE and n > 0}
    timed = slow or methods
    pages = max(1, sum(timed.values()))
    return [
        Recognised(
            document_id=document_id,
            pages=count,
            method=name,
            elapsed_ms=round(elapsed_ms * timed.get(name, 0) / pages),
            engine=wanted.recogniser if name in ELSEWHERE else LOCAL,
        )
        for name, count in methods.items()
        if count > 0
    ]


def _methods(pages: tuple[RecognisedPage, ...]) -> dict[str, int]:
    """Return how many pages were won by which method."""
    counts: dict[str, int] = {}
    for page in pages:
        if page.method is not RecognitionMethod.BLANK:
            counts[page.method.value] = counts.get(page.method.value, 0) + 1
    return counts


def _is_from_picture(page: RecognisedPage) -> bool:
    """Tell whether a page had to be looked at, whether or not words were found."""
    if page.method is RecognitionMethod.BLANK:
        return not page.engine.startswith(TEXT_LAYER_ENGINE)
    return page.method in PICTURES
