"""Blobs in a bucket, with a cache of files on each machine.

The same layout as in a folder (``ab/cd/<hash>``), so that either can be copied into
the other. A put writes the object whatever is there: the bytes are the same for
whoever writes that name, a damaged one is mended by it, and its age begins anew,
which is what the sweep asks for. It is one request, and nothing is decided by a
question asked before.

Parsers and the web app need files of this machine: the cache gives them, verified
against the name. What was put is kept there as well, since it is often wanted next.
"""

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from lectern.errors import StoreError, StoreUnreachable
from lectern.ids import BlobHash
from resources.stores.blob_cache import BlobCache
from resources.stores.blob_contract import blob_hash, broken_blob, no_such_blob
from resources.stores.blob_guards import BlobGuard
from resources.stores.blobs import BlobWriter, translated_os_errors
from resources.stores.s3_objects import PART_BYTES, NoSuchObject, S3Objects

REQUESTS_AT_ONCE = 16
ASKED_AT_ONCE = 1000
FETCHES = 3
"""Times that a blob is fetched whose bytes arrive wrong, or go at once again."""

_KEY = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})")


class S3Blobs:
    """The blobs of a bucket."""

    def __init__(
        self,
        objects: S3Objects,
        *,
        cache: BlobCache,
        guard: BlobGuard,
    ) -> None:
        self._objects = objects
        self._cache = cache
        self._guard = guard

    def put(self, data: bytes) -> BlobHash:
        """Keep these bytes and return their name."""
        return self.put_many([data])[0]

    def put_many(self, items: Sequence[bytes]) -> list[BlobHash]:
        """Keep several blobs; sent side by side."""
        names = [blob_hash(data) for data in items]
        wanted = dict(zip(names, items, strict=True))
        with self._guard.keeping(list(wanted)):
            self._put_all({_key(name): data for name, data in wanted.items()})
        for name, data in wanted.items():
            self._cache_bytes(name, data)
        return names

    def writer(self) -> BlobWriter:
        """Return a writer for a blob that arrives piece by piece."""
        with translated_os_errors():
            return BlobWriter(self, self._cache.new_path())

    def adopt(self, path: Path, name: BlobHash) -> None:
        """Take over a finished file of this machine, whose hash is ``name``."""
        self.place(path, name)

    def place(self, synced: Path, name: BlobHash) -> None:
        """Send a file, see that all of it arrived, and keep it in the cache."""
        size_bytes = synced.stat().st_size
        with self._guard.keeping([name]):
            self._objects.put(_key(name), synced)
            if size_bytes > PART_BYTES:
                self._require_whole(name, size_bytes)
        with suppress(OSError):  # of another disk, or no room: it is only a cache
            self._cache.keep(synced, name)
        synced.unlink(missing_ok=True)

    @contextmanager
    def held(self, name: BlobHash) -> Iterator[Path]:
        """Yield the cached file of a blob, which stays until the end."""
        with self.open(name):
            yield self._cache.path(name)

    def open(self, name: BlobHash) -> io.BufferedReader:
        """Open a blob for reading: the cached file, fetched where it is not here."""
        for _ in range(FETCHES):
            if file := self._cache.take_hold(name):
                return file
            with self._cache.turn(name, "fetch"):
                if file := self._cache.take_hold(name):  # fetched while we waited
                    return file
                self._fetch(name)
                if file := self._cache.take_hold(name):
                    return file
        raise StoreError(
            f"Stored content {name[:12]}… does not stay in the cache of files. Give it "
            "more room: LECTERN_S3__CACHE_BYTES."
        )

    def read(self, name: BlobHash, *, verify: bool = False) -> bytes:
        """Return a blob's bytes; with ``verify`` fetched again when they are wrong."""
        with self.open(name) as file:
            data = file.read()
        if verify and blob_hash(data) != name:
            self._cache.drop(name)
            with self.open(name) as file:
                data = file.read()
            if blob_hash(data) != name:
                raise broken_blob(name)
        return data

    def exists(self, name: BlobHash) -> bool:
        """Tell whether the blob is there.

        A cached file answers as well: what a row names is not deleted, so it is
        stored if it is here.
        """
        return self._cache.is_here(name) or self._is_stored(name)

    def missing(self, names: Iterable[BlobHash]) -> Iterator[BlobHash]:
        """Yield those of the names that the bucket has not."""
        self._objects.require_bucket()
        waiting = iter(names)
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            while some := list(islice(waiting, ASKED_AT_ONCE)):
                for name, is_stored in zip(
                    some, pool.map(self._is_stored, some), strict=True
                ):
                    if not is_stored:
                        yield name

    def size_bytes(self, name: BlobHash) -> int:
        """Return how many bytes a blob has."""
        with suppress(FileNotFoundError):
            return self._cache.path(name).stat().st_size
        try:
            return self._objects.facts(_key(name)).size_bytes
        except NoSuchObject as error:
            raise no_such_blob(name) from error

    def unused_bytes(self, name: BlobHash, *, unused_seconds: float) -> int | None:
        """Return a blob's size if it was not kept again for this long, else None.

        Its age is what the bucket's clock and ours make of it; they are to agree
        within the sweep's grace of a day.
        """
        try:
            facts = self._objects.facts(_key(name))
        except NoSuchObject:
            return None
        # S3 tells whole seconds: one written just now may seem to come from later.
        age = (datetime.now(UTC) - facts.modified_at).total_seconds()
        is_unused = max(0.0, age) >= unused_seconds
        return facts.size_bytes if is_unused else None

    def delete(self, name: BlobHash, *, unused_seconds: float = 0.0) -> bool:
        """Delete a blob unless it was kept again in the last ``unused_seconds``.

        Other machines' caches forget it when they were not asked for it for a week.
        """
        with self._guard.deleting(name):
            if self.unused_bytes(name, unused_seconds=unused_seconds) is None:
                return False
            self._objects.delete(_key(name))
        self._cache.drop(name)
        return True

    def all(self) -> Iterator[BlobHash]:
        """Yield the name of every blob, in order."""
        for key in self._objects.list_keys():
            if found := _KEY.fullmatch(key):
                yield BlobHash(found[3])

    def is_sound(self, name: BlobHash) -> bool:
        """Tell whether the stored bytes, not the cached, have the name's hash."""
        hasher = hashlib.sha256()
        try:
            self._objects.fetch(_key(name), hasher.update)
        except NoSuchObject as error:
            raise no_such_blob(name) from error
        return hasher.hexdigest() == name

    def scrub(self) -> list[BlobHash]:
        """Fetch and hash every blob and return the names of the damaged ones."""
        return [name for name in self.all() if not self.is_sound(name)]

    def clear_aside(self, *, unused_seconds: float) -> int:
        """Delete what writers that died left behind here; return how many files."""
        return self._cache.clear_aside(unused_seconds=unused_seconds)

    def _put_all(self, items: dict[str, bytes]) -> None:
        if len(items) < 2:
            for key, data in items.items():
                self._objects.put(key, data)
            return
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            list(pool.map(self._objects.put, items.keys(), items.values()))

    def _is_stored(self, name: BlobHash) -> bool:
        try:
            self._objects.facts(_key(name))
        except NoSuchObject:
            return False
        return True

    def _require_whole(self, name: BlobHash, size_bytes: int) -> None:
        found = self._objects.facts(_key(name)).size_bytes
        if found != size_bytes:
            raise StoreUnreachable(
                f"Of {size_bytes} bytes {found} arrived at the store of files. Nothing "
                "was kept: try again."
            )

    def _fetch(self, name: BlobHash) -> None:
        """Bring a blob here, verified; a second time if its bytes arrive wrong."""
        for _ in range(2):
            aside, hasher = self._cache.new_path(), hashlib.sha256()
            try:
                with translated_os_errors(), aside.open("xb") as file:

                    def write(piece: bytes) -> None:
                        hasher.update(piece)  # noqa: B023  (called before the next)
                        file.write(piece)

                    self._objects.fetch(_key(name), write)
                if hasher.hexdigest() == name:
                    self._cache.keep(aside, name)
                    return
            except NoSuchObject as error:
                raise no_such_blob(name) from error
            finally:
                aside.unlink(missing_ok=True)
        raise broken_blob(name)

    def _cache_bytes(self, name: BlobHash, data: bytes) -> None:
        aside = self._cache.new_path()
        try:
            with suppress(OSError):  # no room: it is only a cache
                aside.write_bytes(data)
                self._cache.keep(aside, name)
        finally:
            aside.unlink(missing_ok=True)


def _key(name: BlobHash) -> str:
    return f"{name[:2]}/{name[2:4]}/{name}"
