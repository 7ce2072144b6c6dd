"""One setting takes the whole product to PostgreSQL, and nothing is lost on the way."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lectern.accounts.people import LOCAL
from lectern.settings import Settings
from resources.services import Services
from resources.stores.database import Database
from tests.support.client import Client
from tests.support.postgres import Server, running_postgres, server_folder
from tests.support.product import running

TEXT = "The harbour lay quiet. Nobody spoke of the winter.\n\nA second paragraph."


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    if server_folder() is None:
        pytest.skip("no PostgreSQL server (Debian: postgresql)")
    with running_postgres() as server:
        yield server


def test_a_document_is_heard_on_postgresql(postgres: Server, tmp_path: Path) -> None:
    with postgres.database() as url:
        with (
            running(tmp_path / "data", database_url=url) as product,
            Client(product.address) as client,
        ):
            document = client.upload("harbour.txt", TEXT.encode())
            manifest = client.when_ready(document)

            sound = client.first_sound(document, manifest)

        assert sound.startswith(b"OggS")
        database = Database(url)
        with database.read() as connection:
            runs = connection.exec_driver_sql("SELECT count(*) FROM dagster.runs")
            assert runs.scalar_one() >= 2
        database.close()
    assert not list((tmp_path / "data").glob("*.sqlite3"))
    assert not list((tmp_path / "data").glob("dagster/storage/*.db"))
    assert "postgres@" not in (tmp_path / "data/dagster/dagster.yaml").read_text()


def test_a_library_is_moved_by_one_command(postgres: Server, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as product, Client(product.address) as client:
        document = client.upload("harbour.txt", TEXT.encode())
        client.first_sound(document, client.when_ready(document))
    with postgres.database() as url:
        moved = subprocess.run(
            [
                str(Path(sys.executable).with_name("lectern")),
                "migrate",
                "--from",
                f"sqlite:///{data / 'lectern.sqlite3'}",
            ],
            env={
                "LECTERN_DATA_DIR": str(data),
                "LECTERN_DATABASE_URL": url,
                "PATH": "/usr/bin:/bin",
            },
            capture_output=True,
            text=True,
            check=True,
        )

        settings = Settings(_env_file=None, data_dir=data, database_url=url)
        services = Services.open(settings)
        titles = [each.title for each in services.catalog.documents(LOCAL)]
        services.close()

    assert "Moved" in moved.stdout
    assert "harbour" in titles
