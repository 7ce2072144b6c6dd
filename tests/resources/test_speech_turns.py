"""Processes take turns at an engine: what is heard soonest comes first."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.engines.turns import Entry, Rank, Turns, Urgency, place_of
from tests.support.pool import wait_for

HOLDER = """
import sys, threading, time
from pathlib import Path
from resources.engines.turns import Turns, Urgency
with Turns(Path(sys.argv[1]), 1).turn(Urgency(), threading.Event()):
    print("mine", flush=True)
    time.sleep(60)
"""


def entry(
    name: str,
    *,
    rank: Rank = Rank.LISTENER,
    owner: str = "a",
    needed_at: float = 0.0,
    asked_at: float = 0.0,
    speaks: bool = False,
) -> Entry:
    return Entry(name, 1, rank, owner, needed_at, asked_at, 0.0, speaks)


def first_of(entries: list[Entry], at_once: int) -> list[str]:
    """Return who may speak now."""
    waiting = [one for one in entries if not one.speaks]
    return [
        one.id
        for one in waiting
        if place_of(one, [e for e in entries if e is not one], at_once, 0.0) < 0
    ]


def test_what_is_heard_soonest_comes_first():
    waiting = [entry("later", needed_at=9), entry("soon", needed_at=2)]

    assert first_of(waiting, 1) == ["soon"]


def test_a_listener_comes_before_any_other_work():
    waiting = [
        entry("batch", rank=Rank.BATCH),
        entry("book", rank=Rank.WORK),
        entry("listener", needed_at=1e9),
    ]

    assert first_of(waiting, 1) == ["listener"]
    assert first_of(waiting, 2) == ["book", "listener"]


def test_books_of_many_people_are_rendered_at_one_pace():
    entries = [
        entry("1", owner="a", rank=Rank.WORK, speaks=True),
        entry("2", owner="a", rank=Rank.WORK, asked_at=1),
        entry("3", owner="b", rank=Rank.WORK, asked_at=5),
    ]

    assert first_of(entries, 2) == ["3"]


def test_one_who_listens_to_much_leaves_another_a_turn():
    entries = [
        entry("1", owner="a", speaks=True),
        entry("2", owner="a", needed_at=1),
        entry("3", owner="b", needed_at=5),
    ]

    assert first_of(entries, 2) == ["3"]


def test_who_has_not_looked_for_long_is_passed_over():
    stuck, other = entry("stuck", needed_at=1), entry("other", needed_at=9)

    assert place_of(other, [stuck], 1, 0.5) == 0
    assert place_of(other, [stuck], 1, 5.0) < 0


ENTRIES = st.builds(
    entry,
    st.uuids().map(str),
    rank=st.sampled_from(Rank),
    owner=st.sampled_from("abc"),
    needed_at=st.floats(0, 9),
    asked_at=st.floats(0, 9),
    speaks=st.booleans(),
)


@given(st.lists(ENTRIES, max_size=12), st.integers(1, 4))
def test_no_turn_is_left_while_somebody_waits(entries: list[Entry], at_once: int):
    free = at_once - sum(one.speaks for one in entries)
    waiting = sum(not one.speaks for one in entries)

    assert len(first_of(entries, at_once)) >= min(free, waiting)


class Speakers:
    """Threads that take turns, note who spoke, and go on until they are let go."""

    def __init__(self, folder: Path, at_once: int) -> None:
        self.turns = Turns(folder / "turns.json", at_once)
        self.spoke: list[str] = []
        self.most = 0
        self.gate = threading.Semaphore(0)
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._now = 0
        self.pool = ThreadPoolExecutor(16)

    def speak(self, name: str, urgency: Urgency) -> Future[None]:
        return self.pool.submit(self._speak, name, urgency)

    def _speak(self, name: str, urgency: Urgency) -> None:
        with self.turns.turn(urgency, self.stopping):
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
                self.spoke.append(name)
            self.gate.acquire(timeout=60)
            with self._lock:
                self._now -= 1


def waiting_in(path: Path) -> Callable[[int], None]:
    return lambda count: wait_for(
        lambda: path.read_text().count('"speaks":false') == count, seconds=60
    )


def test_turns_are_taken_by_need_and_never_more_than_there_are(
    tmp_path: Path, monkeypatch
):
    monkeypatch.setattr("resources.engines.turns.SILENT_SECONDS", 60)
    speakers = Speakers(tmp_path, 2)
    now = time.monotonic()
    first = [speakers.speak("first", Urgency()) for _ in range(2)]
    wait_for(lambda: len(speakers.spoke) == 2, seconds=60)
    rest = [
        speakers.speak("book", Urgency(Rank.WORK)),
        *(speakers.speak(f"in {n}", Urgency(needed_at=now + n)) for n in (30, 10, 20)),
    ]
    waiting_in(tmp_path / "turns.json")(4)

    # Two at a time: who has the turn may note it a little after the next one does.
    speakers.gate.release(2)
    wait_for(lambda: len(speakers.spoke) == 4, seconds=60)
    assert set(speakers.spoke[2:]) == {"in 10", "in 20"}
    speakers.gate.release(4)
    for future in [*first, *rest]:
        future.result(60)

    assert speakers.most == 2
    assert set(speakers.spoke[4:]) == {"in 30", "book"}
    assert speakers.turns.speaking() == 0


def test_who_waited_for_the_file_takes_nobody_for_dead(tmp_path: Path, monkeypatch):
    """Somebody else took a turn while this one waited for the file's lock."""
    turns = Turns(tmp_path / "turns.json", 1)
    stopping = threading.Event()
    asks = threading.Event()

    def look() -> float:
        if threading.current_thread().name == "late":
            asks.set()
        return clock()

    clock = time.monotonic
    spoken: list[str] = []

    def late() -> None:
        with turns.turn(Urgency(), stopping):
            spoken.append("late")

    with turns._entries() as (_, file):
        monkeypatch.setattr("resources.engines.turns.time.monotonic", look)
        thread = threading.Thread(target=late, name="late")
        thread.start()
        assert asks.wait(60)
        time.sleep(0.2)  # it waits for the lock by now
        now = clock()
        holder = Entry("holder", os.getpid(), 0, "b", now, now, now, speaks=True)
        file.write(json.dumps([asdict(holder)]))
        file.flush()
    wait_for(lambda: "holder" in (tmp_path / "turns.json").read_text())
    time.sleep(0.2)

    assert spoken == []
    turns._forget(holder)
    thread.join(60)
    assert spoken == ["late"]


