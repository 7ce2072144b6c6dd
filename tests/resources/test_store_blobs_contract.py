"""What every store of blobs does: in a folder, and in a bucket."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lectern.errors import BlobCorrupt, BlobMissing
from lectern.ids import BlobHash
from resources.stores.blob_cache import BlobCache
from resources.stores.blob_contract import Blobs, blob_hash
from resources.stores.blob_guards import MachineGuard
from resources.stores.blobs import BlobStore
from resources.stores.s3_blobs import S3Blobs
from resources.stores.s3_objects import S3Objects
from tests.support.s3_server import S3Server, s3_server

ABSENT = BlobHash("0" * 64)
LARGE = 9 * 1024 * 1024
"""Bytes that go to S3 in several parts."""


@dataclass
class Kind:
    """One store, and how its tests reach behind it."""

    blobs: Blobs
    damage: Callable[[BlobHash], None]
    let_pass: Callable[[float], None]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    if request.param == "folder":
        return in_folder(tmp_path)
    return on_s3(request.getfixturevalue("server"), tmp_path)


@pytest.fixture
def blobs(kind: Kind) -> Blobs:
    return kind.blobs


def in_folder(tmp_path: Path) -> Kind:
    blobs = BlobStore(tmp_path / "blobs")

    def let_pass(seconds: float) -> None:
        then = time.time() - seconds
        for name in blobs.all():
            os.utime(blobs.path(name), (then, then))

    return Kind(blobs, lambda name: _write(blobs.path(name), b"wrong"), let_pass)


def on_s3(server: S3Server, tmp_path: Path) -> Kind:
    bucket = server.bucket()
    objects = S3Objects(f"s3://{bucket}/library", server.settings())
    cache = BlobCache(tmp_path / "cache", limit_bytes=50_000_000)
    blobs = S3Blobs(objects, cache=cache, guard=MachineGuard(cache))

    def damage(name: BlobHash) -> None:
        objects.put(f"{name[:2]}/{name[2:4]}/{name}", b"wrong")
        cache.drop(name)

    return Kind(blobs, damage, lambda seconds: server.let_pass(bucket, seconds))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def test_what_was_put_is_read_back(blobs: Blobs) -> None:
    items = [b"", b"one", b"two" * 1000, b"one"]

    names = blobs.put_many(items)

    assert [blobs.read(name, verify=True) for name in names] == items
    assert list(blobs.all()) == sorted(set(names))
    assert [blobs.size_bytes(name) for name in names] == [len(data) for data in items]


def test_the_same_bytes_are_kept_once(blobs: Blobs) -> None:
    assert blobs.put(b"same") == blobs.put(b"same")
    assert list(blobs.all()) == [blob_hash(b"same")]


def test_a_writer_shows_nothing_until_it_commits(blobs: Blobs) -> None:
    with blobs.writer() as writer:
        writer.write(b"one ")
        writer.write(b"two")
        assert list(blobs.all()) == []

        name = writer.commit()

    assert (blobs.read(name), writer.size_bytes) == (b"one two", 7)


def test_an_abandoned_writer_leaves_nothing(blobs: Blobs) -> None:
    with blobs.writer() as writer:
        writer.write(b"half")

    assert list(blobs.all()) == []
    assert blobs.clear_aside(unused_seconds=0) == 0


def test_what_a_writer_left_that_died_is_cleared(blobs: Blobs) -> None:
    died = blobs.writer()
    died.write(b"half")

    assert blobs.clear_aside(unused_seconds=60) == 0
    assert blobs.clear_aside(unused_seconds=0) == 1
    died.abandon()


def test_a_finished_file_is_taken_over(blobs: Blobs, tmp_path: Path) -> None:
    arrived, data = tmp_path / "arrived", os.urandom(LARGE)
    arrived.write_bytes(data)

    blobs.adopt(arrived, blob_hash(data))

    assert not arrived.exists()
    assert blobs.read(blob_hash(data)) == data


def test_a_held_blob_is_a_file_here(blobs: Blobs) -> None:
    name = blobs.put(b"for a parser")

    with blobs.held(name) as path:
        assert path.read_bytes() == b"for a parser"


def test_what_is_missing_is_told_and_found(blobs: Blobs) -> None:
    name = blobs.put(b"here")

    with pytest.raises(BlobMissing, match="lectern doctor"):
        blobs.read(ABSENT)
    with pytest.raises(BlobMissing), blobs.held(ABSENT):
        pass
    with pytest.raises(BlobMissing):
        blobs.is_sound(ABSENT)
    with pytest.raises(BlobMissing):
        blobs.size_bytes(ABSENT)
    assert not blobs.delete(ABSENT)
    assert (blobs.exists(name), blobs.exists(ABSENT)) == (True, False)
    assert list(blobs.missing([ABSENT, name])) == [ABSENT]


def test_changed_bytes_are_found(kind: Kind) -> None:
    name = kind.blobs.put(b"sound")
    kind.damage(name)

    assert kind.blobs.scrub() == [name]
    with pytest.raises(BlobCorrupt, match="damaged"):
        kind.blobs.read(name, verify=True)


def test_what_was_kept_again_is_not_deleted_as_unused(kind: Kind) -> None:
    name = kind.blobs.put(b"reused")
    kind.let_pass(999)
    assert kind.blobs.unused_bytes(name, unused_seconds=60) == 6

    kind.blobs.put(b"reused")

    assert kind.blobs.unused_bytes(name, unused_seconds=60) is None
    assert not kind.blobs.delete(name, unused_seconds=60)
    assert kind.blobs.exists(name)


def test_an_unused_blob_is_deleted_and_a_new_one_is_not(kind: Kind) -> None:
    old = kind.blobs.put(b"old")
    kind.let_pass(999)

    assert not kind.blobs.delete(old, unused_seconds=10_000)
    assert kind.blobs.delete(old, unused_seconds=60)
    assert not kind.blobs.exists(old)
    assert kind.blobs.unused_bytes(old, unused_seconds=0) is None

    new = kind.blobs.put(b"new")
    assert kind.blobs.delete(new)
    assert list(kind.blobs.all()) == []
