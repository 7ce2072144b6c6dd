"""A web server of pages, good and bad, on a port of loopback."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

PAGE = """<!doctype html><html lang="en"><head><title>The Harbour</title></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<article><h1>The Harbour</h1>
<p>The harbour lay quiet, and nobody on the wall spoke of the long winter that was over
at last. Small boats turned slowly towards the open water.</p>
<p>Later a bell was heard from the tower, and the keeper wrote it down as he had written
everything down for thirty years.</p></article>
<footer>All rights reserved. Subscribe to our newsletter!</footer></body></html>"""


class Handler(BaseHTTPRequestHandler):
    """What each path does."""

    def do_GET(self) -> None:
        """Answer by the first part of the path."""
        what, _, rest = self.path.strip("/").partition("/")
        getattr(self, f"_{what}", self._missing)(rest)

    def _page(self, _rest: str) -> None:
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
        self._send(PAGE.encode(), "text/html; charset=utf-8")

    def _to(self, location: str) -> None:
        self.send_response(302)
        self.send_header("location", unquote(location).replace("|", "/"))
        self.send_header("content-length", "0")
        self.end_headers()

    def _round(self, _rest: str) -> None:
        self._to("/round")

    def _endless(self, _rest: str) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(10_000):
            self.wfile.write(b"<p>more</p>" * 1000)

    def _drip(self, _rest: str) -> None:
        """Send a header that never ends, a byte at a time."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-header: ")
        while True:
            self.wfile.write(b"x")
            time.sleep(0.05)

    def _short(self, _rest: str) -> None:
        self.send_response(200)
        self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(b"<p>not all of it")

    def _empty(self, _rest: str) -> None:
        self._send(b"", "text/html")

    def _program(self, _rest: str) -> None:
        self._send(b"\x7fELF" + bytes(range(256)) * 8, "application/octet-stream")

    def _missing(self, _rest: str) -> None:
        self.send_error(404)

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class WebServer(ThreadingHTTPServer):
    """Keeps the headers of each request for a page."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict[str, str]] = []

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self.server_address[1])

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""


@contextmanager
def web_server() -> Iterator[WebServer]:
    """Serve until the block ends."""
    with WebServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
