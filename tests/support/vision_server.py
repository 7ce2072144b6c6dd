"""A vision model behind OpenAI's chat API on loopback, in a thread, as vLLM serves it.

It knows a page of ``mistral_server.numbered`` by the shape of its picture, and writes
what the test scripted, or a few words of our own in the form of its family.
"""

import asyncio
import base64
import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.loopback import answering
from tests.support.mistral_server import HEIGHT_PT


@dataclass(frozen=True, slots=True)
class Look:
    """One picture as it arrived."""

    number: int
    width: int
    height: int
    prompt: str
    body: dict[str, Any]

    @property
    def is_turned(self) -> bool:
        """Whether it lies on its side, which pages of the tests never do."""
        return self.width > self.height


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered to one picture."""

    text: str | None = ""
    finish: str = "stop"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def usual(look: Look) -> Reply:
    """Return a page in Markdown."""
    return Reply(f"# Page {look.number}\n\nThe model read page {look.number} well.")


@dataclass
class VisionServer:
    """The server, what it was shown, and how it answers."""

    model: str = "zai-org/GLM-OCR"
    answer: Callable[[Look], Reply] = usual
    api_key: str | None = None
    address: str = ""
    looks: list[Look] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def running(self) -> Iterator["VisionServer"]:
        """Answer until the block ends."""
        routes = [Route("/v1/chat/completions", self._chat, methods=["POST"])]
        with answering(Starlette(routes=routes)) as address:
            self.address = f"{address}/v1"
            yield self

    def numbers(self) -> list[int]:
        """Return the pages it was shown, in order."""
        return [look.number for look in self.looks]

    async def _chat(self, request: Request) -> Response:
        stated = request.headers.get("authorization")
        if self.api_key and stated != f"Bearer {self.api_key}":
            return _error(401, "Unauthorized")
        body = await request.json()
        if body["model"] != self.model:
            return _error(404, f"The model `{body['model']}` does not exist.")
        look = _look(body)
        with self._lock:
            self.looks.append(look)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self.answer(look)
            await asyncio.sleep(reply.seconds)
        finally:
            with self._lock:
                self.at_once -= 1
        if reply.status != 200:
            return _error(reply.status, "asked to fail", reply.headers)
        return JSONResponse(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": self.model,
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": reply.text},
                        "logprobs": None,
                        "finish_reason": reply.finish,
                        "stop_reason": None,
                    }
                ],
                "usage": {
                    "prompt_tokens": 9,
                    "completion_tokens": 9,
                    "total_tokens": 18,
                },
            }
        )


def _look(body: dict[str, Any]) -> Look:
    [message] = body["messages"]
    shown, *words = message["content"]
    data = base64.b64decode(shown["image_url"]["url"].partition("base64,")[2])
    with Image.open(io.BytesIO(data)) as sheet:
        assert sheet.format == "PNG"
        width, height = sheet.size
    # Pages are 400 + n wide and 500 high: turned ones are wider than high.
    ratio = min(width, height) / max(width, height)
    prompt = words[0]["text"] if words else ""
    return Look(round(ratio * HEIGHT_PT) - 400, width, height, prompt, body)


def _error(
    status: int, message: str, headers: dict[str, str] | None = None
) -> Response:
    body = {"error": {"message": message, "type": "x", "param": None, "code": status}}
    return JSONResponse(body, status_code=status, headers=headers)
