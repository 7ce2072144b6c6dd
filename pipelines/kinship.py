"""Forking, and ties between processes: no child may outlive what it belongs to.

Linux has calls for both directions; elsewhere the supervisor's own clean-up has
to do, and a component killed with SIGKILL may leave children behind.
"""

import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterable

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

logger = logging.getLogger(__name__)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(parent_pid: int, signal_number: int = signal.SIGKILL) -> None:
    """Have this process sent ``signal_number`` when its parent ends.

    Called in the child. The parent may have ended before the call took effect, so
    it is looked at once more.
    """
    _prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal_number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def descendants(pid: int) -> list[psutil.Process]:
    """Return every process below ``pid``; none when it is gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """Kill processes; those that ended meanwhile do not matter."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def kill_orphans(known_pids: Collection[int]) -> int:
    """Kill adopted processes: direct children that are not ``known_pids``.

    They were started by a child that has ended (a speech engine, a recogniser), so
    nobody waits for them any more.
    """
    adopted = [
        child for child in psutil.Process().children() if child.pid not in known_pids
    ]
    below = [process for child in adopted for process in descendants(child.pid)]
    kill_all([*adopted, *below])
    for child in adopted:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)
    return len(adopted)


def fork(duty: Callable[[], None]) -> int:
    """Run ``duty`` in a child process and return the child's id."""
    parent_pid = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        die_with_parent(parent_pid)
        duty()
        code = 0
    except BaseException:
        logging.getLogger("lectern.run").exception("A child process failed")
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def kill_family(pid: int) -> None:
    """Kill a child and all below it, youngest knowledge first."""
    below = descendants(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    kill_all(below)


def describe_exit(exit_code: int) -> str:
    """Return how a process ended, in words that follow its name."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    number = -exit_code
    hint = ", perhaps for want of memory" if number == signal.SIGKILL else ""
    return f"was ended by {signal.Signals(number).name}{hint}"
