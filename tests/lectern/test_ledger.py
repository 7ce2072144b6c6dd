"""The ledger's rules: months, credits that run out, and what is used first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.accounts.allowances import Allowance, period_of, to_grant
from lectern.accounts.ledger import Balance, Credit, to_expire, waterfall
from lectern.accounts.units import Unit
from lectern.usage.amounts import amount_text

NOW = datetime(2026, 11, 10, tzinfo=UTC)


def credit(
    number: int, remaining: int, days: int | None, *, amount: int | None = None
) -> Credit:
    """Return a credit that runs out after some days, or never."""
    ends = None if days is None else NOW + timedelta(days=days)
    return Credit(number, f"grant:{number}", amount or remaining, remaining, ends)


def test_what_expires_first_is_used_first() -> None:
    for_ever, next_month, tomorrow = (
        credit(1, 50, None),
        credit(2, 30, 30),
        credit(3, 20, 1),
    )

    after = waterfall([for_ever, next_month, tomorrow], 45)

    assert [(one.id, one.remaining) for one in after] == [(3, 0), (2, 5), (1, 50)]


@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.none() | st.integers(-5, 40)), max_size=6
    ),
    st.integers(-50, 500),
)
def test_the_waterfall_takes_what_was_spent_and_no_more(
    given_: list[tuple[int, int | None]], spent: int
) -> None:
    before = [credit(n, amount, days) for n, (amount, days) in enumerate(given_)]
    total = sum(one.remaining for one in before)

    after = waterfall(before, spent)

    assert sum(one.remaining for one in after) == total - min(total, max(0, spent))
    assert all(one.remaining >= 0 for one in after)


def test_what_is_held_does_not_expire_before_it_is_settled() -> None:
    gone = to_expire(
        [credit(1, 40, -2), credit(2, 30, -1), credit(3, 9, 1)], held=50, now=NOW
    )

    assert [(one.id, amount) for one, amount in gone] == [(2, 20)]


def test_a_month_ends_where_the_next_one_begins() -> None:
    december = period_of(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))

    assert december.name == "2026-12"
    assert december.ends_at == period_of(december.ends_at).starts_at
    assert december.share_left(december.ends_at) == 0
    assert december.share_left(december.starts_at) == 1


@pytest.mark.parametrize(
    ("amount", "granted", "left", "expected"),
    [
        (300, None, 0.1, 300),  # a month's first grant is whole
        (300, 100, 0.5, 100),  # a larger plan gives the difference, for the rest
        (100, 300, 0.5, 0),  # a smaller one takes nothing back
        (300, 300, 0.9, 0),
    ],
)
def test_a_plan_that_grows_in_a_month_gives_its_share(
    amount: int, granted: int | None, left: float, expected: int
) -> None:
    assert to_grant(Allowance(amount), granted=granted, left=left) == expected


def test_a_balance_tells_what_is_left_and_when_it_is_overdrawn() -> None:
    assert Balance(Unit.OCR_PAGES, 10, 4, 0).left == 6
    assert Balance(Unit.OCR_PAGES, -3, 0, 0).left == 0
    assert Balance(Unit.OCR_PAGES, -3, 0, 0).is_below_floor
    assert Balance(Unit.OCR_PAGES, -3, 0, None).left is None
    assert not Balance(Unit.OCR_PAGES, -3, 0, None).is_below_floor


@pytest.mark.parametrize(
    ("unit", "amount", "expected"),
    [
        (Unit.TTS_CHARS, 1, "1 character"),
        (Unit.TTS_CHARS, 1_234_567, "1,234,567 characters"),
        (Unit.TTS_MS, 12_000_000, "3 h 20 min"),
        (Unit.ASR_MS, 59_000, "59 s"),
        (Unit.OCR_PAGES, -2, "−2 pages"),
        (Unit.MICROS, 240_000, "$0.24"),
        (Unit.STORAGE_BYTES, 1_500_000, "1.5 MB"),
    ],
)
def test_amounts_are_told_in_words(unit: Unit, amount: int, expected: str) -> None:
    assert amount_text(unit, amount) == expected
