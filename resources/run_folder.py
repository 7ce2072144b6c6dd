"""Where the processes of one installation find each other on this machine."""

import hashlib
import os
import tempfile
from pathlib import Path

SOCKET_PATH_BYTES = 100
"""A UNIX socket's path may have 107 bytes on Linux and 103 on macOS."""


def socket_folder(root: Path) -> Path:
    """Return a folder for sockets: in ``root``, or elsewhere when that is too long."""
    inside = root / "run"
    if len(os.fsencode(inside / "workers.sock")) <= SOCKET_PATH_BYTES:
        return inside
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"lectern-{os.getuid()}-{name}"
