"""A resident engine that needs nothing: what it is asked for is what it does.

Run as a program by the tests of ``resources/engines/resident.py``:
``python -I resident_program.py PACKAGE PROCESSES IDLE_SECONDS NOTES FAILURE
DESCRIPTOR``, where PACKAGE is the folder of ``resources``.
"""

import os
import sys
import time
import types
from typing import Any

if __name__ == "__main__":
    stand_in = types.ModuleType("resources")
    stand_in.__path__ = [sys.argv[1]]
    sys.modules["resources"] = stand_in

from resources.engines.resident_server import serve
from resources.engines.resident_work import Refused


class Echo:
    """Answers with what a real engine would answer with, or dies as one would."""

    def __init__(self, notes: str, failure: str) -> None:
        self.notes, self.failure = notes, failure
        self.answered = 0

    def load(self) -> None:
        """Leave a note, so that the test can count how often this happened."""
        with open(self.notes, "a") as file:  # noqa: PTH123
            file.write(f"{os.getpid()}\n")
        time.sleep(0.05)
        if self.failure == "exit":
            sys.exit(3)
        if self.failure:
            raise Refused(self.failure)

    def answer(self, header: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Do what the header says."""
        self.answered += 1
        if header["ask"] == "die":
            os.kill(os.getpid(), 9)
        if header["ask"] == "raise":
            raise ValueError("no such thing")
        if header["ask"] == "refuse":
            raise Refused("not that", header["kind"])
        if header["ask"] == "sleep":
            time.sleep(header["seconds"])
        told = {"pid": os.getpid(), "parent": os.getppid(), "answered": self.answered}
        return told | {"said": header}, b"\x01" * header.get("size", 0)

    def is_worn(self) -> bool:
        """Let each fork answer three times."""
        return self.answered >= 3


def main() -> None:
    """Serve."""
    _package, processes, idle_seconds, notes, failure, descriptor = sys.argv[1:]
    serve(
        int(descriptor),
        Echo(notes, failure),
        processes=int(processes),
        idle_seconds=float(idle_seconds),
    )


if __name__ == "__main__":
    main()
