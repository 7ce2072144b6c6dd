"""An engine that is heavy to load lives beside the runs, and is nobody's child."""

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import resources
from lectern.errors import BadEngineReply, EngineCrashed, EngineUnavailable
from resources.engines.resident import Resident, resident_pids
from resources.engines.resident_messages import message

PROGRAM = Path(__file__).parents[1] / "support" / "resident_program.py"
Make = Callable[..., Resident]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return what makes a resident engine; all of them are ended afterwards."""
    made: list[Resident] = []

    def make(
        *,
        processes: int = 1,
        idle_seconds: float = 30,
        failure: str = "",
        environment: dict[str, str] | None = None,
    ) -> Resident:
        command = (
            *(sys.executable, "-I", str(PROGRAM), resources.__path__[0]),
            *(str(processes), str(idle_seconds)),
            *(str(tmp_path / "loads"), failure),
        )
        resident = Resident(
            name="echo",
            title="Echo",
            command=command,
            folder=tmp_path / "run",
            log=tmp_path / "logs" / "echo.log",
            environment=environment or {},
        )
        made.append(resident)
        return resident

    yield make
    for pid in resident_pids(tmp_path / "run"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        assert ended(pid)


def loads(resident: Resident) -> int:
    """Return how often the engine was loaded."""
    return len((resident.log.parents[1] / "loads").read_text().splitlines())


def pid_of(resident: Resident) -> int:
    """Return the id of the process that stays."""
    pid = resident.pid()
    assert pid is not None
    return pid


def ended(pid: int, seconds: float = 10) -> bool:
    """Wait until a process has ended; whether it has."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_it_is_loaded_once_for_all_who_ask(make: Make):
    resident, other = make(processes=2), make(processes=2)

    replies = [one.ask({"ask": "echo", "text": "é"})[0] for one in (resident, other)]

    assert [reply["said"]["text"] for reply in replies] == ["é", "é"]
    assert loads(resident) == 1


def test_two_that_start_it_at_once_start_one(make: Make):
    resident = make()
    barrier = threading.Barrier(6)

    def ask(number: int) -> int:
        barrier.wait()
        return int(resident.ask({"ask": "echo", "n": number})[0]["said"]["n"])

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(6))) == list(range(6))
    assert loads(resident) == 1


def test_a_large_reply_arrives_whole(make: Make):
    body = make().ask({"ask": "echo", "size": 3_000_001})[1]

    assert body == b"\x01" * 3_000_001


def test_so_many_requests_are_carried_out_at_once_as_there_are_processes(make: Make):
    resident = make(processes=2)
    resident.ask({"ask": "echo"})
    started = time.monotonic()

    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(lambda _: resident.ask({"ask": "sleep", "seconds": 0.3}), [0] * 4)
        )

    assert 0.6 <= time.monotonic() - started < 1.1


def test_a_fork_that_is_worn_is_replaced_and_nothing_is_loaded_again(make: Make):
    resident = make()

    pids = [resident.ask({"ask": "echo"})[0]["pid"] for _ in range(7)]

    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]
    assert loads(resident) == 1


def test_a_text_that_ends_its_fork_fails_alone(make: Make):
    resident = make()
    parent = resident.ask({"ask": "echo"})[0]["parent"]

    with pytest.raises(EngineCrashed, match="Echo: its process was ended by SIGKILL"):
        resident.ask({"ask": "die"})

    assert resident.ask({"ask": "echo"})[0]["parent"] == parent


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ({"ask": "raise"}, EngineCrashed),
        ({"ask": "refuse", "kind": "unavailable"}, EngineUnavailable),
        ({"ask": "refuse", "kind": "bad_reply"}, BadEngineReply),
        ({"ask": "refuse", "kind": "something new"}, EngineCrashed),
    ],
)
def test_what_it_refuses_is_a_typed_error(
    make: Make, header: dict[str, str], error: type[Exception]
):
    with pytest.raises(error, match=r"^Echo: .*[^.]\.$"):
        make().ask(header)


def test_killed_it_fails_what_it_was_asked_and_is_started_by_the_next(make: Make):
    resident = make()
    fork = resident.ask({"ask": "echo"})[0]["pid"]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(resident.ask, {"ask": "sleep", "seconds": 1})
        time.sleep(0.2)
        os.kill(pid_of(resident), signal.SIGKILL)
        with pytest.raises(EngineCrashed, match=r"ended before .*echo\.log"):
            asked.result(10)

    resident.ask({"ask": "echo"})

    assert loads(resident) == 2
    assert EngineCrashed.retryable
    assert ended(fork)


def test_it_ends_when_nobody_has_asked_for_a_while(make: Make):
    resident = make(idle_seconds=0.3)
    fork = resident.ask({"ask": "echo"})[0]["pid"]
    pid = pid_of(resident)

    assert ended(pid)
    assert ended(fork)
    assert not resident.socket_path.exists()
    assert resident_pids(resident.folder) == set()
    resident.ask({"ask": "echo"})
    assert loads(resident) == 2


def test_it_does_not_end_under_who_waits(make: Make):
    resident = make(idle_seconds=0.2)

    assert resident.ask({"ask": "sleep", "seconds": 0.8})[0]["answered"] == 1


def test_it_ends_when_it_is_told_to(make: Make):
    resident = make()
    fork = resident.ask({"ask": "echo"})[0]["pid"]

    os.kill(pid_of(resident), signal.SIGTERM)

    assert ended(fork)
    assert resident.pid() is None
    assert not list(resident.folder.glob("*.pid"))


