"""A server of a test: an ASGI application that answers on loopback, in a thread."""

import contextlib
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette


@contextlib.contextmanager
def answering(
    application: Starlette, *, port: int = 0, host: str = "127.0.0.1"
) -> Iterator[str]:
    """Answer until the block ends; yield the address. ``port`` 0 takes a free one."""
    config = uvicorn.Config(
        application, host=host, port=port, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    bound = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://{host}:{bound}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
