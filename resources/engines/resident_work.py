"""What a resident engine does with one request: the engine's part of it.

Standard library alone; how requests come here is ``resident_server.py``.
"""

from __future__ import annotations

import socket
import traceback
from typing import Protocol

from resources.engines.resident_messages import CHUNK_BYTES, Header, Incoming, message


class Refused(Exception):
    """A request that was not carried out; ``kind`` tells the near end what to raise:
    ``unavailable``, ``bad_reply`` or ``crashed``."""

    def __init__(self, message: str, kind: str = "unavailable") -> None:
        super().__init__(message)
        self.kind = kind


class Program(Protocol):
    """What a resident engine does."""

    def load(self) -> None:
        """Load what every fork needs. Called once; must leave no thread behind."""

    def answer(self, header: Header) -> tuple[Header, bytes]:
        """Carry out one request, in a fork.

        Raises:
            Refused: It cannot be carried out.
        """

    def is_worn(self) -> bool:
        """Whether this fork is to be replaced by a fresh one."""


def answer_all(connection: socket.socket, program: Program) -> None:
    """Answer the requests of a connection, one after the other, until it is closed."""
    incoming = Incoming()
    while data := connection.recv(CHUNK_BYTES):
        for header, _body in incoming.feed(data):
            sound = b""
            try:
                reply, sound = program.answer(header)
            except Exception as error:  # noqa: BLE001  # told to whoever asked
                reply = described(error)
            is_last = program.is_worn()
            connection.sendall(message(reply | {"is_last": is_last}, sound))
            if is_last:
                return


def described(error: Exception) -> Header:
    """Return a failure as it is told to who asked."""
    if isinstance(error, Refused):
        return {"error": str(error), "kind": error.kind}
    traceback.print_exc()
    return {"error": f"{type(error).__name__}: {error}"[:500], "kind": "crashed"}
