"""Engines that are heavy to load live in a process of their own, beside the runs.

A run is forked for one job and ends; loading a model takes seconds and a gigabyte.
The first who needs the model starts a process that stays: one for each machine, data
folder and configuration. It listens on a socket in the run folder, serves every run
and the app, and ends by itself when nobody has asked for a while. Killed, it fails
what it was asked just then, and the next request starts it again.

What runs in it is ``resident_server.py``; what is said, ``resident_messages.py``.
"""

import contextlib
import fcntl
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lectern.errors import (
    BadEngineReply,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
)
from lectern.ids import digest
from resources.engines.resident_messages import CHUNK_BYTES, Incoming, message

STARTER = Path(__file__).with_name("resident_start.py")
REPLY_SECONDS = 600.0
"""Others may be served first. A process that has died is noticed at once."""
LOG_BYTES = 4 * 1024**2
KINDS: dict[str, type[EngineError]] = {
    "unavailable": EngineUnavailable,
    "bad_reply": BadEngineReply,
    "crashed": EngineCrashed,
}
NOBODY = (FileNotFoundError, ConnectionRefusedError)
"""What connecting fails with where nothing listens."""
NOT_INHERITED = ("LECTERN_", "DAGSTER_", "PYTHON")


@dataclass(frozen=True, slots=True)
class Resident:
    """One resident engine, as seen from a process that uses it.

    Holds nothing open between requests, so it may be shared by threads and copied by
    a fork.
    """

    name: str  # in file names: "kokoro"
    title: str  # in messages: "Kokoro"
    command: tuple[str, ...]  # its last argument, the listening socket, is added
    folder: Path  # where it listens; made when it is missing
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)  # beside our own

    @property
    def socket_path(self) -> Path:
        """Return where it listens; another configuration listens elsewhere."""
        variables = [part for pair in sorted(self.environment.items()) for part in pair]
        return self.folder / f"{self.name}-{digest(*self.command, *variables)[:6]}"

    def pid(self) -> int | None:
        """Return its process id; None when it does not run."""
        files = self.folder.glob(f"{self.socket_path.name}.*.pid")
        newest = sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True)
        return next(iter(_running(newest)), None)

    def start(self) -> None:
        """Start it unless it runs; nobody waits until it has loaded.

        Raises:
            EngineUnavailable: It cannot be started.
        """
        self._connected().close()

    def ask(self, header: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Return the header and the bytes of its reply.

        Raises:
            EngineCrashed: It ended before it had answered.
            EngineUnavailable: It cannot start, or cannot do its work.
            BadEngineReply: It says itself that what came out cannot be right.
        """
        with self._connected() as connection:
            try:
                niceness = os.getpriority(os.PRIO_PROCESS, 0)
                connection.sendall(message({**header, "niceness": niceness}))
                reply, body = self._reply(connection)
            except TimeoutError as error:
                raise EngineCrashed(
                    f"{self.title} did not answer within {REPLY_SECONDS:.0f} seconds."
                ) from error
            except OSError as error:
                raise self._ended() from error
            except (ValueError, KeyError, TypeError) as error:
                raise BadEngineReply(f"{self.title} replied nonsense.") from error
        if "error" in reply:
            kind = KINDS.get(str(reply.get("kind")), EngineCrashed)
            raise kind(f"{self.title}: {str(reply['error']).rstrip('.')}.")
        return reply, body

    def _reply(self, connection: socket.socket) -> tuple[dict[str, Any], bytes]:
        incoming = Incoming()
        deadline = time.monotonic() + REPLY_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                data = connection.recv(CHUNK_BYTES)
                if not data:
                    raise self._ended()
                for reply in incoming.feed(data):
                    return reply

    def _ended(self) -> EngineCrashed:
        return EngineCrashed(
            f"{self.title} ended before it had answered. Its log is {self.log}."
        )

    def _connected(self) -> socket.socket:
        """Return a connection, to a process that is started if there is none."""
        with contextlib.suppress(*NOBODY):
            connection = _connect(self.socket_path)
            if not self._is_too_nice():
                return connection
            self._send_away(connection)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _only_one(self.folder / f"{self.name}.lock"):
            with contextlib.suppress(*NOBODY):
                return _connect(self.socket_path)
            # Listening before it runs: its first clients are in the queue by then.
            with _listening(self.socket_path) as listener:
                connection = _connect(self.socket_path)
                try:
                    self._spawn(listener)
                except BaseException:
                    connection.close()
                    raise
                return connection

    def _is_too_nice(self) -> bool:
        """Whether it was started by work that steps back, and we do not.

        Being nice is inherited and cannot be undone.
        """
        pid = self.pid()
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        with contextlib.suppress(OSError):
            return pid is not None and os.getpriority(os.PRIO_PROCESS, pid) > ours
        return False

    def _send_away(self, connection: socket.socket) -> None:
        """Have it end once it has answered who waits; the next one takes its place."""
        with connection, contextlib.suppress(OSError, ValueError, EngineCrashed):
            connection.sendall(message({"ask": "leave"}))
            self._reply(connection)

    def _spawn(self, listener: socket.socket) -> None:
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        starter = (sys.executable, "-I", "-S", str(STARTER), str(self.socket_path))
        try:
            with self.log.open("ab") as log:
                subprocess.run(
                    [*starter, *self.command, str(listener.fileno())],
                    env=_inherited() | dict(self.environment),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[listener.fileno()],
                    check=True,
                    timeout=30,
                )
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineUnavailable(
                f"{self.title} cannot be started. Its log is {self.log}."
            ) from error


def resident_pids(folder: Path) -> set[int]:
    """Return the processes of all residents that listen in a run folder.

    They belong to nobody, and are no orphans.
    """
    return set(_running(folder.glob("*.pid")))


def _running(files: Iterable[Path]) -> Iterator[int]:
    """Yield the ids of those that run; forget those that were killed."""
    for file in files:
        pid = int(file.name.split(".")[-2])
        try:
            # A resident leads a session; an id may belong to another by now.
            if os.getsid(pid) == pid:
                yield pid
        except ProcessLookupError:
            file.unlink(missing_ok=True)


def _inherited() -> dict[str, str]:
    """Return our environment without what only concerns us, keys above all."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(NOT_INHERITED)
    }


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """Listen on a socket that only its owner can use; ours is closed afterwards."""
    path.unlink(missing_ok=True)  # of one that was killed
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(128)
        yield listener


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Let one process in at a time."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
