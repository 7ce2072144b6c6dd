"""A row of the table of jobs, as the rest of Lectern knows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lectern.accounts.people import Principal
from lectern.ids import DocumentId, JobId, OwnerId
from lectern.jobs.states import JobKind, JobState, JobStep


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work for one document."""

    id: JobId
    owner_id: OwnerId
    document_id: DocumentId
    kind: JobKind
    state: JobState
    step: JobStep
    done: int
    total: int
    message: str
    error_code: str | None
    error_message: str | None
    error_retryable: bool | None
    parameters: dict[str, Any]
    run_id: str | None
    attempts: int
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    step_started_at: datetime | None
    priority: int = 0  # below 0: nobody waits for it
    batch_id: str | None = None
    not_before: datetime | None = None  # of a batch's job: when it may go on
    released_at: datetime | None = None  # since when a batch's job may have a run
    found: int = 0  # of ``done``: what was there before the step, and cost no time
    progressed_at: datetime | None = None  # when ``done`` last changed
    title: str = ""  # of its document, also when that is gone
    engine: str = ""  # what does the work; empty until its run knows
    voice_id: str = ""
    machine: str = ""  # where its run is, or was

    @property
    def principal(self) -> Principal:
        """Return the person on whose behalf the work is done."""
        return Principal(self.owner_id)

    def eta_seconds(self, now: datetime) -> float | None:
        """Return how long the present step will still take, once that shows.

        The pace is that of the whole step, taken when its last part was done; from
        there the clock runs down. What was found done counts for nothing. It says
        nothing before two seconds or two parts: an estimate that jumps about is worse
        than none.
        """
        if self.state is not JobState.RUNNING or self.step_started_at is None:
            return None
        last_at = self.progressed_at or now
        spent_seconds = (last_at - self.step_started_at).total_seconds()
        made = self.done - self.found
        if made < 2 or spent_seconds < 2 or self.done >= self.total:
            return None
        pace_seconds = spent_seconds / made
        since_seconds = max(0.0, (now - last_at).total_seconds())
        left_seconds = pace_seconds * (self.total - self.done) - since_seconds
        return max(pace_seconds, left_seconds)


def job_of(row: Mapping[Any, Any]) -> Job:
    """Return a row of the table as a job."""
    values = dict(row)
    values["kind"] = JobKind(values["kind"])
    values["state"] = JobState(values["state"])
    values["step"] = JobStep(values["step"])
    return Job(**values)
