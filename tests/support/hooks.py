"""A web server that takes notices, as a chat program's does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET_PATH = "/hooks/T0PS3CR3T"


@dataclass
class Hook:
    """A running server: what came, and what it answers."""

    address: str = ""
    status: int = 200
    came: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def listening(*, status: int = 200) -> Iterator[Hook]:
    """Run one until the block ends."""
    hook = Hook(status=status)

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            hook.came.append(json.loads(self.rfile.read(length)))
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    hook.address = f"http://127.0.0.1:{server.server_port}{SECRET_PATH}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
