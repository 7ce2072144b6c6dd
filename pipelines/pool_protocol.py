"""What is said to the worker pool, and how: one JSON line each way.

Spoken by ``launcher`` (webserver, daemon) and answered by ``worker_pool``. A leaf
module: it imports neither of them.
"""

import json
import socket
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lectern.jobs.queues import Lane

ANSWER_SECONDS = 10.0
MESSAGE_BYTES = 1024**2


class RunCondition(StrEnum):
    """What the pool knows of a run."""

    WAITING = "waiting"  # for a place in its lane
    RUNNING = "running"
    ENDED = "ended"  # by itself; Dagster has the result
    LOST = "lost"  # its process was killed or crashed
    UNKNOWN = "unknown"  # never seen by this pool


class Question(BaseModel):
    """One request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: Literal["launch", "terminate", "condition", "ping"]
    run_id: str = ""
    lane: Lane = Lane.WORKERS
    instance_ref: str = ""
    owner: str = ""  # on whose behalf the run works; places are shared between people
    kind: str = ""  # of its job, which has caps; empty for the installation's own


class Answer(BaseModel):
    """One reply."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    condition: RunCondition = RunCondition.UNKNOWN
    pid: int | None = None
    ahead: int = 0  # runs that wait before this one


def ask_pool(path: Path, question: Question) -> Answer:
    """Send one question and return the answer.

    Raises:
        ConnectionError, FileNotFoundError: No pool listens there.
        TimeoutError: It listens but does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(path))
        connection.sendall(question.model_dump_json().encode() + b"\n")
        return Answer.model_validate_json(read_line(connection))


def read_line(connection: socket.socket) -> bytes:
    """Read up to a line's end.

    Raises:
        ConnectionError: The other side hung up, or talks without end.
    """
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(65536)
        if not piece or len(line) > MESSAGE_BYTES:
            raise ConnectionResetError("the other side broke off in mid-sentence")
        line += piece
    return line


def parse_question(line: bytes) -> Question:
    """Read one request."""
    return Question.model_validate(json.loads(line))
