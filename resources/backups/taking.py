"""Taking a backup while everything runs, and forgetting old ones."""

import fcntl
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import select

from lectern.errors import InvalidRequest
from lectern.ids import BlobHash
from resources.backups.copying import LOST, copy_blobs
from resources.backups.manifest import (
    BLOB_NAMES,
    DATABASE,
    EVENTS,
    MANIFEST,
    MOMENT,
    LeftOut,
    Manifest,
    backups,
    blob_names,
    parts,
)
from resources.backups.snapshots import rows_of, sqlite_at, take_snapshot
from resources.services import Services
from resources.stores import schema
from resources.stores.backup_record import BackupRecord, LastBackup
from resources.stores.blobs import BlobStore, sync_folder, translated_os_errors
from resources.stores.database import Database
from resources.stores.disk import write_durably
from resources.stores.portions import portions
from resources.stores.reachability import reachable_between, reachable_blobs

POOL, MAKING, LOCK = "blobs", ".making-", ".lock"
ATTEMPTS = 3
"""Times that the database is copied anew when what it names was deleted meanwhile."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """A finished backup."""

    folder: Path
    manifest: Manifest
    new_blobs: int
    new_bytes: int


def take_backup(services: Services, destination: Path, say: Say) -> Taken:
    """Take a backup; nothing of it is seen before it is whole.

    Raises:
        InvalidRequest: The place is inside the data folder, or another is being taken.
        StoreError: The database or the place could not be read or written.
    """
    place = destination.expanduser().absolute()
    if place.is_relative_to(services.settings.root):
        raise InvalidRequest(
            "A backup inside the data folder is lost with it. Name another place, on "
            "another disk."
        )
    with translated_os_errors(), _alone(place):
        _clear_unfinished(place)
        making = place / f"{MAKING}{uuid.uuid4().hex}"
        making.mkdir(mode=0o700)
        try:
            taken = _take(services, place, making, say)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    if taken.manifest.is_whole:
        BackupRecord(services.preferences).note(
            LastBackup(
                made_at=taken.manifest.made_at,
                blobs=taken.manifest.blobs,
                size_bytes=taken.manifest.blob_bytes,
            )
        )
    return taken


def forget_old(destination: Path, *, keep: int) -> int:
    """Delete all but the newest backups, and the blobs that no other needs."""
    place = destination.expanduser().absolute()
    with translated_os_errors(), _alone(place):
        old = backups(place)[:-keep] if keep else []
        for folder in old:
            gone = place / f"{MAKING}{folder.name}"
            folder.rename(gone)  # from here on it is none any more
            shutil.rmtree(gone)
        if old:
            _forget_blobs(place)
    return len(old)


def _take(services: Services, place: Path, making: Path, say: Say) -> Taken:
    pool = BlobStore(place / POOL)
    new_blobs = new_bytes = 0
    for _ in range(ATTEMPTS):
        made_at = services.database.now()
        _copy_database_and_events(services, making)
        snapshot = sqlite_at(making / DATABASE)
        try:
            count = _write_names(snapshot, making / BLOB_NAMES)
            say(f"{count:,} stored files are needed.")
            wrong: dict[BlobHash, str] = {}
            copied = copy_blobs(
                blob_names(making), services.blobs, pool, wrong.__setitem__
            )
            new_blobs, new_bytes = new_blobs + copied[0], new_bytes + copied[1]
            is_outdated = any(
                why == LOST and not _is_named(services.database, name)
                for name, why in wrong.items()
            )
            left_out = _left_out(snapshot, wrong)
            rows = rows_of(snapshot)
        finally:
            snapshot.close()
        if not is_outdated:
            break
    manifest = _manifest(making, pool, rows, left_out, made_at)
    _publish(making, place, manifest)
    return Taken(place / made_at.strftime(MOMENT), manifest, new_blobs, new_bytes)


def _copy_database_and_events(services: Services, making: Path) -> None:
    """Copy both as they were when nobody carried events from one to the other."""
    for name in (DATABASE, EVENTS):
        path = making / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    events = services.usage_events()
    with events.alone():
        take_snapshot(services.database, making / DATABASE)
        for file in events.files():
            target = making / EVENTS / file.parent.name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def _write_names(snapshot: Database, path: Path) -> int:
    count = 0
    with path.open("w") as file:
        for name in reachable_blobs(snapshot):
            file.write(f"{name}\n")
            count += 1
    return count


def _is_named(database: Database, name: BlobHash) -> bool:
    return bool(reachable_between(database, name, name))


def _left_out(snapshot: Database, wrong: dict[BlobHash, str]) -> tuple[LeftOut, ...]:
    variant, found = schema.variant.c, []
    of_audio: set[str] = set()
    other = _named_by_others(snapshot, wrong)
    with snapshot.read() as connection:
        for some in portions(wrong):
            query = select(variant.blob).where(variant.blob.in_(some))
            of_audio |= set(connection.scalars(query))
    for name, why in sorted(wrong.items()):
        is_audio = name in of_audio and name not in other
        found.append(LeftOut(name=name, why=why, is_audio=is_audio))
    return tuple(found)


def _named_by_others(snapshot: Database, wrong: dict[BlobHash, str]) -> set[BlobHash]:
    """Return what something other than a sound names."""
    everything = schema.variant.c.key.is_not(None)
    named = (reachable_between(snapshot, n, n, without=everything) for n in wrong)
    return set().union(*named)


def _manifest(
    making: Path,
    pool: BlobStore,
    rows: dict[str, int],
    left_out: tuple[LeftOut, ...],
    made_at: datetime,
) -> Manifest:
    lacking = {one.name for one in left_out}
    sizes = [pool.size_bytes(n) for n in blob_names(making) if n not in lacking]
    return Manifest(
        made_at=made_at,
        lectern=version("lectern"),
        schema_revision=schema.SCHEMA_HEAD,
        rows=rows,
        files=parts(making),
        blobs=len(sizes),
        blob_bytes=sum(sizes),
        left_out=left_out,
    )


def _publish(making: Path, place: Path, manifest: Manifest) -> None:
    for folder in (making, *(path for path in making.rglob("*") if path.is_dir())):
        sync_folder(folder)
    text = manifest.model_dump_json(indent=1)
    write_durably(making / MANIFEST, text.encode())
    final = place / manifest.made_at.strftime(MOMENT)
    if final.exists():
        raise InvalidRequest("A backup was taken this very second. Try again.")
    making.rename(final)
    sync_folder(place)


def _forget_blobs(place: Path) -> None:
    needed: set[BlobHash] = set()
    for folder in backups(place):
        needed.update(blob_names(folder))
    pool = BlobStore(place / POOL)
    for name in [name for name in pool.all() if name not in needed]:
        pool.delete(name)


def _clear_unfinished(place: Path) -> None:
    for left in place.glob(f"{MAKING}*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidRequest(
                f"Another backup to {place} is being taken. Wait until it is done."
            ) from error
        yield
