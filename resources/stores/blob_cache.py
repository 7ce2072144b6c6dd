"""Files of this machine that hold what another machine stores: a bounded cache.

Any number of processes share a cache. What is used least recently goes first, and
nothing goes while it is held: whoever reads a file has a lock on it, which ends with
the process at the latest, and only a file that nobody has locked is removed.

What is here is never trusted: a process hashes each file when it first takes it, so
one that a crash or a disk has damaged is thrown away and asked for again. That is why
nothing is synced.
"""

import contextlib
import fcntl
import hashlib
import io
import os
import struct
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lectern.ids import BlobHash

KEPT_SHARE = 0.9
"""Share of the limit that is left when room is made."""
UNUSED_SECONDS = 7 * 86_400
"""What nobody used for so long goes as well, however much room there is: it may have
been deleted where it is stored."""
RECOUNT_SECONDS = 3600
"""How long the count of bytes is believed, from which a crash may take or add some."""
KNOWN_SOUND = 100_000
"""Files that a process remembers to have hashed."""


class BlobCache:
    """A folder of cached blobs, of about ``limit_bytes`` at most.

    What is held, and one file more, may go beyond that.
    """

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._sound: dict[BlobHash, tuple[int, int]] = {}
        for name in ("files", "aside", "turns"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "count").touch()

    def path(self, name: BlobHash) -> Path:
        """Return where the file of a blob lies, whether or not it is here."""
        return self._folder / "files" / name[:2] / name

    def new_path(self) -> Path:
        """Return where something may be written that is not complete."""
        return self._folder / "aside" / uuid.uuid4().hex

    def take_hold(self, name: BlobHash) -> io.BufferedReader | None:
        """Open and lock the file of a blob; None where it is not here, or broken.

        It stays where it is until the returned file is closed.
        """
        path = self.path(name)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return None
        fcntl.flock(file, fcntl.LOCK_SH)
        if not _is_same(file, path):  # removed between the two
            file.close()
            return None
        if not self._is_sound(name, file):
            self.drop(name)
            file.close()
            return None
        os.utime(file.fileno())
        return file

    def is_here(self, name: BlobHash) -> bool:
        """Tell whether there is a file of this blob, be it sound or not."""
        return self.path(name).exists()

    def keep(self, aside: Path, name: BlobHash) -> None:
        """Move a file whose hash is its name there, after making room for it."""
        status = aside.stat()
        size_bytes, final = status.st_size, self.path(name)
        with self._counting() as count:
            if final.exists():
                aside.unlink()
                return
            # Before the rename: a crash between them counts too much, and the next
            # count puts that right; the other way round the limit would be passed.
            count.add(size_bytes)
            if count.size_bytes > self._limit_bytes or count.is_old:
                count.set(self._make_room(size_bytes) + size_bytes)
            final.parent.mkdir(exist_ok=True, mode=0o700)
            aside.replace(final)
            self._remember(name, (status.st_ino, size_bytes))

    def drop(self, name: BlobHash) -> None:
        """Remove a file, held or not: its bytes are wrong, or not wanted any more."""
        with self._counting() as count:
            with contextlib.suppress(FileNotFoundError):
                size_bytes = self.path(name).stat().st_size
                self.path(name).unlink()
                count.add(-size_bytes)
            self._sound.pop(name, None)

    def clear_aside(self, *, unused_seconds: float) -> int:
        """Delete what writers that died left behind; return how many files."""
        cleared = 0
        for path in (self._folder / "aside").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime >= unused_seconds:
                    path.unlink()
                    cleared += 1
        return cleared

    @contextmanager
    def turn(
        self, name: BlobHash, what: str, *, shared: bool = False
    ) -> Iterator[None]:
        """Let one process after the other do something with a blob.

        Turns are taken by the beginning of the name: now and then one waits for
        another blob's.
        """
        path = self._folder / "turns" / f"{what}-{name[:3]}"
        path.touch()
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield

    def _is_sound(self, name: BlobHash, file: io.BufferedReader) -> bool:
        status = os.fstat(file.fileno())
        which = (status.st_ino, status.st_size)
        if self._sound.get(name) == which:
            return True
        is_sound = hashlib.file_digest(file, "sha256").hexdigest() == name
        file.seek(0)
        if is_sound:
            self._remember(name, which)
        return is_sound

    def _remember(self, name: BlobHash, which: tuple[int, int]) -> None:
        if len(self._sound) >= KNOWN_SOUND:
            self._sound.clear()
        self._sound[name] = which

    def _make_room(self, wanted_bytes: int) -> int:
        """Remove what was used least recently; return the bytes that are left."""
        found = []
        for path in (self._folder / "files").glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        left = sum(size for _, size, _ in found)
        is_full = left + wanted_bytes > self._limit_bytes
        target = self._limit_bytes * KEPT_SHARE - wanted_bytes
        oldest = time.time() - UNUSED_SECONDS
        for used_at, size, path in sorted(found):
            if used_at > oldest and not (is_full and left > target):
                break
            if _remove_unheld(path):
                left -= size
        return left

    @contextmanager
    def _counting(self) -> Iterator["Count"]:
        with (self._folder / "count").open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield Count(file)


class Count:
    """How many bytes the cache has, in a file that the caller has locked."""

    _FORM = struct.Struct("<qq")

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        found = file.read(self._FORM.size)
        is_new = len(found) < self._FORM.size
        # Whoever comes first counts what is there.
        self.size_bytes, self._counted_at = (
            (0, 0) if is_new else self._FORM.unpack(found)
        )

    @property
    def is_old(self) -> bool:
        """Whether the files themselves are to be counted again."""
        return not 0 <= time.time() - self._counted_at < RECOUNT_SECONDS

    def add(self, size_bytes: int) -> None:
        """Note that the cache grew, or shrank."""
        self._write(max(0, self.size_bytes + size_bytes), self._counted_at)

    def set(self, size_bytes: int) -> None:
        """Note what there is, just counted."""
        self._write(size_bytes, int(time.time()))

    def _write(self, size_bytes: int, counted_at: int) -> None:
        self.size_bytes, self._counted_at = size_bytes, counted_at
        self._file.seek(0)
        self._file.write(self._FORM.pack(size_bytes, counted_at))


def _is_same(file: io.BufferedReader, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove_unheld(path: Path) -> bool:
    """Remove a file that nobody has locked; tell whether it is gone."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever opened it meanwhile waits for us, and then sees it is gone.
            path.unlink()
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True
