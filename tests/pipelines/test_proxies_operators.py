"""With accounts, operators sign in to the Dagster UI: real nginx and real Caddy ask the
real routes of the app before they let anybody there."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dashboard import backend, server
from lectern.accounts.people import Role
from lectern.settings import Proxy, Settings
from pipelines.proxying import ProxyKind, proxy_configuration
from resources.accounts import Browser
from tests.support.accounts import add_person, cookie_of, with_accounts
from tests.support.product import free_port
from tests.support.proxies import FrontServer, in_front, program_of

NAME = "lectern.example.org"
DAGSTER_NAME = "dagster.example.org"
PAGE = {"accept": "text/html,application/xhtml+xml"}

installed = [
    pytest.param(
        kind,
        marks=pytest.mark.skipif(program_of(kind) is None, reason=f"no {kind}"),
    )
    for kind in ProxyKind
]


async def _tell(request: Request) -> JSONResponse:
    return JSONResponse({"path": request.url.path, "headers": dict(request.headers)})


@contextmanager
def serving(app: Starlette) -> Iterator[int]:
    """Serve until the block ends; yield the port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve([listening])))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        running.should_exit = running.force_exit = True
        thread.join(30)
        listening.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[backend.Backend]:
    """Put an installation in force where everybody signs in."""
    settings = with_accounts(
        Settings(
            _env_file=None,
            data_dir=tmp_path_factory.mktemp("app") / "data",
            disk_reserve_bytes=0,
            trusted_hosts=(NAME,),
            dagster_port=free_port(),
        ),
        sign_up="open",
    )
    proxy = Proxy(dagster_name=DAGSTER_NAME)
    opened = backend.open_backend(settings.model_copy(update={"proxy": proxy}))
    backend.install(opened)
    yield opened
    backend.install(None)
    opened.orchestrator.close()
    opened.services.close()


@pytest.fixture(scope="module", params=installed)
def front(
    request: pytest.FixtureRequest, here: backend.Backend, tmp_path_factory: object
) -> Iterator[FrontServer]:
    """Run each web server in front of the app and of what stands for the Dagster UI."""
    folder: Path = tmp_path_factory.mktemp("front")  # type: ignore[attr-defined]
    routes = Starlette(routes=server.ROUTES, middleware=server.MIDDLEWARE)
    telling = Starlette(routes=[Route("/{path:path}", _tell, methods=["GET", "POST"])])
    with serving(routes) as app, serving(telling) as dagster:
        proxy = Proxy(
            http_port=free_port(),
            https_port=free_port(),
            app_address=f"127.0.0.1:{app}",
            dagster_address=f"127.0.0.1:{dagster}",
            dagster_name=DAGSTER_NAME,
            access_log=str(folder / "access.log"),
        )
        settings = here.settings.model_copy(update={"proxy": proxy})
        with in_front(request.param, settings, folder / "run") as running:
            yield running


@pytest.fixture(scope="module")
def people(here: backend.Backend) -> dict[str, dict[str, str]]:
    """Return the cookies of an operator and of a usual person."""
    return {
        role: cookie_of(here.services, add_person(here.services, role, role=Role(role)))
        for role in ("operator", "user")
    }


def test_an_operator_who_signed_in_reaches_the_dagster_ui(front, people):
    with front.client(DAGSTER_NAME) as client:
        client.cookies.update(people["operator"])
        page = client.get("/runs?status=failed", headers=PAGE)
        posted = client.post("/graphql", content=b"{}" * 1000)

    assert (page.status_code, posted.status_code) == (200, 200)
    reached = posted.json()
    assert reached["path"] == "/graphql"
    assert reached["headers"]["content-length"] == "2000"
    assert not {"cookie", "authorization", "x-original-uri"} & reached["headers"].keys()


def test_whoever_is_not_signed_in_is_led_to_the_sign_in_under_that_name(front):
    with front.client(DAGSTER_NAME) as client:
        page = client.get("/runs/abc?x=1&y=2", headers=PAGE)
        sign_in = client.get(page.headers["location"], headers=PAGE)
        call = client.post("/graphql", content=b"{}")

    assert page.status_code == 303
    assert page.headers["location"] == "/sign-in?next=%2Fruns%2Fabc%3Fx%3D1%26y%3D2"
    assert sign_in.status_code == 200
    assert "Password" in sign_in.text
    assert call.status_code == 401
    assert call.json()["code"] == "signed_out"


