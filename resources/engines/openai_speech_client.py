"""Talking to an OpenAI-compatible speech server, every failure by its own name.

The ``openai`` library does the talking (``openai_speech_connection.py``). What it is
not left to decide: how long a busy server is waited for (whoever asked knows better),
how many requests are under way, and when a server that only fails is given up.
"""

import base64
import binascii
import contextlib
import email.utils
import json
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lectern.errors import (
    BadEngineReply,
    EngineBusy,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    NotServed,
)
from lectern.settings import SpeechServer
from resources.engines.openai_speech_connection import connect, response_class

if TYPE_CHECKING:
    import httpx2
    import openai

VOICES_SECONDS = 5.0
BUSY_SECONDS = 5.0  # where a server asks for patience and does not say how much
BUSIEST_SECONDS = 300.0
GIVEN_UP_AFTER = 8
"""Failures in a row, none of them about a text, after which a server is left alone."""
LEFT_ALONE_SECONDS = 30.0
SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """A sound as it was sent."""

    data: bytes
    media_type: str


class SpeechClient:
    """One server. Safe to share between threads, and across a fork."""

    def __init__(self, name: str, server: SpeechServer) -> None:
        self._name = name
        self._server = server
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(server.parallel_requests)
        self._client: openai.OpenAI | None = None
        self._process_id = os.getpid()
        self._failures = 0  # in a row
        self._alone_until = 0.0

    def speak(self, request: Mapping[str, Any]) -> Reply:
        """Return the sound of one request to ``/audio/speech``.

        Raises:
            EngineBusy: It asks for patience.
            EngineCrashed: The connection broke, or the server failed.
            EngineUnavailable: It does not answer, refuses the key or has no such model.
            BadEngineReply: It refuses this request.
        """
        response = self._post("/audio/speech", request)
        return Reply(response.content, response.headers.get("content-type", ""))

    def speak_batch(
        self, texts: Sequence[str], shared: Mapping[str, Any]
    ) -> list[Reply | EngineError]:
        """Return the sound of each text, or why there is none.

        Raises:
            NotServed: There is no such endpoint, or no such model.
            EngineError: As ``speak`` does, when it concerns all of them.
        """
        items = [{"input": text} for text in texts]
        response = self._post("/audio/speech/batch", {**shared, "items": items})
        return _batch_replies(response.content, len(texts))

    def chat(self, request: Mapping[str, Any]) -> Reply:
        """Return the sound of one request to ``/chat/completions``.

        Raises:
            EngineError: As ``speak`` does.
        """
        response = self._post("/chat/completions", request)
        try:
            message = json.loads(response.content)["choices"][0]["message"]
            sound = base64.b64decode(message["audio"]["data"], validate=True)
        except (ValueError, LookupError, TypeError) as error:
            raise BadEngineReply(f"{self._name} answered without a sound.") from error
        return Reply(sound, "audio/wav")

    def voices(self) -> dict[str, Any]:
        """Return what ``/audio/voices`` says.

        Raises:
            EngineError: As ``speak`` does; ``EngineUnavailable`` without such a list.
        """
        with self._translated():
            client = self._connected().with_options(
                timeout=VOICES_SECONDS, max_retries=0
            )
            response = client.get("/audio/voices", cast_to=response_class())
        try:
            listed = json.loads(response.content)
        except ValueError as error:
            raise BadEngineReply(f"{self._name} lists no voices.") from error
        return listed if isinstance(listed, dict) else {"voices": listed}

    def close(self) -> None:
        """Close the connections; another call opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._process_id == os.getpid():
            client.close()

    def _post(self, path: str, body: Mapping[str, Any]) -> "httpx2.Response":
        self._require_hope()
        with self._slots, self._counted(), self._translated():
            return self._connected().post(
                path,
                body=dict(body),
                cast_to=response_class(),
                options={"headers": {"Accept": "*/*"}},
            )

    def _connected(self) -> "openai.OpenAI":
        with self._lock:
            if self._process_id != os.getpid():
                # After a fork the connections belong to the parent.
                self._process_id, self._client = os.getpid(), None
            if self._client is None:
                self._client = connect(self._server)
                weakref.finalize(self, self._client.close)
            return self._client

    # -- when it fails -----------------------------------------------------

    def _require_hope(self) -> None:
        """Ask nothing of a server that has only failed, until some time has passed."""
        with self._lock:
            if self._failures < GIVEN_UP_AFTER or time.monotonic() > self._alone_until:
                return
        raise EngineUnavailable(
            f"The speech server “{self._name}” failed {self._failures} times in a row. "
            f"See that it works, then try again."
        )

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except EngineCrashed:
            with self._lock:
                self._failures += 1
                self._alone_until = time.monotonic() + LEFT_ALONE_SECONDS
            raise
        else:
            with self._lock:
                self._failures = 0

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise the library's errors as ours."""
        import openai

        try:
            yield
        except openai.APITimeoutError as error:
            raise EngineCrashed(
                f"The speech server “{self._name}” did not answer in "
                f"{self._server.timeout_seconds:g} seconds."
            ) from error
        except openai.APIStatusError as error:
            raise self._refusal(error) from error
        except openai.APIConnectionError as error:
            raise self._disconnection(error) from error
        except openai.OpenAIError as error:
            raise BadEngineReply(
                f"The speech server “{self._name}” sent a reply that nobody can read."
            ) from error

    def _disconnection(self, error: Exception) -> EngineError:
        import httpx2

        if isinstance(
            error.__cause__, httpx2.ConnectError | httpx2.UnsupportedProtocol
        ):
            return EngineUnavailable(
                f"The speech server “{self._name}” does not answer. "
                "See that it runs, and that its address is right."
            )
        return EngineCrashed(
            f"The connection to the speech server “{self._name}” was lost."
        )

    def _refusal(self, error: "openai.APIStatusError") -> EngineError:
        status, said = error.status_code, self._said(error)
        who = f"The speech server “{self._name}”"
        if status in (401, 403):
            return EngineUnavailable(f"{who} refuses the key. Set its api_key.")
        if status in (404, 405):
            return NotServed(f"{who} does not know what was asked for. {said}")
        if status == 429 and error.code == "insufficient_quota":
            return EngineUnavailable(f"{who}: the account has no credit left.")
        if status in (429, 503):
            seconds = retry_after_seconds(error.response.headers)
            return EngineBusy(
                f"{who} is busy. Ask again in {seconds:.0f} seconds.",
                retry_after_seconds=seconds,
            )
        if 300 <= status < 400:
            return EngineUnavailable(f"{who} sends elsewhere. Set its final address.")
        if status >= 500:
            return EngineCrashed(f"{who} failed with status {status}. {said}".rstrip())
        return BadEngineReply(f"{who} refuses this text. {said}".rstrip())

    def _said(self, error: "openai.APIStatusError") -> str:
        """Return the server's own words, without the key that some repeat."""
        body = error.body
        said = body.get("message") if isinstance(body, dict) else None
        text = " ".join(str(said or "").split())
        key = self._server.api_key
        if key is not None and key.get_secret_value():
            text = text.replace(key.get_secret_value(), "…")
        return text[:SHOWN_CHARS]


