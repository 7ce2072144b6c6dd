"""A row of the table of jobs, as the rest of Lectern knows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lectern.accounts.people import Principal
from lectern.ids import DocumentId, JobId, OwnerId
from lectern.jobs.pace import Estimate, Pace, Present, left_of_job
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
        """Return how long the present step will still take, by its own pace alone.

        From when its last part was done, the clock runs down. It says nothing before
        two seconds and two parts: an estimate that jumps about is worse than none.
        """
        left = self.left(now, {})
        return None if left is None else left.likely

    def left(self, now: datetime, paces: Mapping[JobStep, Pace]) -> Estimate | None:
        """Return how long the work will still take; None while nobody can say.

        ``paces`` are those of jobs that are done. What was found done counts for
        nothing.
        """
        if self.state is not JobState.RUNNING or self.step_started_at is None:
            return None
        last_at = max(self.progressed_at or now, self.step_started_at)
        present = Present(
            made=max(0, self.done - self.found),
            left=self.total - self.done,
            spent_seconds=(last_at - self.step_started_at).total_seconds(),
            since_seconds=max(0.0, (now - last_at).total_seconds()),
        )
        return left_of_job(self.kind, self.step, present, paces)


def job_of(row: Mapping[Any, Any]) -> Job:
    """Return a row of the table as a job."""
    values = dict(row)
    values["kind"] = JobKind(values["kind"])
    values["state"] = JobState(values["state"])
    values["step"] = JobStep(values["step"])
    return Job(**values)
