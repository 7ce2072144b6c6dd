"""What is wrong with an installation, and whom it was told.

``troubles`` decides what is wrong, ``news`` what of it somebody has not heard yet. Both
are pure: the watch (``pipelines/watch.py``) gathers, remembers and sends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lectern.jobs.queues import Lane
from lectern.units import size

PATIENCE_SECONDS = {Lane.LISTENERS: 120.0, Lane.WORKERS: 1800.0, Lane.BATCH: 3600.0}
"""How long the oldest job of a lane may wait. Longer than the alerts allow, which hold
only when several looks in a row find the same."""
SILENCE_SECONDS = 120.0
SHORT_SHARE = 0.10
"""Share of the disk below which it is short."""
WAITS = {
    Lane.LISTENERS: "Somebody waits for sound",
    Lane.WORKERS: "A document waits",
    Lane.BATCH: "A document of a batch waits",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found by a look at the installation."""

    oldest_waiting_seconds: Mapping[Lane, float]
    most_silent_job_seconds: float
    pool_answers: bool
    failures: Mapping[str, int]  # of lately, by error code; only those not a person's
    disk_free_bytes: int
    disk_bytes: int
    disk_reserve_bytes: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong until it is not. Its text names nobody's work."""

    code: str  # the same as long as it is the same trouble
    message: str
    remedy: str


class Turn(StrEnum):
    """What has changed about a trouble."""

    BEGUN = "begun"
    LASTS = "lasts"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell."""

    turn: Turn
    trouble: Trouble
    since: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told of a trouble, and when."""

    trouble: Trouble
    since: datetime
    told_at: datetime


def troubles(facts: Facts) -> list[Trouble]:
    """Return what is wrong, the most pressing first."""
    return [*_disk(facts), *_workers(facts), *_queues(facts), *_failures(facts)]


def news(
    told: Mapping[str, Told],
    found: Sequence[Trouble],
    now: datetime,
    *,
    repeat_after: timedelta,
) -> list[Notice]:
    """Return what of this has not been told: what began, what lasts, what is over."""
    notices = []
    for trouble in found:
        before = told.get(trouble.code)
        if before is None:
            notices.append(Notice(Turn.BEGUN, trouble, now))
        elif now - before.told_at >= repeat_after:
            notices.append(Notice(Turn.LASTS, trouble, before.since))
    present = {trouble.code for trouble in found}
    over = [before for code, before in told.items() if code not in present]
    return [*notices, *(Notice(Turn.OVER, each.trouble, each.since) for each in over)]


def after(told: Mapping[str, Told], notice: Notice, now: datetime) -> dict[str, Told]:
    """Return what has been told once a notice has arrived."""
    rest = {code: each for code, each in told.items() if code != notice.trouble.code}
    if notice.turn is Turn.OVER:
        return rest
    return rest | {notice.trouble.code: Told(notice.trouble, notice.since, now)}


def _disk(facts: Facts) -> list[Trouble]:
    remedy = "Delete documents and run “lectern sweep”, or add disk."
    free = size(facts.disk_free_bytes)
    if facts.disk_free_bytes < facts.disk_reserve_bytes:
        message = f"Only {free} of disk are free, and new work is refused."
        return [Trouble("disk_full", message, remedy)]
    if facts.disk_free_bytes < facts.disk_bytes * SHORT_SHARE:
        return [Trouble("disk_short", f"Only {free} of disk are free.", remedy)]
    return []


def _workers(facts: Facts) -> list[Trouble]:
    if not facts.pool_answers:
        remedy = "It is started again by itself; if it is not, see “workers.log”."
        return [Trouble("workers_away", "The workers do not answer.", remedy)]
    silent = facts.most_silent_job_seconds
    if silent <= SILENCE_SECONDS:
        return []
    message = f"A running job has given no sign of life for {_minutes(silent)}."
    remedy = "It is begun again by itself; if it is not, look at it in Activity."
    return [Trouble("worker_silent", message, remedy)]


def _queues(facts: Facts) -> list[Trouble]:
    return [
        Trouble(
            f"queue_stuck_{lane}",
            f"{WAITS[lane]} for {_minutes(seconds)}.",
            "See whether the workers run and what they are at, or add workers.",
        )
        for lane, seconds in facts.oldest_waiting_seconds.items()
        if seconds > PATIENCE_SECONDS[lane]
    ]


def _failures(facts: Facts) -> list[Trouble]:
    return [
        Trouble(
            f"jobs_failed_{code}",
            f"{count} {'job' if count == 1 else 'jobs'} failed lately with “{code}”.",
            "Activity in the app says why; docs/errors.md what the code means.",
        )
        for code, count in sorted(facts.failures.items())
    ]


def _minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} {'minute' if minutes == 1 else 'minutes'}"
