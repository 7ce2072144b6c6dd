"""How long a job will still take: always a sensible number, and mostly near."""

import math
import random
import statistics
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lectern.jobs.pace import (
    Estimate,
    Pace,
    Past,
    Present,
    learn,
    left_of_job,
    left_of_step,
    steadied,
)
from lectern.jobs.states import JobKind, JobStep

SECONDS = st.floats(0, 1e6)
PARTS = st.integers(0, 10**6)
PASTS = st.lists(st.builds(Past, SECONDS, PARTS, PARTS), max_size=8)
PRESENTS = st.builds(Present, PARTS, PARTS, SECONDS, SECONDS)
ESTIMATES = st.tuples(*[st.floats(1e-3, 1e9)] * 3).map(lambda e: Estimate(*sorted(e)))


@given(pasts=PASTS, present=PRESENTS, more=PARTS)
def test_an_estimate_is_finite_and_grows_with_what_is_left(
    pasts: list[Past], present: Present, more: int
) -> None:
    learned = learn(pasts)
    paces = {} if learned is None else dict.fromkeys(JobStep, learned)
    now = left_of_job(JobKind.PREPARE, JobStep.RECOGNISING, present, paces)
    later = replace(present, left=present.left + more)
    longer = left_of_job(JobKind.PREPARE, JobStep.RECOGNISING, later, paces)

    if now is None:
        return
    assert longer is not None
    for value in (now.low, now.likely, now.high):
        assert math.isfinite(value)
        assert value > 0
    assert now.low <= now.likely <= now.high
    for less, much in zip(
        (now.low, now.likely, now.high),
        (longer.low, longer.likely, longer.high),
        strict=True,
    ):
        assert less <= much


@given(before=ESTIMATES, now=ESTIMATES, passed=st.floats(0, 1e5))
def test_what_is_shown_never_leaps_past_the_new_estimate(
    before: Estimate, now: Estimate, passed: float
) -> None:
    shown = steadied(before, now, passed_seconds=passed)

    aged = max(min(before.likely, 1.0), before.likely - passed)
    low, high = sorted((aged, now.likely))
    assert low * (1 - 1e-9) <= shown.likely <= high * (1 + 1e-9)
    in_a_second = steadied(before, now, passed_seconds=1)
    from_ = max(min(before.likely, 1.0), before.likely - 1)
    allowed = abs(math.log(now.likely / from_)) * 0.12
    assert abs(math.log(in_a_second.likely / from_)) <= allowed + 1e-9


def test_the_past_leads_at_first_and_then_the_job_itself() -> None:
    learned = learn([Past(10, 10, 10)] * 10)  # a second each
    assert learned is not None

    def likely(made: int) -> float:
        left = left_of_step(Present(made, 100, made * 4.0), learned)
        assert left is not None
        return left.likely

    assert likely(0) == 100
    assert 100 < likely(5) < 250
    assert likely(1000) > 380


def test_parts_that_came_with_the_first_report_make_no_pace() -> None:
    learned = learn([Past(100, 100, 100)] * 6)

    left = left_of_step(Present(16, 100, 0.0), learned)

    assert left is not None
    assert left.likely == 100


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert learn([]) is None
    assert learn([Past(5, 0, 3)]) is None
    assert left_of_step(Present(1, 9, 50), None) is None
    assert left_of_step(Present(9, 9, 1), None) is None
    assert left_of_step(Present(9, 0, 50), Pace(0, 1, is_whole=False)) is None


def test_the_steps_to_come_are_counted() -> None:
    speaking = learn([Past(100, 100, 100)] * 6)
    joining = learn([Past(10, 100, 100)] * 6)
    splitting = learn([Past(3, 1, 1)] * 6)
    assert speaking is not None
    assert joining is not None
    assert splitting is not None
    paces = {JobStep.SPEAKING: speaking, JobStep.JOINING: joining}
    present = Present(0, 50, 0)

    left = left_of_job(JobKind.RENDER, JobStep.SPEAKING, present, paces)
    assert left is not None
    assert round(left.likely) == 50 + 5
    reading = {JobStep.RECOGNISING: speaking, JobStep.SPLITTING: splitting}
    left = left_of_job(JobKind.PREPARE, JobStep.RECOGNISING, present, reading)
    assert left is not None
    assert round(left.likely) == 50 + 3  # one whole, whatever the size


def simulated(chance: random.Random, parts: int) -> list[float]:
    """Return when each part of a job was made: machines and texts differ, parts too."""
    pace = 0.7 * math.exp(chance.gauss(0, 0.35))
    moments, now = [], 0.0
    for _ in range(parts):
        now += pace * math.exp(chance.gauss(0, 0.6))
        moments.append(now)
    return moments


def error_after(share: float, chance: random.Random, pasts: list[Past]) -> float:
    """Return how far off an estimate is after a share of a job, as a share."""
    parts = chance.randint(40, 400)
    moments = simulated(chance, parts)
    made = round(parts * share)
    spent = moments[made - 1] if made else 0.0
    left = left_of_step(Present(made, parts - made, spent), learn(pasts))
    assert left is not None
    truth = moments[-1] - spent
    return abs(left.likely - truth) / truth


def test_estimates_come_near_on_simulated_histories() -> None:
    chance = random.Random(20261121)
    pasts = []
    for _ in range(30):
        parts = chance.randint(40, 400)
        pasts.append(Past(simulated(chance, parts)[-1], parts, parts))

    at_first = [error_after(0.0, chance, pasts) for _ in range(150)]
    after_some = [error_after(0.2, chance, pasts) for _ in range(150)]

    assert statistics.median(at_first) < 0.4  # the jobs themselves differ by 35 %
    assert statistics.median(after_some) < 0.1
    assert statistics.quantiles(after_some, n=10)[-1] < 0.25
