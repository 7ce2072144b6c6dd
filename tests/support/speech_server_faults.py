"""How a speech server misbehaves, each way by its name.

A fault strikes the texts that contain ``on`` (all of them, when it is empty), and only
the first ``times`` of those.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse


@dataclass
class Fault:
    """One way to misbehave. This one does nothing; the others change a step each."""

    on: str = ""
    times: int = 1_000_000
    struck: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def applies(self, text: str) -> bool:
        """Whether it strikes now; counts when it does."""
        with self._lock:
            if self.on not in text or self.struck >= self.times:
                return False
            self.struck += 1
            return True

    async def instead(self, request: Request) -> Response | None:
        """Return an answer in place of any work."""
        return None

    def instead_of(self, text: str) -> str:
        """Return the text that is spoken."""
        return text

    def bent(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the samples that are sent."""
        return samples

    def spoiled_bytes(self, sound: bytes) -> bytes:
        """Return the bytes of a file that are sent."""
        return sound

    async def spoiled(
        self, request: Request, sound: bytes, form: str
    ) -> Response | None:
        """Return another answer than the plain sound."""
        return Response(self.spoiled_bytes(sound), media_type=f"audio/{form}")

    def item_error(self) -> str | None:
        """Return why an item of a batch failed."""
        return None

    def shuffled(self, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the items of a batch as they are sent."""
        return results


@dataclass
class Busy(Fault):
    """Says 429 (or 503), and when to come back."""

    status: int = 429
    retry_after: str | None = "0.2"

    async def instead(self, request: Request) -> Response:
        """Ask for patience."""
        headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        error = {"message": "Rate limit reached", "type": "rate_limit", "code": 429}
        return JSONResponse({"error": error}, self.status, headers=headers)


@dataclass
class Failing(Fault):
    """Says 500."""

    async def instead(self, request: Request) -> Response:
        """Fail."""
        error = {"message": "CUDA out of memory", "type": "server_error", "code": 500}
        return JSONResponse({"error": error}, 500)


@dataclass
class Dying(Failing):
    """Says 500 from the first text it strikes on."""

    def applies(self, text: str) -> bool:
        """Whether it has struck before, or does now."""
        return self.struck > 0 or super().applies(text)


@dataclass
class DiesMidReply(Fault):
    """Sends half a reply, and closes the connection."""

    async def spoiled(self, request: Request, sound: bytes, form: str) -> Response:
        """Promise the whole and send half."""
        headers = {"Content-Length": str(len(sound))}

        async def half() -> AsyncIterator[bytes]:
            yield sound[: len(sound) // 2]
            raise ConnectionResetError

        return _Cut(half(), headers=headers, media_type=f"audio/{form}")


class _Cut(StreamingResponse):
    """A reply that ends before its end."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except (ConnectionResetError, ExceptionGroup):
            return  # uvicorn sees an unfinished reply, and closes the connection


@dataclass
class Silent(Fault):
    """Sends silence of the right length."""

    def bent(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Say nothing."""
        return np.zeros_like(samples)


@dataclass
class Slow(Fault):
    """Takes its time before it answers."""

    seconds: float = 1.0

    async def instead(self, request: Request) -> None:
        """Wait."""
        await asyncio.sleep(self.seconds)


@dataclass
class Dripping(Fault):
    """Sends a few bytes now and then, and never ends."""

    async def spoiled(self, request: Request, sound: bytes, form: str) -> Response:
        """Drip."""

        async def drops() -> AsyncIterator[bytes]:
            for byte in sound:
                yield bytes([byte])
                await asyncio.sleep(0.05)
                if await request.is_disconnected():
                    return

        return StreamingResponse(drops(), media_type=f"audio/{form}")


@dataclass
class AnotherLength(Fault):
    """Sends a sound so many times as long as it should be."""

    factor: float = 8.0

    def bent(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Stretch, or cut."""
        return np.resize(samples, int(len(samples) * self.factor))


@dataclass
class AnotherText(Fault):
    """Speaks something else."""

    text: str = "No."

    def instead_of(self, text: str) -> str:
        """Return what is spoken."""
        return self.text


@dataclass
class Html(Fault):
    """Sends a page of HTML with status 200, as a proxy in between may."""

    async def instead(self, request: Request) -> Response:
        """Send the page."""
        page = "<!doctype html><title>Sign in</title>" + "<p>Please sign in.</p>" * 400
        return Response(page, media_type="text/html")


@dataclass
class Empty(Fault):
    """Sends nothing with status 200."""

    def spoiled_bytes(self, sound: bytes) -> bytes:
        """Send nothing."""
        return b""


@dataclass
class Truncated(Fault):
    """Sends a file that ends early, and says that this is all."""

    share: float = 0.5

    def spoiled_bytes(self, sound: bytes) -> bytes:
        """Cut the file."""
        return sound[: int(len(sound) * self.share)]


@dataclass
class ItemFails(Fault):
    """Fails one item of a batch."""

    def item_error(self) -> str:
        """Say why."""
        return "Generation failed for this item"

    async def instead(self, request: Request) -> Response | None:
        """Fail in the endpoint for one text too."""
        if request.url.path.endswith("/batch"):
            return None
        error = {"message": self.item_error(), "type": "server_error", "code": 400}
        return JSONResponse({"error": error}, 400)


@dataclass
class ItemsShuffled(Fault):
    """Sends the items of a batch in another order."""

    def shuffled(self, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Turn them round."""
        return results[::-1]


@dataclass
class ItemsMislabelled(Fault):
    """Sends two items of a batch under one number."""

    def shuffled(self, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Number the last like the first."""
        return [*results[:-1], results[-1] | {"index": 0}]
