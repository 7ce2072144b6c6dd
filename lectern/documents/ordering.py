"""The order a reader expects pages in, and what is wrong with the ones at hand.

Engines reply in any order: a batch reply follows completion, not the document.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from lectern.documents.blocks import Finding
from lectern.documents.pages import RecognisedPage, RecognitionMethod

LOW_CONFIDENCE = 0.6
"""Mean confidence of recognised letters below which a page is worth a warning."""
NAMED_PAGES = 12


@dataclass(frozen=True, slots=True)
class SortedPages:
    """Pages by number, each number once."""

    pages: tuple[RecognisedPage, ...]
    missing: tuple[int, ...]  # one-based, in order
    findings: tuple[Finding, ...]


def sort_pages(pages: Iterable[RecognisedPage], *, page_count: int) -> SortedPages:
    """Return pages in the order of the numbers they state.

    Of two pages with one number the one that says more is kept. Gaps are kept
    too: a page that is missing must not renumber the rest.
    """
    given = list(pages)
    best: dict[int, RecognisedPage] = {}
    repeated: dict[int, int] = {}
    for page in given:
        known = best.get(page.number)
        if known is not None:
            repeated[page.number] = repeated.get(page.number, 1) + 1
        if known is None or _worth(page) > _worth(known):
            best[page.number] = page
    ordered = tuple(best[number] for number in sorted(best))
    missing = missing_numbers(best, page_count=page_count)
    findings = [
        *_reordered(given),
        *(_repeated(number, times) for number, times in sorted(repeated.items())),
        *(_missing(missing, page_count) if missing else ()),
        *_doubtful(ordered),
    ]
    return SortedPages(ordered, missing, tuple(findings))


def missing_numbers(present: Iterable[int], *, page_count: int) -> tuple[int, ...]:
    """Return the numbers from 1 to ``page_count`` that are not present."""
    known = set(present)
    return tuple(n for n in range(1, page_count + 1) if n not in known)


def _worth(page: RecognisedPage) -> tuple[int, float]:
    chars = sum(len(line.text) for line in page.lines)
    chars += sum(len(element.text) for element in page.elements)
    return chars, page.confidence or 0.0


def _reordered(given: list[RecognisedPage]) -> list[Finding]:
    numbers = [page.number for page in given]
    late = [b for a, b in itertools.pairwise(numbers) if b < a]
    if not late:
        return []
    message = f"The pages came out of order and were sorted; page {late[0]} came late."
    return [Finding("reordered_pages", message, late[0])]


def _repeated(number: int, times: int) -> Finding:
    message = f"Page {number} came {times} times; the fullest one is used."
    return Finding("repeated_page", message, number)


def _missing(missing: tuple[int, ...], page_count: int) -> list[Finding]:
    named = ", ".join(str(number) for number in missing[:NAMED_PAGES])
    more = len(missing) - NAMED_PAGES
    tail = f" and {more} more" if more > 0 else ""
    noun = "Page" if len(missing) == 1 else "Pages"
    verb = "is" if len(missing) == 1 else "are"
    message = f"{noun} {named}{tail} of {page_count} {verb} missing."
    return [Finding("missing_page", message, missing[0])]


def _doubtful(pages: tuple[RecognisedPage, ...]) -> list[Finding]:
    """Return what engines remarked, and pages they were unsure of."""
    findings = [
        Finding("remark", remark, page.number)
        for page in pages
        for remark in page.remarks
    ]
    for page in pages:
        confidence = page.confidence
        if page.method is RecognitionMethod.BLANK or confidence is None:
            continue
        if confidence < LOW_CONFIDENCE:
            message = (
                f"Page {page.number} was hard to read "
                f"({confidence:.0%} sure of its letters)."
            )
            findings.append(Finding("low_confidence", message, page.number))
    return findings
