"""Web addresses, handed in."""

from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest

from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.settings import Settings, Web
from resources.services import Services
from tests.support.web_server import WebServer, web_server


@pytest.fixture(scope="module")
def web() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


@pytest.fixture
def settings(settings: Settings) -> Settings:
    networks = (IPv4Network("127.0.0.0/8"),)
    return settings.model_copy(update={"web": Web(networks=networks)})


def name(client, address: str):
    return client.post("/api/addresses", json={"address": address})


def test_a_page_becomes_a_document(client, services: Services, web):
    answer = name(client, f"http://127.0.0.1:{web.port}/page/winter")

    assert answer.status_code == 201
    document = services.catalog.get(LOCAL, answer.json()["document"]["id"])
    assert document.format is Format.HTML
    assert b"The harbour lay quiet" in services.blobs.read(document.blob)
    assert services.jobs.for_document(document.principal, document.id)


def test_the_same_page_twice_is_one_document(client, web):
    first = name(client, f"http://127.0.0.1:{web.port}/page/1").json()
    second = name(client, f"http://127.0.0.1:{web.port}/page/2").json()

    assert (first["already_had"], second["already_had"]) == (False, True)
    assert first["document"]["id"] == second["document"]["id"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("http://{here}/program", 415, "unsupported_format"),
        ("http://{here}/missing", 502, "page_unreachable"),
        ("http://10.0.0.1/", 400, "invalid_request"),
        ("file:///etc/passwd", 400, "invalid_request"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    client, services: Services, web, path, status, code
):
    answer = name(client, path.format(here=f"127.0.0.1:{web.port}"))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not services.catalog.documents(LOCAL)
    assert not list((services.settings.root / "uploads").glob("*"))
