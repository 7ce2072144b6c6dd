"""Our end of the pipe to ``espeak_process.py``: starting it, asking it, ending it.

One client is one process and answers one request at a time; the engine keeps several
for several threads. Nothing here loads espeak-ng.
"""

import json
import os
import select
import subprocess
import sys
import time
import weakref
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


class EspeakClient:
    """A running ``espeak_process.py``."""

    def __init__(self, library: str, data: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(PROGRAM), library, data],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # warnings about dictionaries, of no use here
            env={"LC_ALL": "C.UTF-8"},
            bufsize=0,
        )
        self._requests = cast(IO[bytes], self._process.stdin)
        self._replies = cast(IO[bytes], self._process.stdout)
        # Also when nobody closes it: an engine may be dropped, or the process end.
        self._end = weakref.finalize(self, _end, self._process, os.getpid())

    @property
    def process_id(self) -> int:
        """Return the process's id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether another request can be answered."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Send one request; return the reply's header and its samples.

        Raises:
            EngineCrashed: This text ended the process that spoke it.
            EngineUnavailable: espeak-ng is there but refuses to work.
        """
        data = json.dumps(request).encode()
        try:
            header, sound = self._exchange(len(data).to_bytes(4, "big") + data)
        except EngineError:
            self.close()  # the two ends no longer agree on where a reply starts
            raise
        except OSError as error:
            self.close()
            raise EngineCrashed("The espeak-ng process ended.") from error
        if "error" in header:
            kind = EngineCrashed if header["crashed"] else EngineUnavailable
            raise kind(f"espeak-ng could not speak a block: {header['error']}.")
        return header, sound

    def close(self) -> None:
        """End the process."""
        self._end()

    def _exchange(self, request: bytes) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + REPLY_SECONDS
        view = memoryview(request)
        while view:
            view = view[os.write(self._requests.fileno(), view) :]
        size = int.from_bytes(self._receive(4, deadline), "big")
        if size > LARGEST_REPLY_BYTES:
            raise BadEngineReply(f"espeak-ng replied with {size} bytes for one block.")
        reply = self._receive(size, deadline)
        end = 4 + int.from_bytes(reply[:4], "big")
        return json.loads(reply[4:end]), bytes(reply[end:])

    def _receive(self, count: int, deadline: float) -> bytearray:
        descriptor = self._replies.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        data = bytearray()
        while len(data) < count:
            left_seconds = max(0.0, deadline - time.monotonic())
            if not poll.poll(left_seconds * 1000):
                raise EngineCrashed(
                    f"espeak-ng did not answer within {REPLY_SECONDS:.0f} seconds."
                )
            chunk = os.read(descriptor, min(count - len(data), 1 << 20))
            if not chunk:
                raise EngineCrashed("The espeak-ng process ended.")
            data += chunk
        return data


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """End a process and close its pipes; a forked copy of its owner closes only."""
    if os.getpid() == owner:
        process.kill()  # does nothing to one that has ended
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
