"""Several calls at one time, with signs of life."""

import threading

import pytest

from resources.engines.recognition.parallel import each


def nothing() -> None:
    """Give no sign."""


def test_every_item_is_done_whatever_becomes_of_others():
    def work(number: int) -> float:
        return 6 / number

    done = dict(each([1, 0, 3], work, parallel=2, sign=nothing))

    assert (done[1].result(), done[3].result()) == (6, 2)
    assert isinstance(done[0].exception(), ZeroDivisionError)


def test_items_are_taken_only_as_there_is_room():
    taken: list[int] = []
    gate = threading.Event()

    def items():
        for number in range(5):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        assert gate.wait(5)
        return number

    waiting = each(items(), work, parallel=2, sign=lambda: gate.set())
    first, _ = next(waiting)

    assert first in (0, 1)
    assert len(taken) <= 3
    assert sorted([first, *(number for number, _ in waiting)]) == [0, 1, 2, 3, 4]


def test_a_sign_may_stop_it_and_nothing_more_is_begun():
    begun: list[int] = []
    gate = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        gate.wait(5)

    def sign() -> None:
        if begun:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(each(range(9), work, parallel=1, sign=sign))
    gate.set()

    assert begun == [0]


def test_nothing_to_do_is_done_at_once():
    assert list(each([], str, parallel=3, sign=nothing)) == []
