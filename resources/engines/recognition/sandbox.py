"""Processes that read untrusted files: limited, alone, and easy to end.

The parent's half (``ReadingChild``) starts one and follows what it says; the
child's half (``confine``) gives up rights before it touches the file.
"""

import contextlib
import json
import logging
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lectern.errors import EngineCrashed, TookTooLong

logger = logging.getLogger(__name__)

CHILD_MODULE = "resources.engines.recognition.child"
TICK_SECONDS = 0.25
"""How often a parent looks up from waiting: to show life, and to be cancelled."""
READ_BYTES = 64 * 1024  # what a pipe holds
REPLY_BYTES = 512 * 1024**2
"""More than the text of any document that passes the other caps."""
STDERR_CHARS = 6000
OPEN_FILES = 64
PROGRAM_BYTES = 64 * 1024**2
"""Of a process's memory: its programs and libraries, which count as no data."""
ADDRESS_SPACE_FACTOR = 3
"""Libraries and runtimes reserve far more than they fill; this is the backstop where
the system does not count what is filled."""
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


class ReadingChild:
    """One child process and its private folder."""

    def __init__(self, job: dict[str, Any], *, module: str = CHILD_MODULE) -> None:
        self.died_by: int | None = None  # signal
        self.exit_code: int | None = None
        self._buffer = bytearray()
        self._received_bytes = 0
        self._folder = Path(tempfile.mkdtemp(prefix="lectern-reading-"))
        self._errors = (self._folder / "stderr").open("w+b")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._folder,
            env={"OMP_THREAD_LIMIT": "1", "LANG": "C.UTF-8", "HOME": str(self._folder)},
            start_new_session=True,  # so that the child's own children end with it
        )
        self.tell(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def folder(self) -> Path:
        """Return the child's own folder, which goes with it."""
        return self._folder

    def fileno(self) -> int:
        """Return the pipe to wait on."""
        assert self._process.stdout is not None  # noqa: S101  (we asked for a pipe)
        return self._process.stdout.fileno()

    def tell(self, message: object) -> None:
        """Send one message; a child that is gone is noticed when it is followed."""
        assert self._process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def read(self) -> list[dict[str, Any]] | None:
        """Return the messages that have arrived; None once the child has ended.

        Raises:
            TookTooLong: It said more than any document can hold.
            EngineCrashed: It said something that is no message.
        """
        data = os.read(self.fileno(), READ_BYTES)
        if not data:
            self._note_end()
            return None
        self._received_bytes += len(data)
        if self._received_bytes > REPLY_BYTES:
            raise TookTooLong(
                "The file yields more text than any document holds. Split it and "
                "try again.",
                limit=REPLY_BYTES,
            )
        self._buffer += data
        *whole, rest = self._buffer.split(b"\n")
        self._buffer = rest
        try:
            return [json.loads(line) for line in whole]
        except ValueError as error:
            raise EngineCrashed(
                "The process that reads files replied nonsense. Try again."
            ) from error

    def last_words(self) -> str:
        """Return the end of what the child wrote to its error stream."""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")[-STDERR_CHARS:]

    def end(self) -> None:
        """Kill the child and its children, and remove its folder."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _note_end(self) -> None:
        status = self._process.wait()
        self.died_by = -status if status < 0 else None
        self.exit_code = status if status >= 0 else None
        if status:
            logger.info("Reading child ended with %s: %s", status, self.last_words())
        elif said := self.last_words().strip():
            logger.info("Reading child wrote: %s", said)


def follow(
    children: list[ReadingChild], *, timeout_seconds: float
) -> Iterator[tuple[ReadingChild, dict[str, Any] | None] | None]:
    """Yield what children say as they say it, until the last one has ended.

    ``(child, None)`` states that a child ended; plain None comes when nothing has
    happened for a moment. Children may be added to the list meanwhile.

    Raises:
        TookTooLong: They are not done within the time on the clock.
    """
    give_up_at = time.monotonic() + timeout_seconds
    followed = 0
    with selectors.DefaultSelector() as selector:
        while True:
            for child in children[followed:]:
                selector.register(child, selectors.EVENT_READ, child)
            followed = len(children)
            if not selector.get_map():
                return
            if time.monotonic() > give_up_at:
                raise TookTooLong(
                    f"Reading the file took more than {timeout_seconds:.0f} seconds. "
                    "Split it into smaller parts and try again.",
                    limit=timeout_seconds,
                )
            ready = [key.data for key, _ in selector.select(TICK_SECONDS)]
            if not ready:
                yield None
            for child in ready:
                messages = child.read()
                if messages is None:
                    selector.unregister(child)
                    yield child, None
                for message in messages or ():
                    yield child, message


def confine(*, memory_bytes: int, output_bytes: int) -> tuple[str, ...]:
    """Give up, in the child, what reading a file does not need.

    Returns remarks on what this system did not let us give up. The number of
    processes is not limited: that cap counts a user's other processes too, and
    pandoc's runtime needs threads.
    """
    import resource

    filled_bytes = memory_bytes - PROGRAM_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (filled_bytes, filled_bytes))
    space_bytes = memory_bytes * ADDRESS_SPACE_FACTOR
    resource.setrlimit(resource.RLIMIT_AS, (space_bytes, space_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output_bytes, output_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        return ("No way to cut the network off for the process that read this file.",)
    return _confine_on_linux()


def _confine_on_linux() -> tuple[str, ...]:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # The first needs the right to administer, the second user namespaces.
    alone = (
        libc.unshare(CLONE_NEWNET) == 0
        or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0
    )
    if alone:
        return ()
    return ("This system does not let the reading process be cut off the network.",)


def allow_cpu_seconds(seconds: float) -> None:
    """Let this process use so much CPU time from now on; past it, it is ended."""
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    limit = int(used + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
