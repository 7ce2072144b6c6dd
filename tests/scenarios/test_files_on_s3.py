"""The whole product with its files on S3: read, spoken and heard from there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lectern.settings import Settings
from resources.services import Services
from tests.support.client import Client
from tests.support.cluster import running_cluster
from tests.support.product import Product, running
from tests.support.s3_server import S3Server, s3_server

pytestmark = pytest.mark.drill
TEXT = "The harbour lay quiet. Nobody spoke of the winter.\n\nA second paragraph."


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server("0.0.0.0") as server:
        yield server


@pytest.fixture
def url(server: S3Server) -> str:
    return f"s3://{server.bucket()}/library"


def where(server: S3Server, url: str, address: str = "127.0.0.1") -> dict[str, str]:
    """Return the settings of a machine that knows ours by an address."""
    return {
        "blobs_url": url,
        "s3__endpoint": server.endpoint_at(address),
        "s3__access_key_id": "key",
        "s3__secret_access_key": "secret",
    }


def hear(product: Product) -> bytes:
    """Upload a text, listen to it, and return its first sound."""
    with Client(product.address) as client:
        document = client.upload("harbour.txt", TEXT.encode())
        return client.first_sound(document, client.when_ready(document))


def test_a_document_is_heard_from_s3(
    server: S3Server, url: str, tmp_path: Path
) -> None:
    """Runs are forked, and may use S3 only because what forks them does not."""
    with running(tmp_path / "data", **where(server, url)) as product:
        sound = hear(product)

    assert sound.startswith(b"OggS")
    settings = Settings(
        _env_file=None, data_dir=tmp_path / "data", blobs_url=url, s3=server.settings()
    )
    services = Services.open(settings)
    assert len(list(services.blobs.all())) > 3
    assert services.blobs.scrub() == []
    services.close()
    assert not (tmp_path / "data" / "blobs").exists()


def test_machines_hear_through_s3_what_others_spoke(
    server: S3Server, url: str, tmp_path: Path
) -> None:
    """The app, a reader and a speaker each have a cache of their own."""
    with running_cluster(
        tmp_path / "data", reached_at=lambda address: where(server, url, address)
    ) as cluster:
        sound = hear(cluster)

        assert cluster.speech.texts()
    assert sound.startswith(b"OggS")
    caches = [
        folder
        for folder in (tmp_path / "data").glob("*cache*")
        if any(folder.glob("files/*/*"))
    ]
    assert len(caches) == 3
    assert not (tmp_path / "data" / "blobs").exists()
