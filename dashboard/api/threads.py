"""Work on a thread, its results taken one by one by the event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator
from concurrent.futures import TimeoutError as NotYet

AHEAD = 8
"""Pieces made before the client has taken them; a slow one makes the work wait."""
LOOK_SECONDS = 0.2


class _Ended:
    """Stands for the end of the pieces, or for what broke them off."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


class Pieces:
    """The pieces of one piece of work. Close it, whatever happens."""

    def __init__(self, make: Callable[[threading.Event], Generator[bytes]]) -> None:
        self._make = make
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._made: asyncio.Queue[bytes | _Ended] = asyncio.Queue(AHEAD)
        self._thread = threading.Thread(target=self._work, name="pieces", daemon=True)
        self._thread.start()

    async def next(self) -> bytes | None:
        """Return the next piece, None after the last.

        Raises:
            Exception: What the work raised.
        """
        piece = await self._made.get()
        if not isinstance(piece, _Ended):
            return piece
        self._made.put_nowait(piece)  # asked again, it says so again
        if piece.error is not None:
            raise piece.error
        return None

    def close(self) -> None:
        """Let the work end; it notices within a moment, and nobody waits for it."""
        self._stop.set()

    @property
    def is_working(self) -> bool:
        """Whether the thread is still there."""
        return self._thread.is_alive()

    def _work(self) -> None:
        """Make the pieces: the boundary for errors of this thread."""
        ended = _Ended()
        try:
            with contextlib.closing(self._make(self._stop)) as pieces:
                for piece in pieces:
                    if piece and not self._hand_over(piece):
                        return
        except Exception as error:  # noqa: BLE001  (raised where the piece is taken)
            ended = _Ended(error)
        self._hand_over(ended)

    def _hand_over(self, piece: bytes | _Ended) -> bool:
        """Wait until there is room; False when nobody takes anything any more."""
        handing = asyncio.run_coroutine_threadsafe(self._made.put(piece), self._loop)
        while True:
            try:
                handing.result(LOOK_SECONDS)
            except NotYet:
                if self._stop.is_set() or self._loop.is_closed():
                    handing.cancel()
                    return False
            else:
                return True
