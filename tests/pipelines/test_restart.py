"""Stopping the product in the middle of work, and starting it again."""

from pathlib import Path

from lectern.jobs.runs import STOPPED, WORKER
from lectern.jobs.states import JobKind, JobState
from pipelines.places import find_places
from tests.support.drill import drilling


def test_work_goes_on_after_a_restart_and_repeats_nothing(tmp_path: Path) -> None:
    with drilling(tmp_path / "data") as drill:
        document = drill.book(blocks=64, title="Interrupted")
        job = drill.begin(document, JobKind.RENDER)
        first = drill.wait(job.id, lambda job: job.done >= 16)
        socket = find_places(drill.settings).workers_socket
    assert not socket.exists()

    with drilling(tmp_path / "data") as drill:
        ended = drill.ended(job.id)

        assert (ended.state, ended.attempts) == (JobState.DONE, 2)
        assert drill.spoken_twice(document) == []
        assert drill.run_tags(first.run_id)[WORKER] == STOPPED
