"""Whoever asks too often is told when to come back, and nobody else is."""

import asyncio
from dataclasses import replace

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from dashboard import backend, pacing
from dashboard.backend import Backend
from dashboard.server import ROUTES
from lectern.accounts.people import LOCAL, Person, Principal
from lectern.accounts.rates import Rate, RateClass, Rates
from lectern.accounts.tokens import Scope as TokenScope
from lectern.accounts.units import Unit
from lectern.errors import TooFast
from resources.stores.rates import RateStore
from tests.support.accounts import add_person, cookie_of, with_accounts
from tests.support.stores import add_document

ONE_A_DAY = Rate(1, 86_400, 1)


def with_rates(here: Backend, rates: Rates) -> Backend:
    """Put a backend with accounts and other rates in force."""
    store = RateStore(here.services.database, rates, here.services.ledger)
    services = replace(here.services, rates=store)
    changed = Backend(with_accounts(here.settings), services, here.orchestrator)
    backend.install(changed)
    return changed


@pytest.fixture
def many(here: Backend) -> Backend:
    """Have everybody sign in, and do each thing once a day."""
    return with_rates(
        here,
        Rates(
            upload=ONE_A_DAY,
            document=Rate(3, 86_400, 3),
            login=ONE_A_DAY,
            speech=Rate(2, 86_400, 2),
        ),
    )


@pytest.fixture
def anna(client: httpx.Client, many: Backend) -> Person:
    """Sign somebody in."""
    person = add_person(many.services, "anna")
    client.cookies = cookie_of(many.services, person)
    return person


def begin(client: httpx.Client) -> httpx.Response:
    return client.post("/api/uploads", json={"name": "a.txt", "size_bytes": 3})


def test_too_many_files_are_refused_with_when_to_come_back(client, many, anna):
    assert begin(client).status_code == 201
    refused = begin(client)

    assert refused.status_code == 429
    assert refused.json()["code"] == "too_fast"
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
    berta = add_person(many.services, "berta")
    client.cookies = cookie_of(many.services, berta)
    assert begin(client).status_code == 201


def test_the_pieces_of_a_file_count_as_one(client, many, anna):
    path = f"/api/uploads/{begin(client).json()['id']}"
    for offset, piece in enumerate((b"a", b"b", b"c")):
        answer = client.put(path, content=piece, headers={"upload-offset": str(offset)})
        assert answer.status_code in (200, 201), answer.text


def test_one_person_alone_is_never_slowed_down(client, here, services):
    once = Rates(upload=ONE_A_DAY, document=ONE_A_DAY, api=ONE_A_DAY)
    store = RateStore(services.database, once, services.ledger)
    object.__setattr__(services, "rates", store)
    assert [begin(client).status_code for _ in range(4)] == [201] * 4


def test_documents_of_one_request_count_each(many):
    """In yapit the limit counted messages: one of them asked for ten thousand jobs."""
    who = Principal(add_person(many.services, "anna").owner_id)
    pacing.count_elements(who, RateClass.DOCUMENT, 3)
    with pytest.raises(TooFast):
        pacing.count_elements(who, RateClass.DOCUMENT, 1)


def test_blocks_that_a_program_has_spoken_count_each(client, many, anna):
    """And what is there already costs nothing: the same text may be asked for again."""
    _, secret = many.services.tokens.make(
        anna.principal, name="t", scopes=(TokenScope.SPEECH,)
    )
    headers = {"authorization": f"Bearer {secret}"}

    def speak(text: str) -> httpx.Response:
        body = {"input": text, "response_format": "wav"}
        return client.post("/v1/audio/speech", json=body, headers=headers, timeout=60)

    two = "One paragraph.\n\nAnother one."
    assert speak(two).status_code == 200
    assert speak(two).status_code == 200
    refused = speak("Something else.")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "too_fast"
    assert int(refused.headers["retry-after"]) > 0


def test_signing_in_is_counted_by_network_and_not_by_account(many):
    scope = {"path": "/sign-in", "client": ("2001:db8::1", 9)}
    pacing.count(many, scope)
    with pytest.raises(TooFast):
        pacing.count(many, scope | {"client": ("2001:db8::2", 9)})
    pacing.count(many, scope | {"client": ("2001:db8:0:1::1", 9)})


async def _networks(peer: str) -> list[str]:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(pacing.network(scope))

    scope = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 1),
        "headers": [(b"x-forwarded-for", b"203.0.113.9")],
    }
    await ProxyHeadersMiddleware(app, trusted_hosts="127.0.0.1")(scope, None, None)
    return seen


@pytest.mark.parametrize(
    ("peer", "network"),
    [("127.0.0.1", "203.0.113.9"), ("198.51.100.4", "198.51.100.4")],
)
def test_only_a_trusted_web_server_says_whose_address_it_is(peer, network):
    """In yapit the limiter saw the web server's address, so all shared one bucket; and
    who may name an address of their own is never stopped."""
    assert asyncio.run(_networks(peer)) == [network]


def test_every_changing_route_has_a_class_or_is_counted_elsewhere():
    changing = {
        route.path
        for route in ROUTES
        if route.path.startswith("/api/") and pacing.CHANGING_METHODS & (route.methods)
    }
    assert changing
    for path in changing:
        assert any(pattern.fullmatch(path) for pattern, _ in pacing.CLASSES), path
    assert pacing.class_of("/api/uploads/abc") is None
    assert pacing.class_of("/api/uploads") is RateClass.UPLOAD
    assert pacing.class_of("/api/documents/x/policy") is RateClass.API


@pytest.mark.parametrize(
    "choice",
    [
        {"model": "tts-1-hd"},
        {"speed": 2.0, "response_format": "pcm"},
        {"stream_format": "sse"},
    ],
)
def test_no_choice_of_a_program_makes_speech_free(client, here, services, choice):
    """In yapit a mode that the client chose skipped the account."""
    _, secret = services.tokens.make(LOCAL, name="t", scopes=(TokenScope.SPEECH,))
    body = {"input": "Nobody has said this.", "response_format": "wav", **choice}
    headers = {"authorization": f"Bearer {secret}"}

    answer = client.post("/v1/audio/speech", json=body, headers=headers, timeout=60)

    assert answer.status_code == 200, answer.text
    assert services.daily.used(LOCAL.owner_id)[Unit.TTS_MS] > 0
    forged = {**body, "synthesis_mode": "browser"}
    refused = client.post("/v1/audio/speech", json=forged, headers=headers)
    assert refused.status_code == 400


def test_no_list_of_a_request_is_without_end(client, here, services):
    document = add_document(services, "Some words.")
    path = f"/api/documents/{document.id}/exports"
    for chapters in (list(range(20_000)), list(range(1_000_000))):
        wanted = {"format": "m4b", "chapters": chapters}
        for address in (path, f"{path}/quote"):
            assert client.post(address, json=wanted).status_code in (400, 413, 422)
