"""The far end of a resident engine: a process that holds what is heavy to load.

Runs in whichever interpreter the engine needs, so it imports the standard library
alone. The process loads once, then forks: each fork answers one request at a time,
so that no two share a generator of random numbers, one that crashes takes nothing
with it, and one that has filled too much memory is replaced within milliseconds. The
process itself has one thread and computes nothing: forking it is safe.

The near end is ``resources/engines/resident.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from typing import NoReturn

from resources.engines.resident_messages import (
    CHUNK_BYTES,
    Header,
    Incoming,
    message,
)
from resources.engines.resident_work import Program, answer_all, described


@dataclasses.dataclass(eq=False)
class Client:
    """One connection of the near end."""

    connection: socket.socket
    incoming: Incoming = dataclasses.field(default_factory=Incoming)
    outgoing: bytearray = dataclasses.field(default_factory=bytearray)


@dataclasses.dataclass(eq=False)
class Request:
    """What a client waits for."""

    client: Client
    niceness: int  # as of a process: more is less urgent
    header: Header
    body: bytes


@dataclasses.dataclass(eq=False)
class Fork:
    """One process that answers."""

    pid: int
    connection: socket.socket
    niceness: int
    incoming: Incoming = dataclasses.field(default_factory=Incoming)
    client: Client | None = None  # who waits for what it does now
    is_busy: bool = False


class Server:
    """Hands requests to forks: the most urgent first, then as they came. One thread,
    one loop."""

    def __init__(
        self,
        listener: socket.socket,
        program: Program,
        *,
        processes: int,
        idle_seconds: float,
    ) -> None:
        self._listener = listener
        self._listener.settimeout(0)
        self._path = str(listener.getsockname())
        self._program = program
        self._processes = processes
        self._idle_seconds = idle_seconds
        self._selector = selectors.DefaultSelector()
        self._clients: set[Client] = set()
        self._forks: list[Fork] = []
        self._waiting: list[Request] = []  # the most urgent first
        self._failure: Header | None = None  # why nothing can be answered
        self._is_leaving = False

    def run(self) -> None:
        """Load, and answer until nobody has asked for long enough."""
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        try:
            self._load()
            idle_since = time.monotonic()
            while self._clients or not self._is_leaving:
                left = self._idle_seconds
                if not self._clients:
                    left += idle_since - time.monotonic()
                for key, events in self._selector.select(max(0.0, left)):
                    key.data(events)
                self._hand_out()
                if self._clients:
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since >= self._idle_seconds:
                    self._leave()
        finally:
            self._forget_path()
            _unlink(f"{self._path}.{os.getpid()}.pid")
            for fork in self._forks:
                os.kill(fork.pid, signal.SIGKILL)

    # -- beginning and end -------------------------------------------------

    def _load(self) -> None:
        try:
            self._program.load()
        except Exception as error:  # noqa: BLE001  # told to whoever asks
            self._failure = described(error)
            self._leave()
        gc.collect()
        gc.freeze()  # a fork would copy every page that the collector touches

    def _leave(self) -> None:
        """Take no new clients, but serve those who have come meanwhile."""
        if self._is_leaving:
            return
        self._forget_path()
        with contextlib.suppress(BlockingIOError):
            while True:
                self._admit(self._listener.accept()[0])
        self._selector.unregister(self._listener)
        self._listener.close()

    def _forget_path(self) -> None:
        if not self._is_leaving:
            self._is_leaving = True
            _unlink(self._path)

    # -- clients -----------------------------------------------------------

    def _accept(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            self._admit(self._listener.accept()[0])

    def _admit(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        client = Client(connection)
        self._clients.add(client)
        self._selector.register(
            connection, selectors.EVENT_READ, lambda events: self._serve(client, events)
        )

    def _serve(self, client: Client, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                sent = client.connection.send(client.outgoing[:CHUNK_BYTES])
                del client.outgoing[:sent]
                self._listen_to(client)
            if events & selectors.EVENT_READ:
                data = client.connection.recv(CHUNK_BYTES)
                if not data:
                    self._drop(client)
                for header, body in client.incoming.feed(data):
                    self._take(client, header, body)
        except BlockingIOError:
            return
        except (OSError, ValueError, KeyError, TypeError):
            self._drop(client)

    def _take(self, client: Client, header: Header, body: bytes) -> None:
        """Put a request in the queue, behind those that are as urgent."""
        if header["ask"] == "leave":
            self._leave()
            self._reply(client, message({}))
            return
        request = Request(client, int(header.pop("niceness", 0)), header, body)
        after = (
            n for n, r in enumerate(self._waiting) if r.niceness > request.niceness
        )
        self._waiting.insert(next(after, len(self._waiting)), request)

    def _listen_to(self, client: Client) -> None:
        """Wait for what can happen next: another request, or room to send."""
        events = selectors.EVENT_READ
        if client.outgoing:
            events |= selectors.EVENT_WRITE
        key = self._selector.get_key(client.connection)
        self._selector.modify(client.connection, events, key.data)

    def _drop(self, client: Client) -> None:
        """Forget a client that has hung up, and what it waited for."""
        if client not in self._clients:
            return
        self._clients.discard(client)
        self._selector.unregister(client.connection)
        client.connection.close()
        self._waiting = [one for one in self._waiting if one.client is not client]
        for fork in self._forks:
            if fork.client is client:
                fork.client = None

    def _reply(self, client: Client | None, data: bytes) -> None:
        if client is not None and client in self._clients:
            client.outgoing += data
            self._listen_to(client)

    # -- forks -------------------------------------------------------------

    def _hand_out(self) -> None:
        """Give waiting requests to forks that are free, and as nice."""
        while self._waiting:
            request = self._waiting[0]
            if self._failure is not None:
                self._reply(request.client, message(self._failure))
                del self._waiting[0]
                continue
            fork = self._free_fork(request.niceness)
            if fork is None:
                return
            del self._waiting[0]
            fork.client, fork.is_busy = request.client, True
            # One that dies meanwhile is seen from its closed connection.
            with contextlib.suppress(OSError):
                fork.connection.sendall(message(request.header, request.body))

    def _free_fork(self, niceness: int) -> Fork | None:
        """Return a fork that does nothing; None while all there may be are busy."""
        idle = [fork for fork in self._forks if not fork.is_busy]
        for fork in idle:
            if fork.niceness == niceness:
                return fork
        if len(self._forks) >= self._processes:
            if not idle:
                return None
            self._bury(idle[0])
        return self._fork(niceness)

    def _fork(self, niceness: int) -> Fork:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            # Only ever nicer than the parent; who wants less has it leave.
            os.nice(max(0, niceness - os.getpriority(os.PRIO_PROCESS, 0)))
            ours.close()  # else its own end never sees that the parent is gone
            self._become_fork(theirs)
        theirs.close()
        fork = Fork(pid, ours, niceness)
        self._forks.append(fork)
        self._selector.register(
            ours, selectors.EVENT_READ, lambda _events: self._hear(fork)
        )
        return fork

    def _become_fork(self, connection: socket.socket) -> NoReturn:
        """Answer until the other end closes. Never returns into the parent's loop."""
        code = 70
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._selector.close()
            self._listener.close()
            # Else nobody would see when one of them closes or dies.
            for client in self._clients:
                client.connection.close()
            for fork in self._forks:
                fork.connection.close()
            answer_all(connection, self._program)
            code = 0
        except BaseException:  # noqa: BLE001  # a fork must not unwind further
            traceback.print_exc()
        finally:
            os._exit(code)

    def _hear(self, fork: Fork) -> None:
        data = b""
        with contextlib.suppress(ConnectionError):
            data = fork.connection.recv(CHUNK_BYTES)
        if not data:
            self._bury(fork)
            return
        for header, body in fork.incoming.feed(data):
            client, fork.client = fork.client, None
            fork.is_busy = header.pop("is_last", False)  # then it ends by itself
            self._reply(client, message(header, body))

    def _bury(self, fork: Fork) -> None:
        self._forks.remove(fork)
        self._selector.unregister(fork.connection)
        fork.connection.close()
        status = os.waitpid(fork.pid, 0)[1]
        if fork.client is not None:
            code = os.waitstatus_to_exitcode(status)
            how = (
                f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
            )
            told = f"its process was ended {how}"
            self._reply(fork.client, message({"error": told, "kind": "crashed"}))


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108


def serve(
    descriptor: int, program: Program, *, processes: int, idle_seconds: float
) -> None:
    """Serve the listening socket that this process was started with."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = socket.socket(fileno=descriptor)
    Server(listener, program, processes=processes, idle_seconds=idle_seconds).run()
