"""Nothing is deleted by its age while the clock cannot be believed."""

from datetime import UTC, datetime, timedelta

import pytest

from lectern.accounts.people import LOCAL
from resources.services import Services
from resources.stores import clock_watch
from resources.stores.clock_watch import ClockWatch, looked_at
from resources.stores.sweep import sweep
from tests.support.stores import Clock, add_document

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("passed", "is_steady"),
    [
        (timedelta(0), True),
        (DAY, True),  # the nightly sweep
        (-timedelta(minutes=1), True),  # put right over the network
        (-HOUR, False),
        (DAY + HOUR, False),
        (365 * DAY, False),
    ],
)
def test_a_leap_of_the_clock_is_noticed(passed: timedelta, is_steady: bool) -> None:
    assert looked_at(clock_watch.Clock(NOW), NOW + passed).is_steady is is_steady


def test_the_first_look_is_believed() -> None:
    assert looked_at(None, NOW).is_steady


def test_a_clock_is_believed_again_after_an_hour_and_doubted_at_each_leap() -> None:
    clock = looked_at(clock_watch.Clock(NOW), NOW + 40 * DAY)
    half = looked_at(clock, clock.seen_at + HOUR / 2)
    back = looked_at(half, NOW)
    later = looked_at(back, NOW + HOUR)

    steady = [one.is_steady for one in (clock, half, back, later)]
    assert steady == [False, False, False, True]


def test_a_clock_that_leapt_purges_nothing(timed: Services, clock: Clock) -> None:
    document = add_document(timed, "x")
    sweep(timed)
    timed.catalog.delete(LOCAL, document.id)
    clock.pass_(40 * 86_400)

    assert sweep(timed).is_put_off
    clock.pass_(-40 * 86_400)  # put right again
    assert sweep(timed).is_put_off
    clock.pass_(3601)

    swept = sweep(timed)
    assert (swept.is_put_off, swept.documents) == (False, 0)
    assert timed.catalog.restore(LOCAL, document.id).title == document.title


def test_what_was_put_off_is_due_until_it_is_done(
    timed: Services, clock: Clock
) -> None:
    watch = ClockWatch(timed.preferences)
    sweep(timed)
    clock.pass_(7 * 86_400)  # the machine was off

    sweep(timed)
    assert watch.look(clock.now).is_sweep_due
    clock.pass_(3600)
    due = watch.look(clock.now)
    assert (due.is_steady, due.is_sweep_due) == (True, True)

    assert not sweep(timed).is_put_off
    assert not watch.look(clock.now).is_sweep_due
