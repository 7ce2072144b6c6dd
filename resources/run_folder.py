"""Where the processes of one installation find each other on this machine."""

import hashlib
import os
import tempfile
from pathlib import Path

from lectern.settings import Settings

SOCKET_PATH_BYTES = 100
"""A UNIX socket's path may have 107 bytes on Linux and 103 on macOS."""


def run_folder(settings: Settings) -> Path:
    """Return this machine's folder for sockets: never on a disk shared by several."""
    return socket_folder(settings.root, is_shared=settings.broker_url is not None)


def socket_folder(root: Path, *, is_shared: bool = False) -> Path:
    """Return a folder for sockets: in ``root``, or elsewhere when that is too long or
    may be seen by other machines."""
    inside = root / "run"
    is_short = len(os.fsencode(inside / "workers.sock")) <= SOCKET_PATH_BYTES
    if is_short and not is_shared:
        return inside
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"lectern-{os.getuid()}-{name}"
