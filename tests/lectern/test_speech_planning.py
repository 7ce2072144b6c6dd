"""Which blocks are voiced next."""

from hypothesis import given
from hypothesis import strategies as st

from lectern.speech.planning import (
    LARGEST_BATCH,
    Pace,
    batch_size,
    next_blocks,
    ready_ahead,
    window_blocks,
)


def wanted(spoken: list[bool], voiced: set[int], **options: int) -> list[int]:
    """Return the next blocks of a document given as flags."""
    return next_blocks(spoken.__getitem__, voiced, count=len(spoken), **options)


def test_the_block_under_the_cursor_comes_first_and_the_one_before_last():
    assert wanted([True] * 9, set(), cursor=4, window=3, limit=9) == [4, 5, 6, 3]


def test_what_is_voiced_or_not_spoken_is_passed_over():
    spoken = [True, False, True, True, True]

    assert wanted(spoken, {2}, cursor=0, window=3, limit=9) == [0, 3]


def test_a_full_window_asks_for_nothing():
    assert wanted([True] * 9, {0, 1, 2}, cursor=0, window=3, limit=9) == []


def test_at_the_end_there_is_only_what_is_left():
    assert wanted([True] * 5, set(), cursor=4, window=32, limit=9) == [4, 3]


def test_a_cursor_past_the_end_is_no_error():
    assert wanted([True] * 2, set(), cursor=9, window=3, limit=9) == [1]


def test_faster_playback_widens_the_window():
    slow, fast = Pace(playback_rate=1.0), Pace(playback_rate=2.0)

    assert window_blocks(32, slow) == 32
    assert window_blocks(32, fast) == 64


def test_an_engine_that_hardly_keeps_up_gets_a_longer_lead():
    assert window_blocks(32, Pace(engine_speed=1.5)) > 64


def test_the_window_never_grows_without_limit():
    assert window_blocks(32, Pace(playback_rate=5.0, engine_speed=0.01)) == 128


def test_tiny_blocks_are_kept_for_a_minute():
    assert window_blocks(32, Pace(mean_block_ms=1000)) == 60


def test_the_first_block_is_voiced_alone():
    assert batch_size(0) == 1
    assert batch_size(100) == LARGEST_BATCH


def test_blocks_that_are_not_spoken_do_not_break_what_is_ready():
    spoken = [True, False, True, True]

    ready = ready_ahead(spoken.__getitem__, {0, 2}, count=4, cursor=0)

    assert ready == 2


@given(
    st.lists(st.booleans(), max_size=40),
    st.sets(st.integers(0, 40)),
    st.integers(0, 45),
    st.integers(1, 10),
    st.integers(1, 10),
)
def test_voicing_what_is_wanted_comes_to_an_end(spoken, voiced, cursor, window, limit):
    done = set(voiced)
    for _ in range(len(spoken) + 1):
        batch = wanted(spoken, done, cursor=cursor, window=window, limit=limit)
        assert len(batch) <= limit
        assert all(spoken[index] and index not in done for index in batch)
        done.update(batch)

    assert wanted(spoken, done, cursor=cursor, window=window, limit=limit) == []
