"""The store of blobs that the settings name: a folder, or a bucket."""

from pathlib import Path

from lectern.settings import Settings
from resources.stores.blob_cache import BlobCache
from resources.stores.blob_contract import Blobs
from resources.stores.blob_guards import DatabaseGuard, MachineGuard
from resources.stores.blobs import BlobStore
from resources.stores.database import Database
from resources.stores.s3_blobs import S3Blobs
from resources.stores.s3_objects import S3Objects

ON_S3 = "s3://"


def open_blobs(settings: Settings, database: Database) -> Blobs:
    """Open the store of blobs in force. Nothing is asked of it yet."""
    place = settings.blobs_url or str(settings.root / "blobs")
    return blobs_at(place, settings, database)


def blobs_at(place: str, settings: Settings, database: Database) -> Blobs:
    """Open the store at ``s3://bucket/prefix`` or in a folder."""
    if not place.startswith(ON_S3):
        return BlobStore(Path(place).expanduser().absolute())
    folder = settings.s3.cache_dir or settings.root / "blob-cache"
    cache = BlobCache(folder.expanduser(), limit_bytes=settings.s3.cache_bytes)
    guard = MachineGuard(cache) if database.is_sqlite else DatabaseGuard(database)
    return S3Blobs(S3Objects(place, settings.s3), cache=cache, guard=guard)
