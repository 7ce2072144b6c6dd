"""What Mistral asks for a page, by model and day. Every price is of a dated name.

A model that is not listed has no known price, and nothing is guessed from its name.
"""

from dataclasses import dataclass
from datetime import date

BATCH_DISCOUNT = 0.5


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one page, while it holds."""

    model: str
    micros: int  # millionths of a dollar
    first: date
    until: date | None = None  # the day from which the model is gone


PRICES = (
    Price("mistral-ocr-2503", 1000, date(2025, 3, 6), date(2025, 12, 31)),
    Price("mistral-ocr-2505", 1000, date(2025, 5, 22), date(2026, 5, 31)),
    Price("mistral-ocr-2512", 2000, date(2025, 12, 18)),
    Price("mistral-ocr-4-0", 4000, date(2026, 6, 23), date(2026, 9, 30)),
    Price("mistral-ocr-4-1", 4000, date(2026, 7, 16)),
)


def price_micros(
    model: str, pages: int, *, on: date, is_batch: bool = False
) -> int | None:
    """Return the price of pages in millionths of a dollar; None is not known."""
    for price in PRICES:
        is_in_force = price.first <= on and (price.until is None or on < price.until)
        if price.model == model and is_in_force:
            share = BATCH_DISCOUNT if is_batch else 1.0
            return round(pages * price.micros * share)
    return None
