"""The connection to a speech server: whose reply may be neither endless nor huge.

The ``openai`` library keeps connections, and asks again after a lost connection or a
server error. How large and how slow a reply may be is bounded here.
"""

import importlib
import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lectern.errors import EngineUnavailable
from lectern.settings import SpeechServer

if TYPE_CHECKING:
    import httpx2
    import openai

CONNECT_SECONDS = 5.0
RETRIES = 1  # by the library: a lost connection, a server error, a reply that is late
REPLY_BYTES = 64 * 1024**2


def require_library() -> None:
    """Say how to install the library where it is missing.

    Raises:
        EngineUnavailable: It is.
    """
    try:
        importlib.import_module("openai")
    except ImportError as error:
        raise EngineUnavailable(
            "Speech servers need the openai library. Install it with "
            "`pip install 'lectern[openai]'`."
        ) from error


def connect(server: SpeechServer) -> "openai.OpenAI":
    """Return a client of one server."""
    require_library()
    import httpx2
    import openai

    # They log every request at INFO, and its whole text at DEBUG.
    for noisy in ("httpx2", "httpcore2", "openai"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    timeout = httpx2.Timeout(server.timeout_seconds, connect=CONNECT_SECONDS)
    key = server.api_key
    return openai.OpenAI(
        base_url=server.address,
        api_key=(key.get_secret_value() if key else "") or "none",
        timeout=timeout,
        max_retries=RETRIES,
        http_client=openai.DefaultHttpxClient(
            base_url=server.address,
            timeout=timeout,
            follow_redirects=False,  # the key and the text are for this server only
            event_hooks={"response": [_bounded(server.timeout_seconds)]},
        ),
    )


def _bounded(seconds: float) -> Any:
    """Return a hook that bounds a reply's size and time, and the library's patience."""

    def hook(response: "httpx2.Response") -> None:
        if response.status_code in (429, 503):
            response.headers["x-should-retry"] = "false"  # the library obeys
        response.stream = _bounded_stream(response, seconds)

    return hook


def _bounded_stream(response: "httpx2.Response", seconds: float) -> Any:
    import httpx2

    inner, deadline = response.stream, time.monotonic() + seconds

    class Bounded(httpx2.SyncByteStream):
        """A reply that may neither go on for ever nor fill the memory."""

        def __iter__(self) -> Iterator[bytes]:
            size_bytes = 0
            assert isinstance(inner, httpx2.SyncByteStream)  # noqa: S101
            for part in inner:
                size_bytes += len(part)
                if size_bytes > REPLY_BYTES:
                    raise httpx2.ReadError("The reply is too large.")
                if time.monotonic() > deadline:
                    raise httpx2.ReadTimeout("The reply takes too long.")
                yield part

        def close(self) -> None:
            inner.close()  # type: ignore[union-attr]

    return Bounded()


def response_class() -> "type[httpx2.Response]":
    """Return what the client gives back as it came."""
    import httpx2

    return httpx2.Response
