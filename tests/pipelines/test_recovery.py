"""Which remedy a job gets, decided from its row and its runs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster import DagsterRunStatus

from lectern.ids import DocumentId, JobId, OwnerId
from lectern.jobs.runs import DUPLICATE, HEADLESS, LOST, PAUSED, STOPPED
from lectern.jobs.states import JobKind, JobState, JobStep
from pipelines.recovery import Remedy, RunFacts, decide
from resources.stores.jobs import Job

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)

LOST_RUN = RunFacts("r", DagsterRunStatus.FAILURE, False, False, fate=LOST)
STOPPED_RUN = replace(LOST_RUN, status=DagsterRunStatus.CANCELED, fate=STOPPED)
CLOSED_RUN = replace(LOST_RUN, fate="", closed=True)
ALIVE = RunFacts("r", DagsterRunStatus.STARTED, True, False)
PAUSED_RUN = replace(CLOSED_RUN, status=DagsterRunStatus.CANCELED, fate=PAUSED)
SUCCESS = RunFacts("r", DagsterRunStatus.SUCCESS, False, False)
CANCELED = RunFacts("r", DagsterRunStatus.CANCELED, False, False)


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = dict.fromkeys(Job.__slots__) | {
        "id": JobId("j"),
        "owner_id": OwnerId("local"),
        "document_id": DocumentId("d"),
        "kind": JobKind.PREPARE,
        "state": JobState.RUNNING,
        "step": JobStep.READING,
        "parameters": {},
        "cancel_requested": False,
        "created_at": LONG_AGO,
    }
    return Job(**fields | changes)


@pytest.mark.parametrize(
    ("why", "the_job", "runs", "remedy"),
    [
        ("it is being launched", job(created_at=NOW), [], Remedy.NOTHING),
        ("it was never launched", job(), [], Remedy.LAUNCH),
        ("its run lives", job(), [ALIVE], Remedy.NOTHING),
        ("an older run lives", job(), [LOST_RUN, ALIVE], Remedy.NOTHING),
        ("its run was lost", job(), [LOST_RUN], Remedy.LAUNCH),
        ("lost twice", job(), [LOST_RUN] * 2, Remedy.LAUNCH),
        ("lost too often", job(), [LOST_RUN] * 3, Remedy.FAIL),
        ("paused", job(), [PAUSED_RUN, LOST_RUN, LOST_RUN], Remedy.LAUNCH),
        ("lost since its pause", job(), [*[LOST_RUN] * 3, PAUSED_RUN], Remedy.FAIL),
        ("just let go", job(released_at=NOW), [], Remedy.NOTHING),
        ("stopped with the server", job(), [STOPPED_RUN] * 9, Remedy.LAUNCH),
        (
            "tried again by a person",
            job(),
            [LOST_RUN, CLOSED_RUN, LOST_RUN, LOST_RUN],
            Remedy.LAUNCH,
        ),
        (
            "duplicates count for nothing",
            job(),
            [replace(LOST_RUN, fate=DUPLICATE)] * 5 + [LOST_RUN],
            Remedy.LAUNCH,
        ),
        (
            "its run is just closing it",
            job(),
            [replace(SUCCESS, is_recent=True)],
            Remedy.NOTHING,
        ),
        ("its run forgot to close it", job(), [SUCCESS], Remedy.FINISH),
        ("stopped in the Dagster page", job(), [CANCELED], Remedy.CANCEL),
        (
            "cancelled while its worker died",
            job(cancel_requested=True),
            [LOST_RUN],
            Remedy.CANCEL,
        ),
        (
            "a conversion works",
            job(parameters={HEADLESS: True}, heartbeat_at=NOW),
            [],
            Remedy.NOTHING,
        ),
        (
            "a conversion is gone",
            job(parameters={HEADLESS: True}, heartbeat_at=LONG_AGO),
            [],
            Remedy.FAIL,
        ),
    ],
)
def test_a_job_gets_the_remedy_its_runs_call_for(
    why: str, the_job: Job, runs: list[RunFacts], remedy: Remedy
) -> None:
    assert decide(the_job, runs, NOW) is remedy, why
