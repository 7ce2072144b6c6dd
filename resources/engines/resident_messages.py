"""What is said between a resident engine and those who use it.

A message, in either direction, is a 32-bit big-endian length, a JSON header of that
length, and as many bytes as the header's ``bytes`` says. A connection carries
requests one after the other. Standard library alone: both ends import this.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

LARGEST_HEADER_BYTES = 4 * 1024**2
LARGEST_BODY_BYTES = 512 * 1024**2
CHUNK_BYTES = 256 * 1024

Header = dict[str, Any]


def message(header: Header, body: bytes = b"") -> bytes:
    """Return a message as it is sent."""
    data = json.dumps(header | {"bytes": len(body)}).encode()
    return len(data).to_bytes(4, "big") + data + body


class Incoming:
    """Bytes that have come in, cut into messages."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Header, bytes]]:
        """Take bytes in; yield the messages that they complete.

        Raises:
            ValueError: What came in is no message.
        """
        self._data += data
        while len(self._data) >= 4:
            size = int.from_bytes(self._data[:4], "big")
            if size > LARGEST_HEADER_BYTES:
                raise ValueError("a header that is too long")
            if len(self._data) < 4 + size:
                return
            header = json.loads(self._data[4 : 4 + size])
            body_bytes = header["bytes"]
            if not 0 <= body_bytes <= LARGEST_BODY_BYTES:
                raise ValueError("a body that is too long")
            end = 4 + size + body_bytes
            if len(self._data) < end:
                return
            body = bytes(self._data[4 + size : end])
            del self._data[:end]
            yield header, body
