"""The worker pool, with real forks and real deaths."""

import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.kinship import kill_family
from pipelines.pool_protocol import Lane, RunCondition
from tests.support.pool import Pool, idle_resident, running_pool, wait_for


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    with running_pool(tmp_path) as pool:
        yield pool


def noted_pid(pool: Pool, word: str) -> int:
    wait_for(lambda: word in pool.notes)
    line = next(line for line in pool.notes.splitlines() if line.startswith(word))
    return int(line.split()[-1])


def test_a_run_is_carried_out_in_a_process_of_its_own(pool: Pool) -> None:
    answer = pool.ask("launch", "sleep-0.05")

    wait_for(lambda: "ended sleep-0.05" in pool.notes)
    assert answer.pid == noted_pid(pool, "began") != pool.process.pid


def test_a_run_asked_for_twice_is_started_once(pool: Pool) -> None:
    first = pool.ask("launch", "sleep-5")
    second = pool.ask("launch", "sleep-5")

    assert first == second
    assert pool.notes.count("began") <= 1


def test_runs_of_one_lane_wait_in_order(pool: Pool) -> None:
    answers = [pool.ask("launch", f"sleep-0.{n}") for n in (3, 1, 2)]

    wait_for(lambda: pool.notes.count("ended") == 3)
    began = [line for line in pool.notes.splitlines() if line.startswith("began")]
    assert [answer.condition for answer in answers[1:]] == [RunCondition.WAITING] * 2
    assert [line.split()[1] for line in began] == [
        "sleep-0.3",
        "sleep-0.1",
        "sleep-0.2",
    ]


def test_a_listener_never_waits_for_a_book(pool: Pool) -> None:
    pool.ask("launch", "sleep-20")
    pool.ask("launch", "sleep-21")

    listener = pool.ask("launch", "sleep-0.01", Lane.LISTENERS)

    assert listener.condition is RunCondition.RUNNING


def test_somebody_who_has_nothing_never_waits_for_anothers_books(
    tmp_path: Path,
) -> None:
    with running_pool(tmp_path, places=2) as pool:
        for number in range(20):
            pool.ask("launch", f"sleep-2{number}", Lane.LISTENERS, owner="many")

        answers = [
            pool.ask("launch", f"sleep-1{n}", Lane.LISTENERS, owner="one")
            for n in range(2)
        ]

    assert [answer.condition for answer in answers] == [
        RunCondition.RUNNING,
        RunCondition.WAITING,
    ]


def test_a_free_place_goes_to_whoever_has_least(tmp_path: Path) -> None:
    with running_pool(tmp_path, places=2) as pool:
        pool.ask("launch", "sleep-20", owner="many")
        pool.ask("launch", "sleep-0.3", owner="other")
        for number in range(3):
            pool.ask("launch", f"sleep-0.0{number}", owner="many")
        pool.ask("launch", "sleep-0.04", owner="one")

        wait_for(lambda: pool.notes.count("ended") == 5)

    began = [line.split()[1] for line in pool.notes.splitlines() if "began" in line]
    assert began.index("sleep-0.04") == 2  # right after those that ran already


def test_nobody_takes_more_places_than_one_person_may(tmp_path: Path) -> None:
    with running_pool(tmp_path, places=3, most_a_person=2) as pool:
        answers = [
            pool.ask("launch", f"sleep-1{n}", owner=owner)
            for n, owner in enumerate(["many", "many", "many", "one"])
        ]

    running, waiting = RunCondition.RUNNING, RunCondition.WAITING
    assert [a.condition for a in answers] == [running, running, waiting, running]


def test_a_batch_never_keeps_a_person_waiting(pool: Pool) -> None:
    pool.ask("launch", "sleep-20", Lane.BATCH)

    answers = [
        pool.ask("launch", f"sleep-0.0{n}", lane)
        for n, lane in enumerate((Lane.WORKERS, Lane.LISTENERS), start=1)
    ]

    assert {answer.condition for answer in answers} == {RunCondition.RUNNING}


def test_a_batch_begins_only_while_nobody_waits(pool: Pool) -> None:
    pool.ask("launch", "sleep-60")
    pool.ask("launch", "sleep-0.2")  # waits for the one place
    noted_pid(pool, "began sleep-60")

    batch = pool.ask("launch", "sleep-0.01", Lane.BATCH)

    assert batch.condition is RunCondition.WAITING
    pool.ask("terminate", "sleep-60")
    wait_for(lambda: "ended sleep-0.01" in pool.notes)
    # The one that waited has the place by then; both begin at the same moment.
    assert pool.notes.index("ended sleep-60") < pool.notes.index("began sleep-0.01")


