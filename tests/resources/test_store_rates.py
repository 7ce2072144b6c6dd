"""How fast people go, kept by the database: the same as the model, and never more."""

import random
import threading

import pytest

from lectern.accounts.people import LOCAL, Principal, Role
from lectern.accounts.rates import Pace, Rate, RateClass, Rates
from lectern.errors import TooFast
from lectern.ids import OwnerId
from resources.services import Services
from resources.stores.rates import EPOCH, RateStore
from tests.support.stores import OTHER, Clock

THREADS, ASKED = 8, 10


def store(services: Services, rate: Rate) -> RateStore:
    rates = Rates(upload=rate, speech=rate, login=rate)
    return RateStore(services.database, rates, services.ledger)


def lets(rates: RateStore, cost: int = 1, who: Principal = OTHER) -> bool:
    try:
        rates.take(who, RateClass.UPLOAD, cost)
    except TooFast:
        return False
    return True


def test_of_many_at_once_exactly_a_burst_is_let_through(timed: Services) -> None:
    """Time stands still, so that nothing is worked off meanwhile."""
    rates = store(timed, Rate(60, 60, 25))
    barrier, let = threading.Barrier(THREADS), []

    def ask() -> None:
        barrier.wait()
        let.extend(lets(rates) for _ in range(ASKED))

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(let), sum(let)) == (THREADS * ASKED, 25)


def test_the_statement_does_what_the_model_does(timed: Services, clock: Clock) -> None:
    rate, chance = Rate(60, 60, 5), random.Random(7)
    rates, model, free_at_us = store(timed, rate), rate.slowed(1), 0
    outcomes = []
    for _ in range(80):
        clock.pass_(chance.choice([0, 0, 0.4, 0.999999, 1, 3, 20]))
        cost = chance.choice([1, 1, 2, 5, 9])
        now_us = round((clock.now - EPOCH).total_seconds() * 1_000_000)
        taken = model.taken(free_at_us, now_us, cost)
        free_at_us = free_at_us if taken is None else taken
        outcomes.append(lets(rates, cost))
        assert outcomes[-1] == (taken is not None)
    assert 10 < sum(outcomes) < 70  # both happen


def test_who_is_refused_is_told_when_to_come_back(
    timed: Services, clock: Clock
) -> None:
    rates = store(timed, Rate(6, 60, 2))
    assert lets(rates, 2)
    with pytest.raises(TooFast, match="Wait 20 seconds") as refused:
        rates.take(OTHER, RateClass.UPLOAD, 2)

    clock.pass_(refused.value.retry_after_seconds - 1)
    assert not lets(rates, 2)
    clock.pass_(1)
    assert lets(rates, 2)


def test_everybody_and_each_kind_is_counted_alone(timed: Services) -> None:
    rates = store(timed, Rate(1, 3600, 1))
    assert lets(rates)
    assert not lets(rates)
    assert lets(rates, who=LOCAL)
    rates.take(OTHER, RateClass.SPEECH)
    rates.take_for_address("192.0.2.1", RateClass.LOGIN)
    rates.take_for_address("192.0.2.2", RateClass.LOGIN)
    with pytest.raises(TooFast):
        rates.take_for_address("192.0.2.1", RateClass.LOGIN)


def test_a_guest_goes_slower(timed: Services) -> None:
    rates = store(timed, Rate(60, 60, 10))
    guest = Principal(OwnerId("guest"), Role.GUEST)
    assert rates.pace_of(guest) is Pace.GUEST
    assert [lets(rates, who=guest) for _ in range(3)] == [True, True, False]


def test_whoever_used_more_than_there_was_goes_slowest(timed: Services) -> None:
    rates = store(timed, Rate(60, 60, 10))
    timed.ledger.is_below_floor = lambda _principal: True  # type: ignore[method-assign]
    assert rates.pace_of(OTHER) is Pace.IN_DEBT
    assert [lets(rates) for _ in range(2)] == [True, False]


def test_nobody_is_slowed_down_where_it_is_off(timed: Services) -> None:
    rates = RateStore(
        timed.database, Rates(enabled=False, upload="1/day"), timed.ledger
    )
    assert all(lets(rates, 1000) for _ in range(3))


def test_who_has_rested_is_forgotten(timed: Services, clock: Clock) -> None:
    rates = store(timed, Rate(60, 60, 5))
    rates.take(OTHER, RateClass.UPLOAD, 5)
    rates.take(LOCAL, RateClass.UPLOAD, 1)
    clock.pass_(2)
    assert rates.drop_idle() == 1
    assert not lets(rates, 5)
    clock.pass_(5)
    assert rates.drop_idle() == 1
    assert lets(rates, 5)