def test_who_is_no_operator_is_told_so(front, people):
    with front.client(DAGSTER_NAME) as client:
        client.cookies.update(people["user"])
        page = client.get("/runs", headers=PAGE)
        call = client.post("/graphql", content=b"{}")
        forged = client.get(
            "/runs", headers={"x-original-uri": "/", "remote-user": "operator"}
        )

    assert page.status_code == call.status_code == forged.status_code == 403
    assert "For operators" in page.text
    assert 'action="/sign-out"' in page.text
    assert "Sign in as somebody else</button>" in page.text


def test_a_session_that_ended_opens_nothing(front, here):
    person = add_person(here.services, f"left-{front.kind}", role=Role.OPERATOR)
    with front.client(DAGSTER_NAME) as client:
        client.cookies.update(cookie_of(here.services, person))
        before = client.get("/runs").status_code
        here.services.sessions.end_all(person.principal)
        after = client.get("/runs").status_code

    assert (before, after) == (200, 401)


def test_another_site_cannot_have_a_signed_in_browser_act(front, people):
    with front.client(DAGSTER_NAME) as client:
        client.cookies.update(people["operator"])
        own = client.post("/graphql", headers={"origin": f"http://{DAGSTER_NAME}"})
        theirs = client.post("/graphql", headers={"origin": "https://evil.example"})

    assert (own.status_code, theirs.status_code) == (200, 403)


def test_nothing_else_of_the_app_is_there_and_nobody_asks_for_the_check(front, people):
    with front.client(DAGSTER_NAME) as client:
        client.cookies.update(people["operator"])
        other = client.get("/api/voices")
        check = client.get("/.lectern/operator")

    assert other.json()["path"] == "/api/voices"  # asked of the Dagster UI
    if front.kind is ProxyKind.NGINX:
        assert check.status_code == 404


def test_the_app_is_open_to_whoever_signs_in_without_another_password(front, people):
    with front.client(NAME) as client:
        page = client.get("/", headers=PAGE)
        sign_in = client.get("/sign-in", headers=PAGE)
        client.cookies.update(people["user"])
        voices = client.get("/api/voices")

    assert page.headers["location"].startswith("/sign-in")
    assert (sign_in.status_code, voices.status_code) == (200, 200)


def test_who_tries_too_often_is_told_when_to_come_back_by_the_app(front, here):
    tried = {"email": f"nobody-{front.kind}@example.org", "password": "wrong one"}
    with front.client(NAME, from_address="192.0.2.40") as client:
        client.headers["x-forwarded-for"] = "198.51.100.7"
        answers = [client.post("/sign-in", data=tried) for _ in range(6)]

    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 60
    assert {answer.status_code for answer in answers[:-1]} == {401}


def test_a_session_is_of_the_address_that_the_web_server_saw(front, here):
    email, password = f"seen-{front.kind}@example.org", "a lamp beside the harbour"
    here.services.accounts().sign_up(
        email, password, name="", browser=Browser(), guest=None
    )
    with front.client(DAGSTER_NAME, from_address="192.0.2.41") as client:
        client.headers["x-forwarded-for"] = "198.51.100.7"
        client.headers["x-real-ip"] = "198.51.100.7"
        client.post("/sign-in", data={"email": email, "password": password})
    person = here.services.people.by_email(email)
    [session] = here.services.sessions.list(person.principal)

    truly = "192.0.2.41" if front.kind is ProxyKind.NGINX else "127.0.0.1"
    assert session.address == truly


def test_without_accounts_the_check_is_not_there(here):
    single = backend.Backend(
        here.settings.model_copy(
            update={
                "accounts": here.settings.accounts.model_copy(update={"mode": "single"})
            }
        ),
        here.services,
        here.orchestrator,
    )
    routes = Starlette(routes=server.ROUTES, middleware=server.MIDDLEWARE)
    backend.install(single)
    try:
        with serving(routes) as port:
            answer = httpx.get(f"http://127.0.0.1:{port}/operator")
    finally:
        backend.install(here)

    assert answer.status_code == 404


def test_the_dagster_ui_is_never_open_to_everybody():
    with pytest.raises(ValidationError, match="OPERATORS_FILE"):
        Settings(_env_file=None, proxy=Proxy(dagster_name=DAGSTER_NAME))

    by_file = Proxy(dagster_name=DAGSTER_NAME, operators_file="/etc/operators")
    settings = with_accounts(
        Settings(_env_file=None, trusted_hosts=(NAME,), proxy=by_file)
    )
    written = proxy_configuration(settings, ProxyKind.NGINX)
    assert "auth_basic_user_file /etc/operators" in written
    assert "auth_request" not in written
