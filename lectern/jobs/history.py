"""What somebody looks for among the jobs of before. Pure: what it means is stored
and shared, how it is found is the store's."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from lectern.contracts import Contract
from lectern.jobs.states import JobKind, JobState

LONG_SECONDS = 600
WEEK_DAYS = 7
NAME_CHARS = 60
WORDS_CHARS = 200


class Shown(StrEnum):
    """Jobs in which states; the value is stored."""

    ANY = "any"
    UNFINISHED = "unfinished"
    ENDED = "ended"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def states(self) -> tuple[JobState, ...]:
        """Return those states."""
        match self:
            case Shown.ANY:
                return tuple(JobState)
            case Shown.UNFINISHED:
                return (JobState.QUEUED, JobState.RUNNING)
            case Shown.ENDED:
                return (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
            case _:
                return (JobState(self.value),)


class JobFilter(Contract):
    """Which jobs to show; what is not set, does not narrow."""

    shown: Shown = Shown.ENDED
    kind: JobKind | None = None
    document_id: str = ""
    engine: str = ""
    voice_id: str = ""
    since: date | None = None  # that day and later, in UTC
    until: date | None = None  # that day and before
    within_days: int | None = Field(None, ge=1, le=3650)  # of now
    longer_than_seconds: int | None = Field(None, ge=1)
    words: str = Field("", max_length=WORDS_CHARS)
    with_batches: bool = False  # jobs of batches, too, which may be thousands


BUILT_IN: dict[str, JobFilter] = {
    "All": JobFilter(),
    "Running": JobFilter(shown=Shown.UNFINISHED, with_batches=True),
    "Failed this week": JobFilter(
        shown=Shown.FAILED, within_days=WEEK_DAYS, with_batches=True
    ),
    "Long": JobFilter(longer_than_seconds=LONG_SECONDS, with_batches=True),
}
"""Views that everybody has, by name."""
