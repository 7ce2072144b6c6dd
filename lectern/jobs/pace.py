"""How long a job will still take: learned from jobs that are done, then from itself.

Each step has a pace: seconds for one part (a page, a block). Paces differ by factors,
not by seconds, so all is reckoned in logarithms: the pace of before is the median of
like steps, with how far they lay apart; the step's own is the mean of the parts it has
made. The two are weighed by how sure each is (as in a normal model with known
variances), so that what was learned leads at first and soon counts for little.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lectern.jobs.states import JobKind, JobStep

STEPS: Mapping[JobKind, Sequence[JobStep]] = MappingProxyType(
    {
        JobKind.PREPARE: (
            JobStep.READING,
            JobStep.RECOGNISING,
            JobStep.SORTING,
            JobStep.SPLITTING,
        ),
        JobKind.RENDER: (JobStep.SPEAKING, JobStep.JOINING),
        JobKind.EXPORT: (JobStep.SPEAKING, JobStep.MEASURING, JobStep.WRITING),
        JobKind.VOICE: (JobStep.SPEAKING,),
    }
)
"""What follows what. Who listens ends when the reader goes, not before."""

PART_SPREAD = 0.8
"""How far single parts lie apart, as the standard deviation of their logarithms."""
LEAST_SPREAD = 0.15
FEW_SPREAD = 0.7
"""Of jobs of before, when there were too few to tell."""
FEW = 5
Z = 1.28
"""Four of five times the truth lies between the low and the high estimate."""
LEAST_SECONDS = 0.001
OWN_PARTS, OWN_SECONDS = 2, 2.0
"""Without any past, nothing is said before so much was made in so long. A step's first
report may tell of several parts at once, so that sooner its own pace is none."""
STEADY_SECONDS = 8.0
"""In how long what is shown comes near to what is newly estimated."""


@dataclass(frozen=True, slots=True)
class Past:
    """One like step that is done."""

    seconds: float
    made: int  # parts
    total: int


@dataclass(frozen=True, slots=True)
class Pace:
    """What was learned of a step."""

    log_seconds: float  # of one part, as a natural logarithm
    spread: float  # of that logarithm
    is_whole: bool  # one part is all of it, whatever the document's size

    @property
    def seconds(self) -> float:
        """Return how long one part takes."""
        return math.exp(self.log_seconds)


@dataclass(frozen=True, slots=True)
class Present:
    """How far the present step is."""

    made: int  # by itself: what was found is not counted
    left: int
    spent_seconds: float  # until the last part was made
    since_seconds: float = 0.0  # from there to now


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much longer it takes, in seconds."""

    low: float
    likely: float
    high: float


def learn(pasts: Sequence[Past]) -> Pace | None:
    """Return the pace of like steps; None when nothing was ever made."""
    usable = [past for past in pasts if past.made > 0 and past.seconds >= 0]
    if not usable:
        return None
    logs = [math.log(max(LEAST_SECONDS, p.seconds) / p.made) for p in usable]
    middle = statistics.median(logs)
    apart = 1.4826 * statistics.median(abs(log - middle) for log in logs)
    if len(logs) < FEW:
        apart = max(apart, FEW_SPREAD)
    whole = statistics.median(past.total for past in usable) <= 1
    return Pace(middle, max(LEAST_SPREAD, apart), is_whole=whole)


def left_of_step(present: Present, learned: Pace | None) -> Estimate | None:
    """Return how long the present step will still take; None while nobody can say."""
    is_known = present.made >= OWN_PARTS and present.spent_seconds >= OWN_SECONDS
    if present.left <= 0 or (learned is None and not is_known):
        return None
    pace, spread = _blended(present, learned)
    still = pace * present.left - present.since_seconds
    likely = max(pace, still)
    factor = math.exp(Z * spread)
    return Estimate(likely / factor, likely, likely * factor)


def _blended(present: Present, learned: Pace | None) -> tuple[float, float]:
    """Return the seconds of one part, and the spread of their logarithm."""
    weight = 0.0 if learned is None else 1 / learned.spread**2
    total = 0.0 if learned is None else weight * learned.log_seconds
    if present.made > 0 and present.spent_seconds >= OWN_SECONDS:
        own = present.spent_seconds / present.made
        own_weight = present.made / PART_SPREAD**2
        total += own_weight * math.log(own)
        weight += own_weight
    return math.exp(total / weight), math.sqrt(1 / weight)


def left_of_job(
    kind: JobKind, step: JobStep, present: Present, learned: Mapping[JobStep, Pace]
) -> Estimate | None:
    """Return how long a job will still take: its present step and those after it.

    Steps of which nothing is known are not counted.
    """
    now = left_of_step(present, learned.get(step))
    steps = STEPS.get(kind, ())
    if now is None or step not in steps:
        return now
    parts = present.made + present.left
    later = [learned[one] for one in steps[steps.index(step) + 1 :] if one in learned]
    low, likely, high = now.low, now.likely, now.high
    for pace in later:
        seconds = pace.seconds * (1 if pace.is_whole else parts)
        factor = math.exp(Z * pace.spread)
        low, likely, high = (
            low + seconds / factor,
            likely + seconds,
            high + seconds * factor,
        )
    return Estimate(low, likely, high)


def steadied(
    before: Estimate | None, now: Estimate, *, passed_seconds: float
) -> Estimate:
    """Return what to show after ``before`` was shown so many seconds ago.

    It runs down with the clock and draws near to the new estimate, and never past it.
    """
    if before is None:
        return now
    weight = 1 - math.exp(-max(0.0, passed_seconds) / STEADY_SECONDS)

    def drawn(old: float, new: float) -> float:
        aged = max(min(old, 1.0), old - passed_seconds)
        return math.exp((1 - weight) * math.log(aged) + weight * math.log(new))

    return Estimate(
        drawn(before.low, now.low),
        drawn(before.likely, now.likely),
        drawn(before.high, now.high),
    )
