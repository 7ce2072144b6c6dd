"""What becomes of an export whose process is killed. A whole product at work."""

import pytest

from lectern.jobs.states import JobKind, JobState
from resources.stores.catalog import Document
from resources.stores.jobs import Job
from tests.support.drill import Drill
from tests.support.exporting import samples_in


def begin(drill: Drill, document: Document, **request: object) -> Job:
    job = drill.services.jobs.create(
        document.principal,
        document_id=document.id,
        kind=JobKind.EXPORT,
        parameters={"export": request},
    )
    drill.orchestrator.launch(job)
    return job


@pytest.mark.parametrize("step", ["Speaking", "Writing the file"])
def test_a_killed_export_goes_on_and_speaks_nothing_twice(
    drill: Drill, step: str
) -> None:
    document = drill.book(blocks=64, title=f"Killed while {step}")
    job = begin(drill, document, format="m4b", loudness_lufs=-16)
    running = drill.wait(job.id, lambda job: job.step == step and job.done >= 8)

    drill.worker_of(running).kill()
    ended = drill.ended(job.id, seconds=240)

    [export] = drill.services.exports.list(document.principal, document.id)
    data = drill.services.blobs.read(export.blob)
    assert (ended.state, ended.attempts) == (JobState.DONE, 2)
    assert drill.spoken_twice(document) == []
    assert 0 <= len(samples_in(data)) - export.metadata["duration_ms"] * 24 < 1024
    assert list((drill.settings.root / "exporting").iterdir()) == []


def test_a_cancelled_export_stops_and_leaves_no_file(drill: Drill) -> None:
    document = drill.book(blocks=240, title="Cancelled export")
    job = begin(drill, document, format="flac")
    drill.wait(job.id, lambda job: job.done >= 8)

    drill.services.jobs.cancel(document.principal, job.id)

    assert drill.ended(job.id, seconds=120).state is JobState.CANCELLED
    assert drill.services.exports.list(document.principal, document.id) == []
