"""Caps on what a file may make us do, met before any parser sees it.

Sizes that a file states about itself are never believed: archives are unpacked
here once, in small reads, and counted.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lectern.errors import (
    DamagedFile,
    InflatesTooMuch,
    LecternError,
    LimitReached,
    TooManyPixels,
)
from lectern.units import size

READ_BYTES = 64 * 1024
RATIO_FROM_BYTES = 1024**2
"""Small members may be as compressible as they like."""
DIRECTORY_ENTRY_BYTES = 512
"""More than an honest entry of an archive's directory takes, names included."""
LOCAL_HEADER_BYTES = 30
STORED, DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class Caps:
    """The part of ``Limits`` that a reading child needs, without pydantic."""

    text_bytes: int
    pages: int
    image_pixels: int
    render_pixels: int
    inflated_bytes: int
    member_bytes: int
    members: int
    inflation_ratio: int
    element_depth: int
    child_cpu_seconds: int
    child_picture_cpu_seconds: int
    child_memory_bytes: int
    child_output_bytes: int


class Archive:
    """A ZIP file, opened with its caps counted."""

    def __init__(self, path: Path, caps: Caps) -> None:
        self._caps = caps
        self._file: BinaryIO = path.open("rb")
        try:
            _check_directory(self._file, caps)
            self._zip = zipfile.ZipFile(self._file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            self._file.close()
            raise _damaged() from error
        except LecternError:
            self._file.close()
            raise
        self._members = {member.filename: member for member in self._zip.infolist()}

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()
        self._file.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members; never used as paths on our disk."""
        return tuple(self._members)

    def check(self) -> None:
        """Unpack everything once, and throw it away.

        Raises:
            InflatesTooMuch: Some cap was met; nothing past it was unpacked.
        """
        total_bytes = 0
        for member in self._zip.infolist():
            for piece in self._pieces(member):
                total_bytes += len(piece)
                if total_bytes > self._caps.inflated_bytes:
                    raise _too_much(self._caps.inflated_bytes)

    def has(self, name: str) -> bool:
        """Return whether a member of this name exists."""
        return name in self._members

    def read(self, name: str) -> bytes:
        """Return what one member really unpacks to.

        Raises:
            DamagedFile: There is no such member, or it cannot be unpacked.
        """
        member = self._members.get(name)
        if member is None:
            raise DamagedFile(
                f"The file lacks a part it names ({name[:80]}). "
                "Save or download it again."
            )
        return b"".join(self._pieces(member))

    def _pieces(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield a member's bytes piece by piece, counted against its caps."""
        if member.flag_bits & 1 or member.compress_type not in (STORED, DEFLATED):
            raise _damaged()
        start = self._data_start(member)
        size_bytes = 0
        pieces = (
            self._stored(start, member.compress_size)
            if member.compress_type == STORED
            else self._inflated(start)
        )
        for packed_bytes, piece in pieces:
            size_bytes += len(piece)
            if size_bytes > self._caps.member_bytes:
                raise _too_much(self._caps.member_bytes)
            too_dense = size_bytes > packed_bytes * self._caps.inflation_ratio
            if too_dense and size_bytes > RATIO_FROM_BYTES:
                raise _too_much(self._caps.inflated_bytes)
            yield piece

    def _data_start(self, member: zipfile.ZipInfo) -> int:
        """Return where a member's data begin, by its own local header."""
        self._file.seek(member.header_offset)
        header = self._file.read(LOCAL_HEADER_BYTES)
        if len(header) < LOCAL_HEADER_BYTES or header[:4] != b"PK\x03\x04":
            raise _damaged()
        name_bytes = int.from_bytes(header[26:28], "little")
        extra_bytes = int.from_bytes(header[28:30], "little")
        return member.header_offset + LOCAL_HEADER_BYTES + name_bytes + extra_bytes

    def _stored(self, start: int, size_bytes: int) -> Iterator[tuple[int, bytes]]:
        self._file.seek(start)
        left = size_bytes
        while left > 0 and (piece := self._file.read(min(READ_BYTES, left))):
            left -= len(piece)
            yield size_bytes, piece

    def _inflated(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Follow the deflate stream to its own end, whatever the directory says."""
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        packed_bytes, offset = 0, start
        while not inflater.eof:
            self._file.seek(offset)
            packed = self._file.read(READ_BYTES)
            if not packed:
                raise _damaged()
            offset += len(packed)
            packed_bytes += len(packed)
            while packed and not inflater.eof:
                try:
                    piece = inflater.decompress(packed, READ_BYTES)
                except zlib.error as error:
                    raise _damaged() from error
                packed = inflater.unconsumed_tail
                yield packed_bytes, piece


def archive_directory(file: BinaryIO) -> tuple[int, int]:
    """Return how many members an archive states, and its directory's bytes.

    Raises:
        DamagedFile: It has no directory.
    """
    size_bytes = file.seek(0, 2)
    tail_bytes = min(size_bytes, 65_536 + 22)
    file.seek(size_bytes - tail_bytes)
    tail = file.read(tail_bytes)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0:
        raise _damaged()
    members = int.from_bytes(tail[end + 10 : end + 12], "little")
    directory_bytes = int.from_bytes(tail[end + 12 : end + 16], "little")
    if tail.rfind(b"PK\x06\x06") >= 0:  # ZIP64 keeps its own, larger numbers
        end64 = tail.rfind(b"PK\x06\x06")
        members = int.from_bytes(tail[end64 + 32 : end64 + 40], "little")
        directory_bytes = int.from_bytes(tail[end64 + 40 : end64 + 48], "little")
    return members, directory_bytes


def _check_directory(file: BinaryIO, caps: Caps) -> None:
    """Refuse a directory with more members than allowed before it is loaded."""
    members, directory_bytes = archive_directory(file)
    if members > caps.members or directory_bytes > caps.members * DIRECTORY_ENTRY_BYTES:
        raise InflatesTooMuch(
            f"The file is an archive of more than {caps.members:,} parts, which is "
            "more than may be unpacked. Save the document again in a simpler form.",
            used=members,
            limit=caps.members,
        )


def _damaged() -> DamagedFile:
    return DamagedFile(
        "The file is an archive that cannot be unpacked: it is damaged or cut off. "
        "Save or download it again."
    )


def _too_much(limit_bytes: int) -> InflatesTooMuch:
    return InflatesTooMuch(
        f"The file unpacks to more than {size(limit_bytes)}. Take out large "
        "pictures or attachments, or split it, and try again.",
        limit=limit_bytes,
    )


def check_pixels(width: int, height: int, *, limit: int, what: str) -> None:
    """Refuse a picture before it is decoded.

    Raises:
        TooManyPixels: It has more pixels than may be decoded.
    """
    if width * height > limit:
        raise TooManyPixels(
            f"{what} is {width:,} × {height:,} pixels, more than the "
            f"{limit // 1_000_000} million that may be decoded. Make it smaller "
            "and try again.",
            used=width * height,
            limit=limit,
        )


FLAT_ELEMENTS = frozenset(
    # No content, or an end tag that may be left out: they do not nest by themselves.
    b"area base br col embed hr img input link meta param source track wbr "
    b"p li td th tr dt dd option thead tbody tfoot colgroup".split()
)
RAW_ELEMENTS = (b"script", b"style")
TAG = re.compile(rb"<(!--|/?[A-Za-z][^\s/>]{0,40})")


def element_depth(markup: bytes, *, limit: int) -> int:
    """Return how deep elements nest, counted no further than just past ``limit``.

    Parsers of HTML recurse or go quadratic on such files, so this looks at tags
    alone, in one pass.
    """
    depth = deepest = 0
    position = 0
    while deepest <= limit and (tag := TAG.search(markup, position)):
        name = tag.group(1).lower()
        position = tag.end()
        if name == b"!--":
            position = markup.find(b"-->", position)
        else:
            depth = max(0, depth + _nesting(markup, name, tag.end()))
            deepest = max(deepest, depth)
            if name in RAW_ELEMENTS:
                position = markup.find(b"</" + name, position)
        if position < 0:
            break
    return deepest


def _nesting(markup: bytes, name: bytes, name_end: int) -> int:
    """Return by how much a tag changes the depth: 1, 0 or -1."""
    if name.lstrip(b"/") in FLAT_ELEMENTS:
        return 0
    if name.startswith(b"/"):
        return -1
    close = markup.find(b">", name_end, name_end + 4096)
    return 0 if markup[close - 1 : close] == b"/" else 1


def check_depth(markup: bytes, *, limit: int) -> None:
    """Refuse markup that nests deeper than parsers can bear.

    Raises:
        LimitReached: It nests deeper than ``limit``.
    """
    if element_depth(markup, limit=limit) > limit:
        raise LimitReached(
            f"The file nests elements more than {limit:,} deep, as no real document "
            "does. Save it again from the program it comes from.",
            limit=limit,
        )
