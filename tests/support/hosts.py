"""Other machines, shown as network namespaces: own interfaces, one shared disk."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@cache
def no_hosts() -> str:
    """Return why there can be no other machines here; empty when there can."""
    if os.getuid() != 0:
        return "they need root"
    if shutil.which("ip") is None:
        return "Debian: iproute2"
    name = f"lectern-try-{os.getpid()}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True)
    if tried.returncode == 0:
        subprocess.run(["ip", "netns", "delete", name], check=True)
        return ""
    return tried.stderr.decode().strip() or "refused"


@dataclass(frozen=True)
class Host:
    """One machine, at the far end of a cable."""

    name: str
    link: str  # the near end
    near: str  # the addresses of both ends
    far: str

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program there, whose output is appended to a file."""
        with log.open("ab") as output:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def cut(self) -> None:
        """Have all that is sent either way lost, with nobody told: as a switch does
        that forgot where things are."""
        wrong = ("lladdr", "02:00:00:00:00:01", "nud", "permanent")
        _ip("neigh", "replace", self.far, *wrong, "dev", self.link)
        there = ("-n", self.name)
        _ip(*there, "neigh", "replace", self.near, *wrong, "dev", "eth0")

    def mend(self) -> None:
        """Have it reached again."""
        there = ("-n", self.name)
        _ip("neigh", "flush", "dev", self.link, "nud", "permanent")
        _ip(*there, "neigh", "flush", "dev", "eth0", "nud", "permanent")


@dataclass(frozen=True)
class Network:
    """Machines that all reach this one at one address."""

    address: str
    prefix: str  # of all machines, 10.213.7.0/24
    hosts: Sequence[Host]


@contextmanager
def network(count: int) -> Iterator[Network]:
    """Make so many machines, and take them away afterwards."""
    number = random.randrange(2, 250)
    tag = f"{os.getpid() % 10000}{number}"
    base = f"10.{random.randrange(180, 240)}.{number}"
    address = f"{base}.1"
    with ExitStack() as undo:
        _ip("address", "add", f"{address}/32", "dev", "lo")
        undo.callback(_ip, "address", "delete", f"{address}/32", "dev", "lo")
        hosts = []
        for index in range(count):
            near, far = (f"{base}.{8 + 4 * index + end}" for end in (1, 2))
            host = Host(f"lectern{tag}-{index}", f"lc{tag}{index}", near, far)
            _ip("netns", "add", host.name)
            undo.callback(_ip, "netns", "delete", host.name)
            inside = ("-n", host.name)
            peer = ("peer", "name", "eth0", "netns", host.name)
            _ip("link", "add", host.link, "type", "veth", *peer)
            _ip("address", "add", f"{near}/30", "dev", host.link)
            _ip("link", "set", host.link, "up")
            _ip(*inside, "address", "add", f"{far}/30", "dev", "eth0")
            _ip(*inside, "link", "set", "eth0", "up")
            _ip(*inside, "link", "set", "lo", "up")
            _ip(*inside, "route", "add", "default", "via", near)
            hosts.append(host)
        yield Network(address, f"{base}.0/24", hosts)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.DEVNULL)
