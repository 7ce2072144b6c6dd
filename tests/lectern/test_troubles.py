"""What counts as trouble, and that nobody is told twice or left in the dark."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.jobs.queues import Lane
from lectern.operations.troubles import Facts, Trouble, Turn, after, news, troubles

GIB = 1024**3
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WELL = Facts(
    oldest_waiting_seconds=dict.fromkeys(Lane, 0.0),
    most_silent_job_seconds=5.0,
    pool_answers=True,
    failures={},
    disk_free_bytes=50 * GIB,
    disk_bytes=100 * GIB,
    disk_reserve_bytes=2 * GIB,
)


def test_a_healthy_installation_has_no_trouble():
    assert troubles(WELL) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"disk_free_bytes": 9 * GIB}, "disk_short"),
        ({"disk_free_bytes": GIB}, "disk_full"),
        ({"pool_answers": False}, "workers_away"),
        ({"most_silent_job_seconds": 121.0}, "worker_silent"),
        ({"oldest_waiting_seconds": {Lane.LISTENERS: 121.0}}, "queue_stuck_listeners"),
        ({"oldest_waiting_seconds": {Lane.WORKERS: 1801.0}}, "queue_stuck_workers"),
        ({"oldest_waiting_seconds": {Lane.BATCH: 3601.0}}, "queue_stuck_batch"),
        ({"failures": {"worker_lost": 2}}, "jobs_failed_worker_lost"),
    ],
)
def test_each_trouble_is_found_with_what_to_do(change, code):
    found = troubles(dataclasses.replace(WELL, **change))

    assert [trouble.code for trouble in found] == [code]
    assert found[0].message.endswith(".")
    assert found[0].remedy


@pytest.mark.parametrize(
    "change",
    [
        {"oldest_waiting_seconds": {Lane.LISTENERS: 119.0, Lane.WORKERS: 1799.0}},
        {"most_silent_job_seconds": 119.0},
        {"disk_free_bytes": 11 * GIB},
    ],
)
def test_what_is_nearly_trouble_is_none(change):
    assert troubles(dataclasses.replace(WELL, **change)) == []


def test_a_trouble_that_lasts_is_told_again_after_a_day():
    trouble = Trouble("disk_full", "Full.", "Free some.")
    told = after({}, news({}, [trouble], NOW, repeat_after=DAY)[0], NOW)
    hours = timedelta(hours=23)
    soon = news(told, [trouble], NOW + hours, repeat_after=DAY)
    late = news(told, [trouble], NOW + DAY, repeat_after=DAY)

    assert soon == []
    assert [(notice.turn, notice.since) for notice in late] == [(Turn.LASTS, NOW)]


@given(st.lists(st.sets(st.sampled_from("abc")), max_size=30))
def test_beginnings_and_ends_take_turns_whatever_comes_and_goes(looks):
    told, open_, now = {}, set(), NOW
    for codes in [*looks, set()]:
        found = [Trouble(code, f"{code}.", "Do.") for code in sorted(codes)]
        for notice in news(told, found, now, repeat_after=DAY * 1000):
            code = notice.trouble.code
            assert (notice.turn is Turn.BEGUN) == (code not in open_)
            open_ ^= {code}
            told = after(told, notice, now)
        assert open_ == codes == set(told)
        now += timedelta(seconds=30)
