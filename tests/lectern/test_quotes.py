"""What work will cost."""

import pytest

from lectern.usage.quotes import Quote, price_text


@pytest.mark.parametrize(
    ("price_micros", "text"),
    [
        (0, "free"),
        (None, "price not known"),
        (3_999, "less than $0.01"),
        (240_000, "$0.24"),
        (12_345_678, "$12.35"),
    ],
)
def test_a_price_is_said_as_people_read_it(price_micros: int | None, text: str) -> None:
    assert price_text(Quote("mistral", price_micros=price_micros)) == text


def test_another_currency_is_named() -> None:
    quote = Quote("mistral", price_micros=1_500_000, currency="EUR")

    assert price_text(quote) == "EUR 1.50"
