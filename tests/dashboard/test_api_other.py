"""Voices, health, files for the browser, and what guards every route."""

import dataclasses

import httpx
import pytest
from sqlalchemy import text

from dashboard import backend
from dashboard.components.files import static_version
from dashboard.middleware import is_known_host
from lectern.accounts.people import LOCAL
from lectern.jobs.states import JobKind
from resources.services import Services
from tests.support.library import ready_document


def test_voices_of_a_language_are_listed(client):
    every = client.get("/api/voices").json()
    english = client.get("/api/voices", params={"language": "en-GB"}).json()

    assert 0 < len(english) < len(every)
    assert {voice["language"].split("-")[0] for voice in english} == {"en"}
    assert {"id", "name", "language", "gender", "engine", "licence"} <= set(english[0])


def test_the_app_is_live_and_ready_while_dagster_is_away(client):
    assert client.get("/live").json() == {"status": "live"}
    assert client.get("/ready").json() == {
        "status": "ready",
        "database": True,
        "migrations": True,
        "disk": True,
        "orchestrator": False,
    }


def test_it_is_not_ready_without_its_database(client, services: Services):
    services.database.close()
    (services.settings.root / "lectern.sqlite3").unlink()

    assert client.get("/ready").status_code == 503


def test_it_is_not_ready_with_tables_of_another_version(client, services: Services):
    with services.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = client.get("/ready")

    assert answer.status_code == 503
    assert answer.json()["database"] is True
    assert answer.json()["migrations"] is False


def test_without_disk_for_new_work_it_says_so_and_goes_on(client, here):
    cramped = here.settings.model_copy(update={"disk_reserve_bytes": 10**18})
    services = dataclasses.replace(here.services, settings=cramped)
    backend.install(dataclasses.replace(here, services=services))
    answer = client.get("/ready")

    assert answer.status_code == 200
    assert answer.json()["disk"] is False


def test_operators_are_told_what_waits_and_for_how_long(client, services: Services):
    document = ready_document(services)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.LISTEN)
    answer = client.get("/health/deep").json()

    assert {"kind": job.kind, "state": "queued", "count": 1} in answer["jobs"]
    assert set(answer["oldest_waiting_seconds"]) == {"listeners", "workers", "batch"}
    assert "runs" not in answer  # Dagster is away


def test_a_script_is_kept_for_ever_under_its_version(client):
    answer = client.get(f"/assets/{static_version()}/reader.js")

    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


def test_a_script_of_another_version_is_not_kept(client):
    answer = client.get("/assets/0123456789abcdef/reader.js")

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


def test_fonts_are_served(client):
    answer = client.get("/assets/fonts/literata-latin-wght-normal.woff2")

    assert answer.headers["content-type"] == "font/woff2"


@pytest.mark.parametrize(
    "path",
    ["/assets/x/none.js", "/assets/x/..%2fapp.py", "/assets/fonts/..%2freader.js"],
)
def test_nothing_else_is_served(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_what_the_api_does_not_have_is_refused_as_json(client, method):
    answer = client.request(method, "/api/nowhere/at-all")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
def test_another_sites_page_changes_nothing(client, services: Services, origin):
    document = ready_document(services)

    answer = client.put(
        f"/api/documents/{document.id}/policy",
        json={"footnote": "speak"},
        headers={"origin": origin},
    )

    assert answer.status_code == 403
    assert answer.json()["code"] == "foreign_origin"


def test_a_page_that_hides_its_origin_is_known_by_its_site(served, here):
    crossing = {"sec-fetch-site": "cross-site"}

    with httpx.Client(base_url=served) as anonymous:
        answer = anonymous.post("/api/texts", json={"text": "Hi."}, headers=crossing)
        program = anonymous.post("/api/texts", json={"text": "Hi."})

    assert (answer.status_code, program.status_code) == (403, 201)


def test_a_foreign_host_name_is_not_served(client):
    answer = client.get("/live", headers={"host": "evil.example"})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost:8710", True),
        ("127.0.0.1:8710", True),
        ("[::1]:8710", True),
        ("192.168.1.20", True),
        ("lectern.example", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("[", False),
        ("", False),
    ],
)
def test_hosts_are_told_apart(host, known):
    assert is_known_host(host, also=("Lectern.example",)) is known


def test_streamlits_upload_route_is_closed(client):
    for path in ("/_stcore/upload_file/a/b", "/x/_stcore/upload_file/a/b"):
        assert client.put(path, content=b"x").status_code == 404


def test_every_answer_carries_the_security_headers(client):
    for path in ("/live", "/api/documents/none/manifest", "/nowhere"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_is_answered_without_its_details(client, monkeypatch, here):
    def broken(*_: object) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr("dashboard.api.documents.manifest_of", broken)

    answer = client.get(f"/api/documents/{'0' * 32}/manifest")

    assert answer.status_code == 500
    assert answer.json()["code"] == "unexpected"
    assert "secret" not in answer.text
