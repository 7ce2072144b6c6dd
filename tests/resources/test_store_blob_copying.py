"""Blobs moved between a folder and S3, broken off and damaged ones included."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lectern.errors import BlobCorrupt, InvalidRequest, StoreUnreachable
from lectern.settings import Settings
from pipelines.upkeep import copy_from
from resources.services import Services
from resources.stores import blob_copying
from resources.stores.blob_copying import copy_blobs
from resources.stores.blobs import BlobStore
from tests.support.s3_server import S3Server, busy, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def on_s3(settings: Settings, server: S3Server) -> Iterator[Services]:
    url = f"s3://{server.bucket()}/library"
    s3 = server.settings(retry_seconds=0)
    services = Services.open(settings.model_copy(update={"blobs_url": url, "s3": s3}))
    yield services
    services.close()


@pytest.fixture
def folder(tmp_path: Path) -> BlobStore:
    blobs = BlobStore(tmp_path / "before")
    blobs.put_many([bytes([n]) * 1000 for n in range(12)])
    return blobs


def quiet(_count: int, _size_bytes: int) -> None:
    """Say nothing of progress."""


def test_everything_goes_to_s3_and_back(
    folder: BlobStore, on_s3: Services, tmp_path: Path
) -> None:
    there = copy_from(str(folder.root), on_s3.settings, lambda _: None)
    back = BlobStore(tmp_path / "after")

    copied = copy_blobs(on_s3.blobs, back, told=quiet)

    assert there.startswith("Copied 12 files")
    assert (copied.blobs, copied.size_bytes, copied.damaged) == (12, 12_000, ())
    assert list(back.all()) == list(folder.all())
    assert back.scrub() == []


def test_what_was_broken_off_goes_on_where_it_was(
    folder: BlobStore,
    on_s3: Services,
    server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blob_copying, "BLOBS_AT_ONCE", 5)
    with pytest.raises(StoreUnreachable):
        copy_blobs(folder, on_s3.blobs, told=lambda *_: server.faults.append(busy))
    server.faults.clear()

    copied = copy_blobs(folder, on_s3.blobs, told=quiet)

    assert (copied.blobs, copied.there_before) == (7, 5)
    assert list(on_s3.blobs.all()) == list(folder.all())


def test_a_damaged_blob_is_named_and_not_passed_on(
    folder: BlobStore, on_s3: Services
) -> None:
    broken = next(folder.all())
    folder.path(broken).write_bytes(b"rot")

    with pytest.raises(BlobCorrupt, match=f"11 files, but not 1 .*{broken[:12]}"):
        copy_from(str(folder.root), on_s3.settings, lambda _: None)
    assert list(on_s3.blobs.missing(folder.all())) == [broken]
    assert broken not in list(on_s3.blobs.all())


def test_only_another_place_is_copied_from(on_s3: Services, tmp_path: Path) -> None:
    for place in (str(on_s3.settings.blobs_url), str(tmp_path / "nowhere")):
        with pytest.raises(InvalidRequest, match="no other place"):
            copy_from(place, on_s3.settings, lambda _: None)