def test_why_it_cannot_load_is_told_to_all_who_ask(make: Make):
    resident = make(failure="the model is missing.")

    with ThreadPoolExecutor(3) as pool:
        failed = [pool.submit(resident.ask, {"ask": "echo"}) for _ in range(3)]
        errors = {str(one.exception(10)) for one in failed}

    assert errors == {"Echo: the model is missing."}
    with pytest.raises(EngineUnavailable):
        resident.ask({"ask": "echo"})


def test_one_that_dies_while_it_loads_has_crashed(make: Make):
    with pytest.raises(EngineCrashed, match="Its log is"):
        make(failure="exit").ask({"ask": "echo"})


def test_a_command_that_is_not_there_has_a_name(tmp_path: Path):
    resident = Resident(
        name="none",
        title="None",
        command=("/no/such/python",),
        folder=tmp_path / "run",
        log=tmp_path / "none.log",
    )

    with pytest.raises(EngineCrashed):
        resident.ask({"ask": "echo"})


def test_another_configuration_is_another_process(make: Make):
    one, other = make(), make(environment={"TEST_DEVICE": "gpu"})

    assert one.socket_path != other.socket_path
    one.ask({"ask": "echo"})
    other.ask({"ask": "echo"})
    assert len(resident_pids(one.folder)) == 2


def test_a_client_that_hangs_up_is_forgotten(make: Make):
    resident = make()
    resident.ask({"ask": "echo"})
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(resident.ask, {"ask": "sleep", "seconds": 0.4})
        time.sleep(0.1)
        with socket.socket(socket.AF_UNIX) as gone:
            gone.connect(str(resident.socket_path))
            gone.sendall(message({"ask": "sleep", "seconds": 30}))
        started = time.monotonic()
        resident.ask({"ask": "echo"})
        busy.result()

    assert time.monotonic() - started < 5


@pytest.mark.parametrize("nonsense", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\2{}" * 3])
def test_who_talks_nonsense_is_hung_up_on(make: Make, nonsense: bytes):
    resident = make()
    resident.ask({"ask": "echo"})
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(resident.socket_path))
        stranger.settimeout(5)
        stranger.sendall(nonsense)
        with contextlib.suppress(ConnectionResetError):
            assert stranger.recv(10) == b""

    assert resident.ask({"ask": "echo"})[0]["said"]["ask"] == "echo"


def test_no_key_of_ours_is_in_its_environment(
    make: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LECTERN_MISTRAL__API_KEY", "secret")
    resident = make()
    resident.ask({"ask": "echo"})

    environment = Path(f"/proc/{pid_of(resident)}/environ").read_bytes()

    assert b"secret" not in environment
    assert b"PATH=" in environment


def test_it_is_no_child_of_the_run_that_started_it(make: Make):
    resident = make()
    child = os.fork()
    if child == 0:
        resident.start()
        os._exit(0)
    os.waitpid(child, 0)

    reply = resident.ask({"ask": "echo"})[0]

    assert loads(resident) == 1
    parents = [process.pid for process in psutil.Process(reply["parent"]).parents()]
    assert os.getpid() not in parents
    assert os.getsid(reply["parent"]) == reply["parent"]


def test_its_socket_is_its_owners_alone(make: Make):
    resident = make()
    resident.start()

    assert resident.socket_path.stat().st_mode & 0o777 == 0o600
    assert resident.folder.stat().st_mode & 0o777 == 0o700


NICE_CLIENT = """
import os, pickle, sys
os.nice(7)
resident, header = pickle.load(sys.stdin.buffer)
print(resident.ask(header)[0]["parent"])
"""


def asked_nicely(resident: Resident, header: dict[str, object]) -> int:
    """Ask from a process that steps back; return the id of the resident process."""
    told = subprocess.run(
        [sys.executable, "-c", NICE_CLIENT],
        input=pickle.dumps((resident, header)),
        capture_output=True,
        check=True,
    )
    return int(told.stdout)


def test_work_that_steps_back_does_so_in_the_resident_engine_too(make: Make):
    resident = make(processes=1)
    own = resident.ask({"ask": "echo"})[0]

    asked_nicely(resident, {"ask": "echo"})

    (fork,) = psutil.Process(own["parent"]).children()
    assert fork.pid != own["pid"]
    assert fork.nice() == psutil.Process().nice() + 7
    resident.ask({"ask": "echo"})
    (fork,) = psutil.Process(own["parent"]).children()
    assert fork.nice() == psutil.Process().nice()
    assert loads(resident) == 1


def test_one_that_was_started_by_such_work_makes_room_for_another(make: Make):
    resident = make()
    nice = asked_nicely(resident, {"ask": "echo"})
    with ThreadPoolExecutor(1) as pool:
        asked = {"ask": "sleep", "seconds": 1}
        still = pool.submit(asked_nicely, resident, asked)
        time.sleep(0.5)

        own = resident.ask({"ask": "echo"})[0]["parent"]

        assert own != nice
        assert {nice, own} <= resident_pids(resident.folder)
        assert still.result(10) == nice
    assert ended(nice)
    assert asked_nicely(resident, {"ask": "echo"}) == own


def test_the_urgent_comes_first(make: Make):
    resident = make()
    resident.ask({"ask": "echo"})
    order: list[str] = []

    def ask(name: str, *, nicely: bool) -> None:
        header = {"ask": "sleep", "seconds": 0.6}
        asked_nicely(resident, header) if nicely else resident.ask(header)
        order.append(name)

    with ThreadPoolExecutor(3) as pool:
        pool.submit(ask, "first", nicely=True)
        time.sleep(0.3)
        pool.submit(ask, "batch", nicely=True)
        time.sleep(0.25)
        pool.submit(ask, "listener", nicely=False)

    assert order == ["first", "listener", "batch"]
