"""Texts of several threads, collected into one request.

Servers with a large model speak eight texts in little more time than one. The first
thread that comes waits a moment for others, sends for all of them, and hands each its
own sound or its own failure.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from lectern.errors import EngineError
from resources.engines.openai_speech_client import Reply

Send = Callable[[Sequence[str], Mapping[str, Any]], Sequence[Reply | EngineError]]
ALONE_SHARE = 0.1
"""Part of the wait after which a text that came quite alone goes without company."""


class Batches:
    """Collects the texts of one server."""

    def __init__(self, send: Send, *, most_texts: int, wait_seconds: float) -> None:
        self._send = send
        self._most_texts = most_texts
        self._wait_seconds = wait_seconds
        self._changed = threading.Condition()
        self._open: dict[str, _Batch] = {}  # being collected, by what its texts share
        self._under_way = 0  # texts being spoken, or waiting to be

    def speak(self, text: str, shared: Mapping[str, Any]) -> Reply:
        """Return the sound of a text, spoken with others that share these parameters.

        Raises:
            EngineError: It could not be spoken, or none of its batch could.
        """
        key = repr(sorted(shared.items()))
        future: Future[Reply] = Future()
        with self._changed:
            self._under_way += 1
            batch = self._open.get(key)
            leads = batch is None
            if batch is None:
                batch = self._open[key] = _Batch()
            batch.add(text, future)
            if len(batch.texts) >= self._most_texts:
                self._open.pop(key, None)
            self._changed.notify_all()
        try:
            if leads:
                self._collect(key, batch)
                batch.settle(self._send, shared)
            return future.result()
        finally:
            with self._changed:
                self._under_way -= 1

    def _collect(self, key: str, batch: "_Batch") -> None:
        """Wait until the batch is full, or long enough; nobody joins it after."""
        started = time.monotonic()
        with self._changed:
            while self._open.get(key) is batch:
                alone = self._under_way == 1
                patience = self._wait_seconds * (ALONE_SHARE if alone else 1.0)
                left_seconds = started + patience - time.monotonic()
                if left_seconds <= 0:
                    self._open.pop(key)
                    return
                self._changed.wait(left_seconds)


class _Batch:
    """Texts that are sent together, and who waits for each."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._futures: list[Future[Reply]] = []

    def add(self, text: str, future: Future[Reply]) -> None:
        self.texts.append(text)
        self._futures.append(future)

    def settle(self, send: Send, shared: Mapping[str, Any]) -> None:
        """Send, and give everybody what is theirs, however it ends."""
        try:
            replies = send(self.texts, shared)
            for future, reply in zip(self._futures, replies, strict=True):
                if isinstance(reply, Reply):
                    future.set_result(reply)
                else:
                    future.set_exception(reply)
        except BaseException as error:
            for future in self._futures:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, EngineError):
                raise
