"""A cover inside an Ogg file: the picture block of FLAC, in a comment."""

import base64
import struct

FRONT_COVER = 3
JPEG = b"image/jpeg"
COLOURS_BITS = 24


def picture_comment(jpeg: bytes) -> dict[str, str]:
    """Return the comment that holds a picture; its size is told by the picture."""
    block = b"".join(
        [
            struct.pack(">II", FRONT_COVER, len(JPEG)),
            JPEG,
            struct.pack(">I", 0),  # no description
            struct.pack(">IIII", *_size_px(jpeg), COLOURS_BITS, 0),
            struct.pack(">I", len(jpeg)),
            jpeg,
        ]
    )
    return {"METADATA_BLOCK_PICTURE": base64.b64encode(block).decode()}


def _size_px(jpeg: bytes) -> tuple[int, int]:
    """Return width and height as a JPEG states them; 0 where it does not."""
    at = 2
    while at + 9 < len(jpeg) and jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", jpeg[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return 0, 0
