"""Uploads: files on their way in, resumable, and gone without a trace if given up.

The bytes are in ``<folder>/<id>.part``, the row says how many of them are safe.
"""

import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, update

from lectern.accounts.people import Principal
from lectern.errors import InvalidRequest, NotFound
from lectern.ids import BlobHash, OwnerId, UploadId, new_upload_id
from lectern.settings import Settings
from resources.stores import schema
from resources.stores.allowed import Allowed
from resources.stores.blob_contract import CHUNK_BYTES, Blobs
from resources.stores.blobs import translated_os_errors
from resources.stores.database import Database
from resources.stores.disk import require_disk
from resources.stores.ownership import for_installation
from resources.stores.portions import portions

_upload = schema.upload.c

LIVE_HASHES = 256
"""Running hashes kept in memory; any other is computed again from the file."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way in."""

    id: UploadId
    owner_id: OwnerId
    name: str
    size_bytes: int
    offset_bytes: int
    created_at: datetime
    updated_at: datetime

    @property
    def is_complete(self) -> bool:
        """Whether every byte has arrived."""
        return self.offset_bytes == self.size_bytes


class Uploads:
    """The table of uploads and the folder of their bytes."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        folder: Path,
        settings: Settings,
        allowed: Allowed,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._folder = folder
        self._settings = settings
        self._allowed = allowed
        self._hashes: dict[UploadId, tuple[int, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def begin(self, principal: Principal, name: str, size_bytes: int) -> Upload:
        """Open an upload.

        Raises:
            LimitReached: More bytes than one file, or one person's files, may have.
            DiskReserveReached: Too little disk would be left.
        """
        if size_bytes < 1:
            raise InvalidRequest(f"“{name}” is empty. Choose another file.")
        now = self._database.now()
        upload = Upload(
            id=new_upload_id(),
            owner_id=principal.owner_id,
            name=name,
            size_bytes=size_bytes,
            offset_bytes=0,
            created_at=now,
            updated_at=now,
        )
        row = {field: getattr(upload, field) for field in Upload.__slots__}
        with self._database.write() as connection:
            self._allowed.upload(
                connection, principal, name=name, size_bytes=size_bytes
            )
            self._require_disk(size_bytes)
            with translated_os_errors():
                self._path(upload.id).touch(mode=0o600)
            connection.execute(insert(schema.upload).values(row))
        return upload

    def _require_disk(self, size_bytes: int) -> None:
        require_disk(
            self._folder,
            reserve_bytes=self._settings.disk_reserve_bytes,
            wanted_bytes=size_bytes,
        )

    def path(self, principal: Principal, upload_id: UploadId) -> Path:
        """Return where the bytes of an upload of this person lie.

        Raises:
            NotFound: There is none, or it expired.
        """
        return self._path(self.get(principal, upload_id).id)

    def _path(self, upload_id: UploadId) -> Path:
        return self._folder / f"{upload_id}.part"

    def get(self, principal: Principal, upload_id: UploadId) -> Upload:
        """Return an upload of this person.

        Raises:
            NotFound: There is none, or it expired.
        """
        query = select(schema.upload).where(
            _upload.id == upload_id, _upload.owner_id == principal.owner_id
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or not self._path(upload_id).exists():
            raise NotFound("This upload has ended. Start it again.")
        return _upload_of(row)

    def advance(
        self, principal: Principal, upload_id: UploadId, *, offset: int, data: bytes
    ) -> Upload:
        """Add bytes at ``offset`` and return the upload as it stands.

        An offset other than the one reached adds nothing: the caller sees in the
        answer from where to go on.
        """
        upload = self.get(principal, upload_id)
        if offset != upload.offset_bytes or not data:
            return upload
        if offset + len(data) > upload.size_bytes:
            raise InvalidRequest("More bytes arrived than were announced. Start again.")
        self._write(upload_id, offset, data)
        reached = offset + len(data)
        statement = update(schema.upload).where(
            _upload.id == upload_id,
            _upload.owner_id == principal.owner_id,
            _upload.offset_bytes == offset,
        )
        with self._database.write() as connection:
            connection.execute(
                statement.values(offset_bytes=reached, updated_at=self._database.now())
            )
        return self.get(principal, upload_id)

    def _write(self, upload_id: UploadId, offset: int, data: bytes) -> None:
        hashed, hasher = self._hashes.pop(upload_id, (0, hashlib.sha256()))
        with translated_os_errors(), self._path(upload_id).open("r+b") as file:
            file.seek(offset)
            file.write(data)
            file.flush()
            # The offset we answer with must not run ahead of the disk.
            os.fdatasync(file.fileno())
        if hashed == offset and len(self._hashes) < LIVE_HASHES:
            hasher.update(data)
            self._hashes[upload_id] = (offset + len(data), hasher)

    def finish(self, principal: Principal, upload_id: UploadId) -> BlobHash:
        """Turn a complete upload into a blob and forget the upload."""
        upload = self.get(principal, upload_id)
        if not upload.is_complete:
            raise InvalidRequest("The file has not arrived completely yet.")
        path = self._path(upload_id)
        hashed, hasher = self._hashes.pop(upload_id, (0, None))
        if hashed != upload.size_bytes or hasher is None:
            hasher = _hash_of(path, upload.size_bytes)
        name = BlobHash(hasher.hexdigest())
        self._blobs.adopt(path, name)
        self._forget(upload_id)
        return name

    def abandon(self, principal: Principal, upload_id: UploadId) -> None:
        """Give an upload up; harmless when it has ended."""
        query = select(_upload.id).where(
            _upload.id == upload_id, _upload.owner_id == principal.owner_id
        )
        with self._database.read() as connection:
            is_mine = connection.execute(query).first() is not None
        if is_mine:
            self._forget(upload_id)

    @for_installation("upkeep ends what nobody goes on with")
    def expired(self, older_than: timedelta) -> list[Upload]:
        """Return uploads to which nothing was added for this long."""
        before = self._database.now() - older_than
        query = select(schema.upload).where(_upload.updated_at < before)
        with self._database.read() as connection:
            return [_upload_of(row) for row in connection.execute(query).mappings()]

    @for_installation("upkeep ends what nobody goes on with")
    def orphans(self, older_than: timedelta) -> list[UploadId]:
        """Return uploads that have a file and, after a crash, no row."""
        before = time.time() - older_than.total_seconds()
        old = {
            UploadId(path.stem)
            for path in self._folder.glob("*.part")
            if path.stat().st_mtime < before
        }
        known: set[UploadId] = set()
        with self._database.read() as connection:
            for some in portions(old):
                query = select(_upload.id).where(_upload.id.in_(some))
                known |= {UploadId(id_) for id_ in connection.scalars(query)}
        return sorted(old - known)

    @for_installation("upkeep ends what nobody goes on with")
    def drop(self, upload_id: UploadId) -> None:
        """Remove an upload whoever began it: for the sweep."""
        self._forget(upload_id)

    def _forget(self, upload_id: UploadId) -> None:
        self._hashes.pop(upload_id, None)
        self._path(upload_id).unlink(missing_ok=True)
        with self._database.write() as connection:
            connection.execute(delete(schema.upload).where(_upload.id == upload_id))


def _hash_of(path: Path, size_bytes: int) -> Any:
    hasher = hashlib.sha256()
    with path.open("r+b") as file:
        file.truncate(size_bytes)
        while chunk := file.read(CHUNK_BYTES):
            hasher.update(chunk)
    return hasher


def _upload_of(row: Mapping[Any, Any]) -> Upload:
    return Upload(**row)