def test_a_batch_gives_way_to_every_other_process(pool: Pool) -> None:
    batch = pool.ask("launch", "sleep-20", Lane.BATCH)
    person = pool.ask("launch", "sleep-21")

    usual = psutil.Process(pool.process.pid).nice()
    wait_for(lambda: psutil.Process(batch.pid).nice() == min(19, usual + 10))
    assert psutil.Process(person.pid).nice() == usual


@pytest.mark.parametrize(
    ("run_id", "how"), [("die", "ended by SIGKILL"), ("crash", "exit code 1")]
)
def test_a_lost_run_is_reported_at_once(pool: Pool, run_id: str, how: str) -> None:
    pool.ask("launch", run_id)

    wait_for(lambda: f"lost {run_id}: " in pool.notes)
    assert how in pool.notes
    assert pool.ask("condition", run_id).condition is RunCondition.LOST


def test_a_killed_run_leaves_no_process_behind(pool: Pool) -> None:
    run = pool.ask("launch", "family")
    child = psutil.Process(noted_pid(pool, "child"))
    assert run.pid

    os.kill(run.pid, signal.SIGKILL)

    child.wait(60)


def test_a_resident_engine_outlives_the_run_that_started_it(pool: Pool) -> None:
    pool.ask("launch", "resident-60")
    resident = psutil.Process(noted_pid(pool, "stays"))
    pool.ask("terminate", "resident-60")
    wait_for(lambda: "ended resident-60" in pool.notes)
    pool.ask("launch", "die")  # whose end is when orphans are looked for
    wait_for(lambda: "lost die" in pool.notes)

    reply = idle_resident(pool.folder).ask({"ask": "echo"})[0]

    assert reply["parent"] == resident.pid
    assert resident.ppid() == pool.process.pid
    resident.kill()


def test_a_run_that_is_killed_leaves_the_resident_engine_alone(pool: Pool) -> None:
    run = pool.ask("launch", "resident-60")
    resident = psutil.Process(noted_pid(pool, "stays"))
    assert run.pid
    kill_family(run.pid)
    wait_for(lambda: "lost resident-60" in pool.notes)

    assert idle_resident(pool.folder).ask({"ask": "echo"})[0]["parent"] == resident.pid
    resident.kill()


def test_a_lost_run_makes_room_for_the_next(pool: Pool) -> None:
    pool.ask("launch", "die")
    pool.ask("launch", "sleep-0.01")

    wait_for(lambda: "ended sleep-0.01" in pool.notes)


def test_a_running_run_stops_when_asked(pool: Pool) -> None:
    pool.ask("launch", "sleep-60")
    noted_pid(pool, "began")

    pool.ask("terminate", "sleep-60")

    wait_for(lambda: "ended sleep-60" in pool.notes)


def test_a_run_that_waits_is_dropped_when_asked(pool: Pool) -> None:
    pool.ask("launch", "sleep-0.3")
    pool.ask("launch", "sleep-0.1")

    answer = pool.ask("terminate", "sleep-0.1")

    wait_for(lambda: "ended sleep-0.3" in pool.notes)
    assert answer.condition is RunCondition.WAITING
    assert "began sleep-0.1" not in pool.notes


def test_a_killed_pool_takes_its_runs_with_it(pool: Pool) -> None:
    run = pool.ask("launch", "sleep-60")

    pool.process.kill()

    psutil.Process(run.pid).wait(60)


def test_a_stopped_pool_leaves_nothing_running(pool: Pool) -> None:
    pool.ask("launch", "family")
    child = psutil.Process(noted_pid(pool, "child"))

    pool.process.terminate()

    assert pool.process.wait(60) == 0
    child.wait(60)


def test_nonsense_does_not_disturb_the_pool(pool: Pool) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(pool.folder / "pool.sock"))
        connection.sendall(b"launch everything\n")

    assert pool.ask("launch", "sleep-0.01").condition is RunCondition.RUNNING


def test_only_the_owner_can_talk_to_the_pool(pool: Pool) -> None:
    mode = (pool.folder / "pool.sock").stat().st_mode

    assert stat.S_IMODE(mode) == 0o600


def test_what_takes_too_much_is_killed_and_other_work_goes_on(tmp_path: Path) -> None:
    with running_pool(tmp_path, places=4) as pool:
        pool.ask("launch", "sleep-60", kind="render")
        pool.ask("launch", "spin-free")  # of no kind of job: nothing caps it
        pool.ask("launch", "spin-1", kind="render")
        pool.ask("launch", "eat-60", kind="render")

        wait_for(lambda: pool.notes.count("excess") == 2)

        assert "excess spin-1 cpu_limit" in pool.notes
        assert "excess eat-60 memory_limit" in pool.notes
        assert "lost" not in pool.notes
        for run_id in ("sleep-60", "spin-free"):
            assert pool.ask("condition", run_id).condition is RunCondition.RUNNING
        wait_for(lambda: pool.ask("condition", "spin-1").condition is RunCondition.LOST)
