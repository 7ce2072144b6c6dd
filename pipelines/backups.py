"""Backup and restore as commands: what is told of them."""

from collections.abc import Callable
from pathlib import Path

from lectern.errors import BadBackup, StoreError
from lectern.settings import Settings
from lectern.units import size
from resources.backups.checking import check_backup
from resources.backups.manifest import Manifest, find
from resources.backups.restoring import restore_backup
from resources.backups.snapshots import rows_of
from resources.backups.taking import forget_old, take_backup
from resources.doctor import diagnose_stores
from resources.services import Services

FAULTS_TOLD = 20

Say = Callable[[str], None]


def take(settings: Settings, destination: Path, *, keep: int, say: Say) -> str:
    """Take a backup and tell what is in it.

    Raises:
        BadBackup: Something that cannot be made again is lost or damaged, and so is not
            in it. What is whole was kept all the same.
    """
    services = Services.open(settings)
    try:
        taken = take_backup(services, destination, say)
    finally:
        services.close()
    manifest = taken.manifest
    for one in manifest.left_out[:FAULTS_TOLD]:
        say(f"Left out: {one.name}. {one.why}")
    if not manifest.is_whole:
        raise BadBackup(
            "The backup was taken, but some of what people handed in is lost or "
            "damaged here. Keep older backups; “lectern doctor --deep” says more."
        )
    gone = forget_old(destination, keep=keep)
    return (
        f"{taken.folder}: {_told(manifest)}. New: {taken.new_blobs:,} files "
        f"({size(taken.new_bytes)}). Older backups deleted: {gone}."
    )


def check_newest(source: Path) -> str:
    """Look at every byte of a backup.

    Raises:
        BadBackup: It is not whole.
    """
    folder = find(source.expanduser().absolute())
    manifest, faults = check_backup(folder)
    if faults:
        raise BadBackup("\n".join([f"{folder} is not whole:", *faults[:FAULTS_TOLD]]))
    return f"{folder} is whole: {_told(manifest)}."


def restore(settings: Settings, source: Path, say: Say) -> str:
    """Put a backup back and prove that all of it is there.

    Raises:
        StoreError: Something is not as it was.
    """
    folder = find(source.expanduser().absolute())
    manifest = restore_backup(settings, folder, say)
    checks = diagnose_stores(settings, deep=True)
    wrong = [check for check in checks if not check.ok and check.required]
    told = [f"{check.name}: {check.message} {check.remedy}" for check in wrong]
    told += _other_counts(settings, manifest)
    if told:
        raise StoreError("\n".join(["Not everything came back as it was.", *told]))
    return f"Restored {_told(manifest)}. Start “lectern serve”: work goes on by itself."


def _other_counts(settings: Settings, manifest: Manifest) -> list[str]:
    """Return which tables do not have the rows that were copied."""
    services = Services.open(settings)
    try:
        rows = rows_of(services.database)
    finally:
        services.close()
    return [
        f"{name}: {rows[name]:,} rows instead of {count:,}."
        for name, count in manifest.rows.items()
        if name in rows and rows[name] != count
    ]


def _told(manifest: Manifest) -> str:
    rows = manifest.rows.get("document", 0)
    documents = f"{rows:,} document" + ("" if rows == 1 else "s")
    return (
        f"{documents}, {manifest.blobs:,} files ({size(manifest.blob_bytes)}), as of "
        f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    )
