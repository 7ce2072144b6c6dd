"""Whether a backup is whole: every file and blob there, and what its name says."""

from collections.abc import Iterator
from pathlib import Path

from lectern.ids import BlobHash
from resources.backups.manifest import (
    DATABASE,
    Manifest,
    blob_names,
    part_of,
    read_manifest,
)
from resources.backups.snapshots import rows_of, sqlite_at
from resources.backups.taking import POOL
from resources.stores.blobs import BlobStore
from resources.stores.reachability import reachable_blobs


def check_backup(folder: Path) -> tuple[Manifest, list[str]]:
    """Return what a backup says of itself, and what is wrong with it.

    Raises:
        BadBackup: It cannot be read at all.
    """
    manifest = read_manifest(folder)
    return manifest, [*_wrong_files(folder, manifest), *_wrong_blobs(folder, manifest)]


def _wrong_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    for name, part in manifest.files.items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing."
        elif part_of(path) != part:
            yield f"{name} is not as it was written."


def _wrong_blobs(folder: Path, manifest: Manifest) -> Iterator[str]:
    pool = BlobStore(folder.parent / POOL)
    lacking = {one.name for one in manifest.left_out}
    count, needed = 0, set[BlobHash]()
    for name in blob_names(folder):
        needed.add(name)
        if name in lacking:
            continue
        count += 1
        if not pool.exists(name):
            yield f"Stored content {name} is missing."
        elif not pool.is_sound(name):
            yield f"Stored content {name} is damaged: delete it, and take another."
    if count != manifest.blobs:
        yield f"{count} stored files are listed, and {manifest.blobs} were copied."
    yield from _wrong_rows(folder, manifest, needed)


def _wrong_rows(
    folder: Path, manifest: Manifest, needed: set[BlobHash]
) -> Iterator[str]:
    database = sqlite_at(folder / DATABASE)
    try:
        rows = rows_of(database)
        if any(rows.get(name) != count for name, count in manifest.rows.items()):
            yield "The database does not have the rows it had."
        if unlisted := set(reachable_blobs(database)) - needed:
            yield f"The database names {len(unlisted)} files that are not listed."
    finally:
        database.close()
