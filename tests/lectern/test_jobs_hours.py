"""Off-peak hours on the clock of a zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.jobs.hours import OffPeak, zone_of
from lectern.settings import Batch

VIENNA = ZoneInfo("Europe/Vienna")
NIGHT = OffPeak.parse("22:00-06:00", VIENNA)


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=VIENNA)


def test_a_night_goes_over_midnight():
    assert [NIGHT.is_open(at(h)) for h in (21, 22, 23, 0, 5, 6, 12)] == [
        *(False, True, True, True, True, False, False)
    ]
    assert NIGHT.opens_at(at(12)) == at(22)
    assert NIGHT.opens_at(at(23)) == at(23)
    assert NIGHT.closes_at(at(23)) == at(6, day=3)
    assert NIGHT.closes_at(at(1)) == at(6)


def test_hours_of_one_day_and_of_the_whole_day():
    noon = OffPeak.parse("12:00-13:30", VIENNA)
    always = OffPeak.parse("00:00-00:00", VIENNA)

    assert noon.is_open(at(13, 29))
    assert not noon.is_open(at(13, 30))
    assert noon.opens_at(at(14)) == at(12, day=3)
    assert always.is_open(at(3))
    assert always.closes_at(at(3)) is None
    assert always.done_at(at(3), 7200) == at(5)


def test_work_of_ten_hours_takes_two_nights():
    assert NIGHT.done_at(at(20), 10 * 3600) == at(0, day=4)
    assert NIGHT.done_at(at(23), 3600) == at(0, day=3)


def test_the_night_clocks_go_forward_is_an_hour_shorter():
    saturday = datetime(2026, 3, 28, 22, 0, tzinfo=VIENNA)

    closes = NIGHT.closes_at(saturday)

    assert closes is not None
    assert closes - saturday.astimezone(UTC) == timedelta(hours=7)


@given(
    hours=st.tuples(st.integers(0, 23), st.integers(0, 23)),
    now=st.datetimes(
        datetime(2024, 1, 1),  # noqa: DTZ001  (hypothesis adds the zone)
        datetime(2028, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    seconds=st.floats(0, 200_000),
)
def test_what_opens_is_open_and_work_ends_in_open_hours(
    hours: tuple[int, int], now: datetime, seconds: float
):
    window = OffPeak.parse(f"{hours[0]:02}:00-{hours[1]:02}:00", VIENNA)

    opens = window.opens_at(now)
    done = window.done_at(now, seconds)

    assert now <= opens <= now + timedelta(hours=25)
    assert window.is_open(opens) or opens.astimezone(VIENNA).month in (3, 10)
    assert done >= now + timedelta(seconds=seconds) - timedelta(milliseconds=1)


@pytest.mark.parametrize("bad", ["22-6", "25:00-06:00", "22:00 - 06:00", ""])
def test_other_hours_are_refused(bad: str):
    with pytest.raises(ValueError, match=r"hours|hour"):
        OffPeak.parse(bad)
    with pytest.raises(ValueError, match="off_peak"):
        Batch(off_peak=bad)


def test_an_unknown_zone_is_refused():
    assert zone_of("") is None
    with pytest.raises(ValueError, match="no time zone"):
        zone_of("Europe/Nowhere")
    with pytest.raises(ValueError, match="time_zone"):
        Batch(time_zone="../etc/passwd")
