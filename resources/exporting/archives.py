"""Zip files written front to back: members are copied, never compressed twice."""

import zipfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

COPIED_BYTES = 1024 * 1024
MOMENT = (1980, 1, 1, 0, 0, 0)
"""Of every member, so that the same members give the same bytes."""


class ZipWriter:
    """A zip file being written."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", allowZip64=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._zip.close()

    def add_text(self, name: str, text: str, *, is_stored: bool = False) -> None:
        """Add a text, packed unless it has to be the same bytes in the file."""
        about = zipfile.ZipInfo(name, MOMENT)
        packing = zipfile.ZIP_STORED if is_stored else zipfile.ZIP_DEFLATED
        self._zip.writestr(about, text.encode(), packing)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add bytes as they are."""
        self._zip.writestr(zipfile.ZipInfo(name, MOMENT), data, zipfile.ZIP_STORED)

    def add_file(self, name: str, source: IO[bytes]) -> None:
        """Copy a file, as it is."""
        about = zipfile.ZipInfo(name, MOMENT)
        with self._zip.open(about, "w", force_zip64=True) as target:
            while chunk := source.read(COPIED_BYTES):
                target.write(chunk)
