"""An S3 on a port of loopback: moto's, with faults on the way when they are asked for.

Conditions, multipart uploads, checksums' headers and listings are moto's. It does not
check signatures, and not that a checksum is right.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from moto.s3.models import s3_backends
from pydantic import SecretStr
from werkzeug.serving import WSGIRequestHandler, make_server

from lectern.settings import S3

Environ = dict[str, Any]
Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]
Fault = Callable[[App, Environ, Start], Iterable[bytes] | None]
"""Answers instead of the server; None is to be asked again for the next request."""

ACCOUNT = "123456789012"
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/a"}


class Quiet(WSGIRequestHandler):
    """Says nothing of requests, and keeps connections open as real ones do."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object, **__: object) -> None:
        """Say nothing."""

    def log(self, *_: object, **__: object) -> None:
        """Say nothing of clients that hang up."""


class S3Server:
    """The server: what it was asked, and how it is to fail."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._app: App = DomainDispatcherApplication(create_backend_app)
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._port = 0
        self.asked: list[str] = []
        self.faults: list[Fault] = []

    def start(self) -> None:
        """Serve; on the same port as before, with what was stored before."""
        self._server = make_server(
            self._host, self._port, self._answer, threaded=True, request_handler=Quiet
        )
        self._server.daemon_threads = True
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = None

    @property
    def endpoint(self) -> str:
        """Return where it is."""
        return self.endpoint_at("127.0.0.1")

    def endpoint_at(self, address: str) -> str:
        """Return where it is for those who know this machine by an address."""
        return f"http://{address}:{self._port}"

    def settings(self, **changed: Any) -> S3:
        """Return how it is reached."""
        usual = {"retry_seconds": 2.0, "cache_bytes": 50_000_000}
        return S3(
            endpoint=self.endpoint,
            access_key_id="key",
            secret_access_key=SecretStr("secret"),
            **(usual | changed),
        )

    def bucket(self) -> str:
        """Make a bucket and return its name."""
        name = f"lectern-{uuid.uuid4().hex[:12]}"
        httpx.put(f"{self.endpoint}/{name}", headers=SIGNED).raise_for_status()
        return name

    def objects(self, bucket: str) -> list[Any]:
        """Return what is stored, as moto has it."""
        return list(s3_backends[ACCOUNT]["aws"].buckets[bucket].keys.values())

    def let_pass(self, bucket: str, seconds: float) -> None:
        """Make everything in a bucket older."""
        for stored in self.objects(bucket):
            stored.last_modified -= timedelta(seconds=seconds)

    def _answer(self, environ: Environ, start: Start) -> Iterable[bytes]:
        self.asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        for fault in list(self.faults):
            answer = fault(self._app, environ, start)
            if answer is not None:
                return answer
        return self._app(environ, start)


@contextmanager
def s3_server(host: str = "127.0.0.1") -> Iterator[S3Server]:
    """Serve until the block ends."""
    server = S3Server(host)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def times(count: int, fault: Fault) -> Fault:
    """Return a fault that comes so many times, and then no more."""
    left = [count]

    def some(app: App, environ: Environ, start: Start) -> Iterable[bytes] | None:
        if left[0] == 0:
            return None
        answer = fault(app, environ, start)
        left[0] -= answer is not None
        return answer

    return some


def take_body(environ: Environ) -> None:
    """Read what was sent, as a server has to before it answers."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def busy(_app: App, environ: Environ, start: Start) -> Iterable[bytes]:
    """Ask to come back later."""
    take_body(environ)
    start("503 Slow Down", [("content-length", "0")])
    return [b""]


def forbidden(_app: App, environ: Environ, start: Start) -> Iterable[bytes]:
    """Refuse the keys."""
    take_body(environ)
    start("403 Forbidden", [("content-length", "0")])
    return [b""]


def hang_up(_app: App, environ: Environ, _start: Start) -> Iterable[bytes]:
    """Break the connection in the middle of what arrives."""
    environ["wsgi.input"].read(100_000)
    environ["werkzeug.socket"].shutdown(2)
    raise ConnectionResetError


def short(app: App, environ: Environ, start: Start) -> Iterable[bytes] | None:
    """Send half of an object, and hang up."""
    if environ["REQUEST_METHOD"] != "GET" or "list-type" in environ["QUERY_STRING"]:
        return None
    body = b"".join(app(environ, start))
    environ["HTTP_CONNECTION"] = "close"

    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        environ["werkzeug.socket"].shutdown(2)

    return half()


def slow(app: App, environ: Environ, start: Start) -> Iterable[bytes]:
    """Take a while."""
    time.sleep(0.2)
    return app(environ, start)
