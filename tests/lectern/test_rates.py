"""How fast one may go: GCRA beside a bucket that fills drop by drop."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lectern.accounts.rates import (
    SLOWED,
    Pace,
    Rate,
    RateClass,
    Rates,
    SlowedRate,
    network_of,
)


class Bucket:
    """The reference: a bucket of elements that fills at a steady rate."""

    def __init__(self, rate: SlowedRate) -> None:
        self.rate = rate
        self.level = Fraction(rate.burst)
        self.at_us = 0

    def take(self, now_us: int, cost: int) -> bool:
        passed = Fraction(now_us - self.at_us, self.rate.interval_us)
        self.level = min(Fraction(self.rate.burst), self.level + passed)
        self.at_us = now_us
        if self.level < min(cost, self.rate.burst):
            return False
        self.level -= cost
        return True


steps = st.lists(
    st.tuples(st.integers(0, 5_000_000), st.integers(1, 30)), min_size=1, max_size=60
)
rates = st.builds(SlowedRate, st.integers(1, 2_000_000), st.integers(1, 12))


@given(rates, steps)
def test_it_lets_through_what_a_bucket_would(rate, asked):
    bucket, free_at_us, now_us = Bucket(rate), 0, 0
    for pause_us, cost in asked:
        now_us += pause_us
        taken = rate.taken(free_at_us, now_us, cost)
        assert (taken is not None) == bucket.take(now_us, cost)
        if taken is None:
            wait_us = rate.wait_us(free_at_us, now_us, cost)
            assert rate.taken(free_at_us, now_us + wait_us, cost) is not None
            earlier = rate.taken(free_at_us, now_us + wait_us - 1, cost)
            assert wait_us == 0 or earlier is None
        free_at_us = free_at_us if taken is None else taken


def test_a_clock_that_leapt_back_locks_nobody_out():
    rate = SlowedRate(1_000_000, 3)
    year_us = 365 * 86_400 * 1_000_000
    assert rate.taken(2 * year_us, year_us, 1) == year_us + 1_000_000


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("6/min", Rate(6, 60, 6)),
        ("300/min burst 30", Rate(300, 60, 30)),
        ("6/h burst 3", Rate(6, 3600, 3)),
        ("1/day", Rate(1, 86_400, 1)),
    ],
)
def test_a_rate_is_written_as_people_say_it(text, rate):
    assert Rate.parse(text) == rate
    assert Rate.parse(str(rate)) == rate


@pytest.mark.parametrize("text", ["", "6", "6/week", "0/min", "6/min burst 0", "-1/s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValidationError, match=r"rate|lets nothing"):
        Rates(upload=text)


def test_guests_go_slower_and_who_is_in_debt_slower_still():
    speeds = [
        Rates().of(RateClass.SPEECH, pace).interval_us
        for pace in (Pace.USUAL, Pace.GUEST, Pace.IN_DEBT)
    ]
    assert speeds == sorted(speeds)
    assert len(set(speeds)) == len(SLOWED) == len(Pace)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_counts_as_the_network_one_person_has(address, network):
    assert network_of(address) == network
