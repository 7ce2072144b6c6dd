"""Our end of the pipe to ``espeak_process.py``: starting it, asking it, ending it.

One client is one process with one voice, and speaks one text at a time; the engine
keeps several for several threads. Nothing here loads espeak-ng.
"""

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from lectern.errors import (
    BadEngineReply,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
)

PROGRAM = Path(__file__).with_name("espeak_process.py")
REPLY_SECONDS = 30.0
"""Longer than the fork's own CPU limit, so that the fork is the one to give up."""
LARGEST_REPLY_BYTES = 512 * 1024**2
PIPE_BYTES = 1024**2
"""Room for a whole block in the pipe, so that neither end waits for the other."""


class EspeakClient:
    """A running ``espeak_process.py``."""

    def __init__(self, library: str, data: str, *voice: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PROGRAM), library, data, *voice],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # warnings about dictionaries, of no use here
            env={"LC_ALL": "C.UTF-8"},
            bufsize=0,
        )
        self._requests = cast(IO[bytes], self._process.stdin)
        self._replies = cast(IO[bytes], self._process.stdout)
        with contextlib.suppress(OSError, AttributeError):  # Linux, where allowed
            fcntl.fcntl(self._replies, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        # Also when nobody closes it: an engine may be dropped, or the process end.
        self._end = weakref.finalize(self, _end, self._process, os.getpid())

    @classmethod
    def with_voice(
        cls, library: str, data: str, voice: str, parameters: Mapping[str, str]
    ) -> "EspeakClient":
        """Start a process that speaks with a voice."""
        return cls(library, data, voice, json.dumps(parameters))

    @property
    def process_id(self) -> int:
        """Return the process's id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether another text can be spoken."""
        return self._process.poll() is None

    def describe(self) -> dict[str, Any]:
        """Return version and voices, from a process started without a voice."""
        return self._exchange(b"")[0]

    def speak(self, text: str) -> tuple[dict[str, Any], bytearray]:
        """Return the header and the samples of one text.

        Raises:
            EngineCrashed: This text ended the process.
            EngineUnavailable: espeak-ng is there but refuses to work.
        """
        data = text.encode()
        return self._exchange(len(data).to_bytes(4, "big") + data)

    def close(self) -> None:
        """End the process."""
        self._end()

    def _exchange(self, request: bytes) -> tuple[dict[str, Any], bytearray]:
        deadline = time.monotonic() + REPLY_SECONDS
        try:
            # A process that cannot start answers before it is asked, and ends.
            with contextlib.suppress(BrokenPipeError):
                self._send(request)
            header = json.loads(self._receive_sized(deadline))
            sound = self._receive(header["bytes"], deadline)
        except EngineError:
            self.close()  # the two ends no longer agree on where a reply starts
            raise
        if "error" in header:
            raise EngineUnavailable(f"espeak-ng does not work: {header['error']}.")
        return header, sound

    def _send(self, request: bytes) -> None:
        view = memoryview(request)
        while view:
            view = view[os.write(self._requests.fileno(), view) :]

    def _receive_sized(self, deadline: float) -> bytearray:
        return self._receive(
            int.from_bytes(self._receive(4, deadline), "big"), deadline
        )

    def _receive(self, count: int, deadline: float) -> bytearray:
        if count > LARGEST_REPLY_BYTES:
            raise BadEngineReply(f"espeak-ng replied with {count} bytes for one block.")
        descriptor = self._replies.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        data = bytearray(count)
        free = memoryview(data)
        while free:
            left_seconds = max(0.0, deadline - time.monotonic())
            if not poll.poll(left_seconds * 1000):
                raise EngineCrashed(
                    f"espeak-ng did not answer within {REPLY_SECONDS:.0f} seconds."
                )
            received = os.readv(descriptor, [free])
            if not received:
                raise EngineCrashed(self._how_it_ended())
            free = free[received:]
        return data

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        how = f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        return f"espeak-ng could not speak a block: its process was ended {how}."


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """End a process and close its pipes; a forked copy of its owner closes only."""
    if os.getpid() == owner:
        process.kill()  # does nothing to one that has ended
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
