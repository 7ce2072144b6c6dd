"""How far a batch is, and how long it still takes."""

import pytest

from lectern.jobs.batches import BatchState, Piece, Speed, progress_of
from lectern.jobs.states import JobState

SPEED = Speed(chars_a_second=100, pages_a_second=1)


def voice(state: JobState, chars: int = 950, **more: float) -> Piece:
    return Piece(state, chars=chars, **more)  # type: ignore[arg-type]


def progress(*pieces: Piece, places: int = 1, is_cancelled: bool = False):
    return progress_of(pieces, SPEED, is_cancelled=is_cancelled, places=places)


def test_time_is_foretold_from_the_engines_speed():
    seen = progress(
        voice(JobState.RUNNING, fraction=0.5), voice(JobState.QUEUED), places=2
    )

    assert seen.state is BatchState.RUNNING
    assert seen.seconds_left == pytest.approx((5 + 10) / 2)
    assert seen.done == pytest.approx(0.25)


def test_what_the_batch_itself_took_corrects_it():
    seen = progress(voice(JobState.DONE, seconds=30.0), voice(JobState.QUEUED))

    assert seen.seconds_left == pytest.approx(30)
    assert (seen.jobs_done, seen.jobs, seen.done) == (1, 2, pytest.approx(0.5))


def test_so_does_what_is_done_of_a_running_job():
    begun = voice(JobState.RUNNING, fraction=0.5, seconds=20.0)

    assert progress(begun, voice(JobState.QUEUED)).seconds_left == pytest.approx(60)


def test_hardly_begun_says_nothing():
    begun = voice(JobState.RUNNING, fraction=0.01, seconds=20.0)

    assert progress(begun).seconds_left == pytest.approx(9.9)


@pytest.mark.parametrize(
    ("states", "is_cancelled", "expected"),
    [
        ("done done", False, BatchState.DONE),
        ("done failed", False, BatchState.FAILED),
        ("queued done", False, BatchState.WAITING),
        ("queued running failed", False, BatchState.RUNNING),
        ("done cancelled", True, BatchState.CANCELLED),
    ],
)
def test_where_a_batch_stands_follows_from_its_jobs(states, is_cancelled, expected):
    pieces = [voice(JobState(state)) for state in states.split()]

    assert progress(*pieces, is_cancelled=is_cancelled).state is expected


def test_nothing_left_takes_no_time():
    assert progress(voice(JobState.DONE)).seconds_left is None
