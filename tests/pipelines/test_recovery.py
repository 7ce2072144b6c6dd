"""Which remedy a job gets, decided from its row and its runs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dagster import DagsterRunStatus

from lectern.accounts.people import LOCAL
from lectern.errors import may_succeed_again
from lectern.ids import DocumentId, JobId, OwnerId
from lectern.jobs.runs import DUPLICATE, HEADLESS, LOST, PAUSED, STOPPED
from lectern.jobs.states import JobKind, JobState, JobStep
from lectern.settings import Settings
from pipelines.recovery import Remedy, RunFacts, decide, end_overdue, too_long
from resources.services import Services
from resources.stores.jobs import Job
from tests.support.stores import add_document, settings_in

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)

LOST_RUN = RunFacts("r", DagsterRunStatus.FAILURE, False, False, fate=LOST)
STOPPED_RUN = replace(LOST_RUN, status=DagsterRunStatus.CANCELED, fate=STOPPED)
CLOSED_RUN = replace(LOST_RUN, fate="", closed=True)
ALIVE = RunFacts("r", DagsterRunStatus.STARTED, True, False)
PAUSED_RUN = replace(CLOSED_RUN, status=DagsterRunStatus.CANCELED, fate=PAUSED)
SUCCESS = RunFacts("r", DagsterRunStatus.SUCCESS, False, False)
CANCELED = RunFacts("r", DagsterRunStatus.CANCELED, False, False)


HEAD, BATCHED = {HEADLESS: True}, {"recogniser": "mistral-batch"}


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


CAPPED = Settings(
    _env_file=None,
    job_limits={"render": {"seconds": 7200, "stall_seconds": 600}},
)


@pytest.mark.parametrize(
    ("why", "changes", "code"),
    [
        ("it goes on", {"progressed_at": NOW}, None),
        ("it has just begun", {"started_at": NOW}, None),
        ("nothing came of it", {}, "stalled"),
        ("nothing came for long", {"progressed_at": NOW - timedelta(900)}, "stalled"),
        ("its step is new", {"step_started_at": NOW}, None),
        (
            "it takes too long",
            {"started_at": NOW - timedelta(hours=3), "progressed_at": NOW},
            "time_limit",
        ),
        ("another kind has other caps", {"kind": JobKind.VOICE}, None),
        ("it waits", {"state": JobState.QUEUED}, None),
        ("a conversion is watched by who began it", {"parameters": HEAD}, None),
        ("an engine answers in hours", {"parameters": BATCHED}, None),
    ],
)
def test_nothing_is_running_for_ever(
    why: str, changes: dict[str, Any], code: str | None
) -> None:
    running = job(
        **{"kind": JobKind.RENDER, "started_at": NOW - timedelta(minutes=30)} | changes
    )

    error = too_long(CAPPED, running, NOW)

    assert (error and error.code) == code, why


def test_a_job_that_takes_too_long_fails_for_good_and_its_run_is_stopped(
    tmp_path: Path,
) -> None:
    services = Services.open(settings_in(tmp_path))
    document = add_document(services, "Words.")
    stuck = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
    services.jobs.start(stuck.id, "run")
    stopped: list[str] = []
    instance = SimpleNamespace(run_launcher=SimpleNamespace(terminate=stopped.append))
    running = services.jobs.find(stuck.id)
    later = services.database.now() + timedelta(minutes=11)
    error = too_long(CAPPED, running, later)
    assert error is not None

    end_overdue(instance, services, running, error)  # type: ignore[arg-type]
    services.jobs.cancelled(stuck.id, "run")  # as the interrupted run does

    after = services.jobs.find(stuck.id)
    assert (after.state, after.error_code) == (JobState.FAILED, "stalled")
    assert after.error_message == error.message
    assert stopped == ["run"]
    assert "Ended: failed." in services.joblog.read(LOCAL, stuck.id)
    assert may_succeed_again(after.error_code)
    services.close()


def test_a_run_that_hangs_with_the_databases_lock_is_stopped_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen in a drill: whatever the run held back, nobody could fail its job."""
    services = Services.open(settings_in(tmp_path))
    document = add_document(services, "Words.")
    job_id = services.jobs.create(
        LOCAL, document_id=document.id, kind=JobKind.RENDER
    ).id
    services.jobs.start(job_id, "run")
    running = services.jobs.find(job_id)
    later = services.database.now() + timedelta(minutes=11)
    error = too_long(CAPPED, running, later)
    assert error is not None
    stopped: list[str] = []
    instance = SimpleNamespace(run_launcher=SimpleNamespace(terminate=stopped.append))
    monkeypatch.setattr("resources.stores.database.LOCK_SECONDS", 0.05)
    impatient = Services.open(settings_in(tmp_path))

    with services.database.write():  # as the run that hangs does
        end_overdue(instance, impatient, running, error)  # type: ignore[arg-type]
    assert stopped == ["run"]
    assert services.jobs.find(job_id).state is JobState.RUNNING

    end_overdue(instance, impatient, running, error)  # type: ignore[arg-type]
    assert services.jobs.find(job_id).error_code == "stalled"
    for one in (services, impatient):
        one.close()
