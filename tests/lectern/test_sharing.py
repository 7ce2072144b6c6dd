"""Places are shared between people, and nobody waits for another's many things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.jobs.sharing import GUEST_FACTOR, Room, has_too_much, next_in

OWNERS = st.sampled_from("abc")


@pytest.mark.parametrize(
    ("waiting", "running", "room", "expected"),
    [
        ("", "", Room(2), None),
        ("aab", "", Room(2), 0),
        ("aab", "a", Room(2), 2),
        ("ba", "a", Room(2), 0),
        ("aa", "aa", Room(2), None),
        ("ab", "aa", Room(2), 1),  # let in as a guest
        ("ab", "aab", Room(2), None),  # who is in is no guest
        ("c", "ab", Room(2), None),  # nobody holds several
        ("d", "aabc", Room(2), None),  # too many guests
        ("ab", "aa", Room(2, has_guests=False), None),
        ("aab", "a", Room(4, most_a_person=1), 2),
        ("aa", "a", Room(4, most_a_person=1), None),
    ],
)
def test_who_has_least_comes_next(waiting, running, room, expected):
    assert next_in(waiting, running, room) == expected


@given(st.lists(OWNERS), st.lists(OWNERS), st.integers(1, 5), st.integers(0, 3))
def test_nobody_comes_before_one_who_has_less(waiting, running, places, most):
    room = Room(places, most)

    chosen = next_in(waiting, running, room)

    if chosen is None:
        return
    mine = running.count(waiting[chosen])
    assert all(mine <= running.count(owner) for owner in waiting)
    assert len(running) < places * GUEST_FACTOR
    assert len(running) < places or mine == 0
    assert not most or mine < most


@given(st.lists(OWNERS, max_size=12), st.integers(1, 5))
def test_a_free_place_is_never_left_empty(waiting, places):
    assert (next_in(waiting, [], Room(places)) is None) == (not waiting)


@pytest.mark.parametrize(
    ("owner", "running", "expected"),
    [
        ("a", "aaaa", False),  # nobody else is there
        ("a", "aaaab", True),
        ("b", "aaaab", False),
        ("a", "aabbbc", False),  # another has more
        ("a", "aaabb", True),
    ],
)
def test_who_keeps_others_out_has_too_much(owner, running, expected):
    assert has_too_much(owner, list(running), Room(4)) is expected
