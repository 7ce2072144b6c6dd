"""A real Redis of the tests' own: on a port, in a folder, gone afterwards."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.product import free_port

if TYPE_CHECKING:
    import redis


def redis_program() -> str | None:
    """Return where the server's program is."""
    return shutil.which("redis-server")


@dataclass
class RedisServer:
    """A server that can be stopped and started; what it held is gone then."""

    folder: Path
    addresses: Sequence[str] = ("127.0.0.1",)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def url(self, address: str = "127.0.0.1") -> str:
        """Return its address as a setting."""
        return f"redis://{address}:{self.port}/0"

    def client(self) -> "redis.Redis":
        """Return a client."""
        import redis

        return redis.Redis.from_url(self.url(), decode_responses=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [redis_program() or "", "--port", str(self.port)]
        command += ["--save", "", "--appendonly", "no", "--protected-mode", "no"]
        self.process = subprocess.Popen(
            [*command, "--bind", *self.addresses, "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < deadline, "Redis does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def running_redis(addresses: Sequence[str] = ("127.0.0.1",)) -> Iterator[RedisServer]:
    """Run a server until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="lectern-redis-"))
    server = RedisServer(folder, addresses)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
