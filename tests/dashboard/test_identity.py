"""Nobody gets past the door whom the stores do not know."""

from collections.abc import Iterator

import httpx
import pytest

from dashboard import backend, server
from dashboard.backend import Backend
from dashboard.identity import OPEN_PATHS
from lectern.accounts.guarding import require_guard
from lectern.accounts.people import LOCAL
from lectern.accounts.tokens import Scope
from lectern.errors import InvalidRequest
from lectern.settings import Proxy, Settings
from tests.support.accounts import add_person, cookie_of, with_accounts
from tests.support.library import ready_document, voice_block
from tests.support.stores import add_document

VOICE = "espeak:en-gb"


@pytest.fixture
def many(here: Backend) -> Iterator[Backend]:
    """Have everybody sign in."""
    changed = Backend(with_accounts(here.settings), here.services, here.orchestrator)
    backend.install(changed)
    return changed


def paths() -> list[str]:
    """Return a path of each of our routes that is not open to anybody."""
    found = set()
    for route in server.ROUTES:
        path = route.path.replace("{path:path}", "nothing")
        for name in ("document_id", "id", "name", "version", "key"):
            path = path.replace(f"{{{name}}}", "0" * 32)
        found.add(path)
    streamlits = {
        *("/", "/library", "/_stcore/health", "/_stcore/host-config"),
        *("/_stcore/stream", "/static/js/index.js", "/media/x.mp3", "/component/x"),
    }
    return sorted(path for path in found | streamlits if not OPEN_PATHS.fullmatch(path))


def test_whoever_is_not_signed_in_is_answered_nothing(client, many):
    for path in paths():
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert answer.json()["code"] == "signed_out"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/api/uploads").status_code == 401


def test_a_page_leads_to_the_sign_in_and_back(client, many):
    answer = client.get("/listen?document=7", headers={"accept": "text/html"})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Flisten%3Fdocument%3D7"


def test_what_watches_the_process_is_answered(client, many):
    assert client.get("/live").status_code == 200
    assert client.get("/ready").status_code == 200


def test_a_session_opens_what_is_its_persons_and_nothing_else(client, many):
    anna, berta = add_person(many.services, "anna"), add_person(many.services, "berta")
    document = add_document(many.services, "A text.", principal=anna.principal)
    path = f"/api/documents/{document.id}/manifest"

    client.cookies = cookie_of(many.services, anna)
    assert client.get(path).status_code == 200
    client.cookies = cookie_of(many.services, berta)
    assert client.get(path).status_code == 404
    many.services.sessions.end_all(berta.principal)
    assert client.get(path).status_code == 401


def test_nobody_says_by_a_header_who_they_are(client, many):
    forged = {"x-lectern-owner": "local", "x-lectern-session": "1" * 32}

    assert client.get("/api/documents", headers=forged).status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "a=b; lectern", 'lectern="', "lectern=🙂"])
def test_what_is_no_session_opens_nothing(client, many, cookie):
    answer = client.get("/api/documents", headers={"cookie": cookie.encode()})

    assert answer.status_code == 401


def test_over_https_only_the_strict_cookie_counts(client, many):
    anna = add_person(many.services, "anna")
    secret = cookie_of(many.services, anna)["lectern"]
    # As a web server in front on this machine says it.
    https = {"x-forwarded-proto": "https"}

    client.headers["origin"] = str(client.base_url).rstrip("/")
    plain = client.get("/api/voices", headers=https | {"cookie": f"lectern={secret}"})
    strict = {"cookie": f"__Host-lectern={secret}"}

    assert plain.status_code == 401
    assert client.get("/api/voices", headers=https | strict).status_code == 200


def test_without_accounts_only_this_machine_is_served():
    elsewhere = Settings(_env_file=None, host="0.0.0.0")

    with pytest.raises(InvalidRequest, match="LECTERN_ACCOUNTS__MODE=multi"):
        require_guard(elsewhere)
    require_guard(Settings(_env_file=None))
    require_guard(with_accounts(elsewhere))
    for proxy, is_let_through in (
        (Proxy(people_file="/etc/people"), True),
        (Proxy(people_networks=("10.0.0.0/8",)), True),
        (Proxy(people_networks=("10.0.0.0/8", "0.0.0.0/0")), False),
    ):
        fronted = elsewhere.model_copy(update={"proxy": proxy})
        if is_let_through:
            require_guard(fronted)
        else:
            with pytest.raises(InvalidRequest):
                require_guard(fronted)


@pytest.mark.anyio
def test_without_accounts_a_request_over_the_network_is_refused(here):
    """Whoever starts uvicorn by hand, on any address."""
    import asyncio

    from starlette.applications import Starlette

    app = Starlette(routes=server.ROUTES, middleware=server.MIDDLEWARE)

    async def ask(host: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.get(f"http://{host}:8710/api/voices")

    assert asyncio.run(ask("127.0.0.1")).status_code == 200
    refused = asyncio.run(ask("192.0.2.7"))
    assert refused.status_code == 403
    assert "LECTERN_ACCOUNTS__MODE" in refused.text


def test_without_accounts_everybody_here_is_one_person(client, services):
    document = add_document(services, "A text.", principal=LOCAL)

    assert client.get(f"/api/documents/{document.id}/manifest").status_code == 200


def test_a_stream_of_events_ends_with_its_session(client, many):
    anna = add_person(many.services, "anna")
    document = ready_document(many.services, principal=anna.principal)
    client.cookies = cookie_of(many.services, anna)
    path = f"/api/documents/{document.id}/events"

    with client.stream("GET", path, params={"voice": VOICE}, timeout=60) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000"
        many.services.sessions.end_all(anna.principal)
        voice_block(many.services, document, 1, voice_id=VOICE, sound=b"OggS one")
        assert not [line for line in lines if '"blocks": [[1' in line]


def test_a_token_stops_with_its_person(client, many):
    anna = add_person(many.services, "anna")
    _, secret = many.services.tokens.make(
        anna.principal, name="phone", scopes=(Scope.VOICES,)
    )
    bearer = {"authorization": f"Bearer {secret}"}

    assert client.get("/v1/audio/voices", headers=bearer).status_code == 200
    many.services.people.disable(LOCAL, anna.owner_id)

    refused = client.get("/v1/audio/voices", headers=bearer)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "invalid_api_key"
