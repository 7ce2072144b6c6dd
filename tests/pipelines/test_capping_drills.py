"""A running product in which jobs hang, spin and eat: each ends, the rest goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lectern.accounts.people import LOCAL
from lectern.jobs.states import JobKind, JobState
from tests.support.drill import Drill, drilling
from tests.support.pool import wait_for

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

TEXT = "Nobody on the wall spoke of the winter. The boats turned slowly.\n\n"


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Yield a product whose jobs of some kinds may take next to nothing."""
    folder: Path = tmp_path_factory.mktemp("drill")
    caps = {
        "job_limits__render__stall_seconds": "5",
        "job_limits__voice__cpu_seconds": "1",
        "job_limits__export__memory_bytes": str(64 * 1024**2),
    }
    with drilling(folder / "data", **caps) as drill:
        yield drill


def test_a_job_that_hangs_is_given_up_and_its_process_ends(drill: Drill) -> None:
    document = drill.book(blocks=400, title="Hangs")
    job = drill.begin(document, JobKind.RENDER)
    running = drill.wait(job.id, lambda job: job.done >= 4)
    worker = drill.worker_of(running)
    worker.suspend()

    ended = drill.ended(job.id)

    assert (ended.state, ended.error_code) == (JobState.FAILED, "stalled")
    wait_for(lambda: not worker.is_running())
    wait_for(lambda: drill.run_status(running.run_id) in ("CANCELED", "FAILURE"))
    assert drill.services.jobs.find(job.id).attempts == 1
    assert "Nothing came of this work" in drill.services.joblog.read(LOCAL, job.id)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(JobKind.VOICE, "cpu_limit"), (JobKind.EXPORT, "memory_limit")],
)
def test_a_job_that_takes_too_much_fails_and_other_work_goes_on(
    drill: Drill, kind: JobKind, code: str
) -> None:
    document = drill.book(blocks=1500, title=f"Takes much as {kind}")
    parameters = {"export": {"format": "flac"}} if kind is JobKind.EXPORT else {}
    job = drill.services.jobs.create(
        LOCAL, document_id=document.id, kind=kind, parameters=parameters
    )
    drill.orchestrator.launch(job)
    other = drill.upload(TEXT * 20, title="Plain")
    preparing = drill.begin(other, JobKind.PREPARE)

    ended = drill.ended(job.id)

    assert (ended.state, ended.error_code) == (JobState.FAILED, code)
    assert ended.attempts == 1
    assert drill.ended(preparing.id).state is JobState.DONE
    wait_for(lambda: drill.run_status(ended.run_id) == "FAILURE")
