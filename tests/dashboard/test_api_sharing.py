"""Sharing over HTTP: a link is made, opened, listened by and taken back."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from dashboard.backend import Backend
from lectern.accounts.people import LOCAL, Person, Role
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from resources.services import Services
from resources.stores.catalog import Document
from tests.support.accounts import add_person, cookie_of, with_accounts
from tests.support.library import ready_document, voice_block

VOICE = "espeak:en-gb"
Sign = Callable[[Person], httpx.Client]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return the settings of an installation with accounts."""
    return with_accounts(settings, guests=True)


@pytest.fixture
def sign(here: Backend, served: str) -> Iterator[Sign]:
    """Sign somebody in; return what their browser asks by."""
    opened: list[httpx.Client] = []

    def signed_in(person: Person) -> httpx.Client:
        opened.append(
            httpx.Client(
                base_url=served,
                headers={"origin": served},
                cookies=cookie_of(here.services, person),
            )
        )
        return opened[-1]

    yield signed_in
    for client in opened:
        client.close()


@pytest.fixture
def anna(services: Services) -> Person:
    return add_person(services, "anna")


@pytest.fixture
def document(services: Services, anna: Person) -> Document:
    """Return a document of hers, of which one block has its sound."""
    made = ready_document(services, principal=anna.principal)
    voice_block(services, made, 0, voice_id=VOICE, sound=b"a sound")
    return made


def shares_of(document: Document) -> str:
    return f"/api/documents/{document.id}/shares"


def first_key(client: httpx.Client, document: Document) -> str:
    """Return the first sound that the events of a document tell of."""
    path = f"/api/documents/{document.id}/events?voice={VOICE}"
    with client.stream("GET", path, timeout=60) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and '"blocks"' in line:
                return str(json.loads(line[5:])["blocks"][0][1])
    raise AssertionError("no block has a sound")


def test_whoever_opens_a_link_reads_and_listens(
    services: Services, sign: Sign, anna: Person, document: Document
) -> None:
    hers, theirs = sign(anna), sign(add_person(services, "bert"))
    manifest = f"/api/documents/{document.id}/manifest"
    made = hers.post(shares_of(document), json={"expires_days": 7})
    assert made.status_code == 201
    assert made.json()["path"] == f"/shared#{made.json()['token']}"
    assert theirs.get(manifest).status_code == 404

    accepted = theirs.post("/api/shared", json={"token": made.json()["token"]})

    assert accepted.json()["document"] == {"id": document.id, "title": document.title}
    assert theirs.get(manifest).json()["title"] == document.title
    key = first_key(theirs, document)
    assert theirs.get(f"/api/audio/{key}.ogg").content == b"a sound"
    bookmark = theirs.post(f"/api/documents/{document.id}/bookmarks", json={"block": 1})
    assert bookmark.status_code == 201
    assert hers.get(f"/api/documents/{document.id}/bookmarks").json()["bookmarks"] == []
    [listed] = theirs.get("/api/shared").json()["shared"]
    assert (listed["document"]["id"], listed["shared_by"]) == (document.id, "Anna")
    [share] = hers.get(shares_of(document)).json()["shares"]
    assert (share["kind"], share["guests"]) == ("link", 1)
    assert "token" not in share

    taken_back = hers.delete(f"{shares_of(document)}/{share['id']}")

    assert taken_back.status_code == 204
    for path in (manifest, f"/api/audio/{key}.ogg", f"/api/audio/{key}.json"):
        assert theirs.get(path).status_code == 404
    assert theirs.get("/api/shared").json() == {"shared": []}


def test_a_reader_listens_by_a_run_of_their_own(
    services: Services, sign: Sign, anna: Person, document: Document
) -> None:
    bert = add_person(services, "bert")
    shared = sign(anna).post(shares_of(document), json={"email": "BERT@example.org"})
    assert shared.json()["named"] == "bert@example.org"
    report = {"session": "s", "sequence": 1, "block": 1, "playing": True}

    answer = sign(bert).post(
        f"/api/documents/{document.id}/cursor", json=report | {"voice": VOICE}
    )

    assert answer.status_code == 200
    jobs = services.jobs
    [job] = jobs.for_document(bert.principal, document.id, kind=JobKind.LISTEN)
    assert job.owner_id == bert.owner_id
    assert jobs.for_document(anna.principal, document.id, kind=JobKind.LISTEN) == []
    assert services.cursors.get(anna.principal, document.id) is None


def test_a_reader_changes_and_takes_away_nothing(
    services: Services, sign: Sign, anna: Person, document: Document
) -> None:
    theirs = sign(add_person(services, "bert"))
    sign(anna).post(shares_of(document), json={"email": "bert@example.org"})
    of_it = f"/api/documents/{document.id}"

    for method, path, body in (
        ("PUT", "/policy", {"footnote": "speak"}),
        ("GET", "/original", None),
        ("POST", "/render", None),
        ("GET", "/audio.opus", None),
        ("POST", "/exports", {"format": "m4b"}),
        ("POST", "/exports/quote", {"format": "m4b"}),
        ("GET", "/exports", None),
        ("GET", "/recognitions", None),
        ("POST", "/recognitions", {"recogniser": "local"}),
        ("PUT", "/text", {"recogniser": "local"}),
        ("GET", "/shares", None),
        ("POST", "/shares", {}),
    ):
        answer = theirs.request(method, of_it + path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert theirs.get(f"{of_it}/manifest").status_code == 200
    assert theirs.delete(f"{of_it}/guest").status_code == 204
    assert theirs.get(f"{of_it}/manifest").status_code == 404


def test_only_people_who_are_there_are_let_in(
    services: Services, sign: Sign, anna: Person, document: Document
) -> None:
    gone = add_person(services, "gone")
    services.people.disable(LOCAL, gone.owner_id)
    hers = sign(anna)

    for email in ("nobody@example.org", "gone@example.org"):
        answer = hers.post(shares_of(document), json={"email": email})
        assert answer.status_code == 404
        assert "Nobody signs in here" in answer.json()["message"]
    own = hers.post(shares_of(document), json={"email": "anna@example.org"})
    assert own.status_code == 400


def test_a_guest_opens_links_and_makes_none(
    services: Services, sign: Sign, anna: Person, document: Document
) -> None:
    guest = add_person(services, "gus", role=Role.GUEST)
    theirs = sign(guest)
    token = sign(anna).post(shares_of(document), json={}).json()["token"]
    own = ready_document(services, principal=guest.principal, title="Own")

    assert theirs.post("/api/shared", json={"token": token}).status_code == 200
    refused = theirs.post(shares_of(own), json={})
    assert refused.status_code == 400
    assert "Sign up" in refused.json()["message"]


def test_a_link_opens_a_page_for_whoever_is_signed_out(
    services: Services, served: str
) -> None:
    """It says nothing of what is shared; its script keeps what the link carries."""
    page = httpx.get(f"{served}/shared", headers={"accept": "text/html"})
    assert page.status_code == 200
    [script] = [part for part in page.text.split('"') if part.endswith("shared.js")]
    assert httpx.get(served + script).status_code == 200
    assert (
        httpx.post(
            f"{served}/api/shared", json={"token": "x" * 32}, headers={"origin": served}
        ).status_code
        == 401
    )