def retry_after_seconds(headers: Mapping[str, str]) -> float:
    """Return how long a busy server asks to be left alone, within bounds."""
    stated = headers.get("retry-after", "")
    try:
        seconds = float(stated)
    except ValueError:
        try:
            at = email.utils.parsedate_to_datetime(stated)
            seconds = at.timestamp() - time.time()
        except ValueError:
            seconds = BUSY_SECONDS
    if not seconds >= 0:  # a date in the past, or not a number
        seconds = 0.0
    return min(seconds, BUSIEST_SECONDS)


def _batch_replies(content: bytes, count: int) -> list[Reply | EngineError]:
    """Return each item's sound by the number it states: they may come in any order.

    Raises:
        BadEngineReply: It is not clear which sound is whose.
    """
    try:
        results = json.loads(content)["results"]
        by_index = {int(result["index"]): result for result in results}
        distinct = len(by_index) == len(results)
    except (ValueError, LookupError, TypeError) as error:
        raise BadEngineReply("The server sent a batch that nobody can read.") from error
    if not distinct or not by_index.keys() <= set(range(count)):
        raise BadEngineReply("The server sent a batch with wrong item numbers.")
    return [_item_reply(by_index.get(number)) for number in range(count)]


def _item_reply(result: Mapping[str, Any] | None) -> Reply | EngineError:
    if result is None:
        return BadEngineReply("The server left this text out of its batch.")
    if result.get("status") != "success":
        said = " ".join(str(result.get("error") or "").split())[:SHOWN_CHARS]
        return BadEngineReply(f"The server refuses this text. {said}".rstrip())
    try:
        sound = base64.b64decode(result.get("audio_data") or "", validate=True)
    except binascii.Error:
        return BadEngineReply("The server sent a sound that nobody can read.")
    return Reply(sound, str(result.get("media_type") or ""))
