"""The files a browser needs from us: scripts, styles, fonts, the icon."""

import hashlib
from functools import cache
from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "static"
"""Folder of everything served under ``/assets``."""


@cache
def static_version() -> str:
    """Return a digest of every script and style, part of their address.

    One digest for all, so that a script may import its neighbour by relative path
    and never meets a neighbour of another version.
    """
    hasher = hashlib.sha256()
    for path in sorted([*STATIC.glob("*.js"), *STATIC.glob("*.css")]):
        hasher.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return hasher.hexdigest()[:16]
