"""What a backup says of itself, and where its parts lie.

DEST/blobs/ab/cd/<hash>         of all backups together, each once
DEST/<moment>/manifest.json     written last: says what the backup is made of
DEST/<moment>/lectern.sqlite3   the app database, whatever it was kept in
DEST/<moment>/blobs.txt         the names of the blobs that it needs
DEST/<moment>/events/…          the files of usage events
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from lectern.contracts import Contract
from lectern.errors import BadBackup
from lectern.ids import BlobHash

FORMAT = 1
MANIFEST, DATABASE, BLOB_NAMES, EVENTS = (
    "manifest.json",
    "lectern.sqlite3",
    "blobs.txt",
    "events",
)
MOMENT = "%Y-%m-%dT%H-%M-%SZ"
MOMENTS = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z"


class Part(Contract):
    """One file of a backup."""

    sha256: str
    size_bytes: int


class LeftOut(Contract):
    """A blob that was lost or damaged where it was to be copied from."""

    name: str
    why: str
    is_audio: bool  # then it is made again when somebody listens


class Manifest(Contract):
    """What one backup is made of."""

    format: int = FORMAT
    made_at: datetime
    lectern: str  # version
    schema_revision: str
    rows: dict[str, int]  # by table
    files: dict[str, Part]  # by path below the backup's folder
    blobs: int
    blob_bytes: int
    left_out: tuple[LeftOut, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing that cannot be made again."""
        return all(one.is_audio for one in self.left_out)


def backups(destination: Path) -> list[Path]:
    """Return the folders of the finished backups, the oldest first."""
    found = destination.glob(MOMENTS)
    return sorted(folder for folder in found if (folder / MANIFEST).is_file())


def find(source: Path) -> Path:
    """Return the folder of one backup: this one, or the newest below it.

    Raises:
        BadBackup: There is none.
    """
    if (source / MANIFEST).is_file():
        return source
    if not (made := backups(source)):
        raise BadBackup(f"There is no finished backup in {source}.")
    return made[-1]


def read_manifest(folder: Path) -> Manifest:
    """Return what a backup says of itself.

    Raises:
        BadBackup: It cannot be read, or another version of Lectern wrote it.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise BadBackup(
            f"The backup {folder.name} cannot be read. Take another one."
        ) from error
    if manifest.format != FORMAT:
        raise BadBackup(
            f"The backup {folder.name} has format {manifest.format}. Restore it with "
            f"the version of Lectern that made it ({manifest.lectern})."
        )
    return manifest


def part_of(path: Path) -> Part:
    """Return what a file holds."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Part(sha256=sha256, size_bytes=path.stat().st_size)


def parts(folder: Path) -> dict[str, Part]:
    """Return every file of a backup, but for its manifest."""
    return {
        str(path.relative_to(folder)): part_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def blob_names(folder: Path) -> Iterator[BlobHash]:
    """Yield the names of the blobs that a backup needs, in order."""
    with (folder / BLOB_NAMES).open() as file:
        yield from (BlobHash(line.strip()) for line in file)
