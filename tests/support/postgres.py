"""A real PostgreSQL of the tests' own: on a socket, in a folder, gone afterwards."""

import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from tests.support.product import free_port

DEBIAN = Path("/usr/lib/postgresql")
ACCOUNT = "postgres"
"""PostgreSQL refuses to run as root; Debian's package makes this account."""
FASTER = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def server_folder() -> Path | None:
    """Return where the newest installed server's programs are."""
    versions = sorted(
        (path for path in DEBIAN.glob("*/bin") if (path / "initdb").exists()),
        key=lambda path: int(path.parent.name),
    )
    if versions:
        return versions[-1]
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@dataclass(frozen=True)
class Server:
    """A running server."""

    programs: Path
    folder: Path  # holds the data, the log and the socket
    port: int = 5432  # in use where it listens on an address

    def url(self, database: str, host: str | None = None) -> str:
        """Return the SQLAlchemy address of a database: on the socket, or on a host."""
        address = URL.create(
            "postgresql+psycopg2",
            username=ACCOUNT,
            database=database,
            query={"host": host or str(self.folder), "port": str(self.port)},
        )
        return address.render_as_string(hide_password=False)

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Yield the address of a database that is dropped afterwards."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Carry out one statement outside any transaction."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def start_again(self) -> None:
        """Start the server as it was started before."""
        kept = (self.folder / "data" / "postmaster.opts").read_text().strip()
        options = shlex.split(kept)[1:]
        del options[options.index("-D") : options.index("-D") + 2]
        self.control("start", "-o", shlex.join(options))

    def control(self, action: str, *options: str) -> None:
        """Start, stop or restart the server."""
        data = self.folder / "data"
        command = [str(self.programs / "pg_ctl"), "-D", str(data), "-w", *options]
        as_its_account([*command, "-l", str(self.folder / "log"), action])


@contextmanager
def running_postgres(
    *, is_durable: bool = False, addresses: str = "", networks: Sequence[str] = ()
) -> Iterator[Server]:
    """Run a server of an empty cluster; without fsync unless it must be durable.

    It listens on ``addresses`` too, and trusts these networks.
    """
    programs = server_folder()
    assert programs is not None, "ask server_folder() before"
    folder = Path(tempfile.mkdtemp(prefix="lectern-postgres-"))
    server = Server(programs, folder, free_port() if addresses else 5432)
    try:
        if os.getuid() == 0:
            account = pwd.getpwnam(ACCOUNT)
            os.chown(folder, account.pw_uid, account.pw_gid)
        initdb = [str(programs / "initdb"), "-D", str(folder / "data"), "-N"]
        as_its_account([*initdb, "-A", "trust", "-U", ACCOUNT, "-E", "UTF8"])
        with (folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.writelines(f"host all all {net} trust\n" for net in networks)
        listen = f"-k {folder} -h '{addresses}' -p {server.port}"
        options = f"{listen} {'' if is_durable else FASTER}"
        server.control("start", "-o", options)
        try:
            yield server
        finally:
            server.control("stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_its_account(command: list[str]) -> None:
    """Carry out a command as somebody PostgreSQL accepts."""
    is_root = os.getuid() == 0
    subprocess.run(
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd="/",
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        user=ACCOUNT if is_root else None,
        group=ACCOUNT if is_root else None,
        extra_groups=[] if is_root else None,
    )