def test_a_process_that_is_killed_gives_its_turn_back(tmp_path: Path):
    path = tmp_path / "turns.json"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "mine\n"
    speakers = Speakers(tmp_path, 1)
    waiting = speakers.speak("after", Urgency())
    waiting_in(path)(1)

    holder.kill()
    holder.wait()
    holder.stdout.close()
    speakers.gate.release(16)

    waiting.result(60)
    assert speakers.spoke == ["after"]


def test_who_is_stopped_while_it_waits_leaves_the_queue(tmp_path: Path):
    speakers = Speakers(tmp_path, 1)
    first = speakers.speak("first", Urgency())
    wait_for(lambda: speakers.spoke, seconds=60)
    second = speakers.speak("second", Urgency())
    waiting_in(tmp_path / "turns.json")(1)

    speakers.stopping.set()

    with pytest.raises(CancelledError):
        second.result(60)
    speakers.gate.release(16)
    first.result(60)
    assert speakers.spoke == ["first"]
    assert (tmp_path / "turns.json").read_text() == "[]"


def test_a_file_that_was_cut_short_stops_nobody(tmp_path: Path):
    (tmp_path / "turns.json").write_text('[{"id":"half')

    with Turns(tmp_path / "turns.json", 1).turn(Urgency(), threading.Event()):
        assert Turns(tmp_path / "turns.json", 1).speaking() == 1
