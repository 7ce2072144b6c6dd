"""A backup put back into an empty installation.

First what nobody sees: blobs, and events. Last the database, in one step: until then
there is nothing, and stopped at any moment it can be begun again.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL, inspect, select
from sqlalchemy.engine import make_url

from lectern.errors import BadBackup, InvalidRequest
from lectern.ids import BlobHash
from lectern.settings import Settings
from resources.backups.copying import copy_blobs
from resources.backups.manifest import (
    DATABASE,
    EVENTS,
    Manifest,
    blob_names,
    part_of,
    read_manifest,
)
from resources.backups.snapshots import settle, sqlite_at
from resources.backups.taking import POOL
from resources.services import Services
from resources.stores import schema
from resources.stores.blob_opening import open_blobs
from resources.stores.blobs import BlobStore, sync_folder, translated_os_errors
from resources.stores.database import Database
from resources.stores.migrations import current_revision, migrate
from resources.stores.moving import move

ASIDE = ".restoring"

Say = Callable[[str], None]


def restore_backup(settings: Settings, folder: Path, say: Say) -> Manifest:
    """Put a backup back where the settings say, and count its events.

    Raises:
        InvalidRequest: The database there holds something already.
        BadBackup: The backup is damaged; nothing is seen of it then.
    """
    manifest = read_manifest(folder)
    with translated_os_errors():
        settings.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_used(settings)
        _refuse_damaged(folder, manifest)
        say(f"{manifest.blobs:,} stored files come back.")
        _restore_blobs(settings, folder, manifest)
        _restore_events(settings, folder)
        _restore_database(settings, folder)
    services = Services.open(settings)
    try:
        services.statistics_publisher().publish()
    finally:
        services.close()
    return manifest


def _refuse_used(settings: Settings) -> None:
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return
    database = Database(settings.database)
    try:
        if current_revision(database) is None:
            return
        with database.read() as connection:
            for table in schema.metadata.sorted_tables:
                if not inspect(connection).has_table(table.name):
                    continue  # one of SQLite's own, or of a newer version
                if connection.execute(select(table).limit(1)).first() is not None:
                    raise InvalidRequest(
                        "There is a library here already. Restore into an empty "
                        "LECTERN_DATA_DIR (and database): nothing was changed."
                    )
    finally:
        database.close()


def _refuse_damaged(folder: Path, manifest: Manifest) -> None:
    for name, part in manifest.files.items():
        path = folder / name
        if not path.is_file() or part_of(path) != part:
            raise BadBackup(
                f"{name} of the backup {folder.name} is damaged. Restore another one: "
                "nothing was changed."
            )


def _restore_blobs(settings: Settings, folder: Path, manifest: Manifest) -> None:
    lacking = {one.name for one in manifest.left_out}
    wrong: dict[BlobHash, str] = {}
    wanted = (name for name in blob_names(folder) if name not in lacking)
    pool = BlobStore(folder.parent / POOL)
    database = Database(settings.database)
    try:
        blobs = open_blobs(settings, database)
        copy_blobs(wanted, pool, blobs, wrong.__setitem__)
    finally:
        database.close()
    if wrong:
        raise BadBackup(
            f"{len(wrong)} stored files of the backup {folder.name} are lost or "
            f"damaged; “lectern backup --check {folder}” names them. Restore another."
        )


def _restore_events(settings: Settings, folder: Path) -> None:
    target = settings.root / "statistics" / EVENTS
    target.parent.mkdir(parents=True, exist_ok=True)
    if not (folder / EVENTS).is_dir():
        return
    aside = settings.root / ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(folder / EVENTS, aside)
    shutil.rmtree(target, ignore_errors=True)  # of a restoration that was stopped
    aside.rename(target)
    sync_folder(target.parent)


def _restore_database(settings: Settings, folder: Path) -> None:
    """Put the database there, of this version, in one step."""
    url = make_url(settings.database)
    is_sqlite = url.get_backend_name() == "sqlite"
    home = Path(url.database or "").parent if is_sqlite else settings.root
    with tempfile.TemporaryDirectory(prefix=ASIDE, dir=home) as aside:
        copy = Path(aside) / DATABASE
        shutil.copyfile(folder / DATABASE, copy)
        database = sqlite_at(copy)
        try:
            migrate(database)
            if not is_sqlite:
                _move(database, settings)
                return
        finally:
            database.close()
        settle(copy)
        _replace(copy, url)


def _replace(copy: Path, url: URL) -> None:
    final = Path(url.database or "")
    # Those of an empty database would be taken for ours.
    for suffix in ("-wal", "-shm"):
        final.with_name(final.name + suffix).unlink(missing_ok=True)
    copy.chmod(0o600)
    copy.replace(final)
    sync_folder(final.parent)


def _move(database: Database, settings: Settings) -> None:
    target = Database(settings.database)
    try:
        move(database, target, moved=lambda _name, _rows: None)
    finally:
        target.close()
