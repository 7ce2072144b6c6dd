"""Blobs in a folder are synced before they are named, and whole or absent."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.errors import DiskReserveReached
from resources.stores.blob_contract import blob_hash
from resources.stores.blobs import BlobStore


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@given(items=st.lists(st.binary(max_size=200), max_size=12))
def test_what_was_put_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, items: list[bytes]
) -> None:
    blobs = BlobStore(tmp_path_factory.mktemp("blobs"))

    names = blobs.put_many(items)

    assert [blobs.read(name, verify=True) for name in names] == items
    assert sorted(set(names)) == list(blobs.all())


def test_an_abandoned_writer_leaves_nothing(blobs: BlobStore) -> None:
    with blobs.writer() as writer:
        writer.write(b"half")

    assert [path for path in blobs.root.rglob("*") if path.is_file()] == [
        blobs.root / ".lock"
    ]


def test_a_file_is_taken_over_without_copying_it(
    blobs: BlobStore, tmp_path: Path
) -> None:
    arrived = tmp_path / "arrived"
    arrived.write_bytes(b"book")
    inode = arrived.stat().st_ino

    blobs.adopt(arrived, blob_hash(b"book"))

    assert blobs.path(blob_hash(b"book")).stat().st_ino == inode
    assert not arrived.exists()


def test_a_full_disk_leaves_nothing_half_written(
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("resources.stores.blobs.os.fsync", fail)

    with pytest.raises(DiskReserveReached, match="Free some space"):
        blobs.put_many([b"a", b"b", b"c"])
    assert list(blobs.all()) == []
    assert list((blobs.root / "aside").iterdir()) == []


def test_everything_is_synced_before_it_is_named(
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_sync(descriptor: int) -> None:
        calls.append("sync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def record_rename(path: Path, target: Any) -> Path:
        calls.append(f"rename {path.name}")
        return replace(path, target)

    monkeypatch.setattr("resources.stores.blobs.os.fsync", record_sync)
    monkeypatch.setattr(Path, "replace", record_rename)
    name = blobs.put(b"order")

    aside = calls[1].removeprefix("rename ")
    assert calls[:2] == [f"sync {aside}", f"rename {aside}"]
    assert set(calls[2:]) == {f"sync {n}" for n in (name[2:4], name[:2], "blobs")}
