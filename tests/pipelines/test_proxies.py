"""Real nginx and real Caddy, with the configuration that is made from the settings, in
front of the real web app; and of a server that tells what reached it."""

import asyncio
import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from lectern.errors import InvalidRequest
from lectern.settings import PIECE_BYTES, Proxy, Settings
from pipelines.proxying import ProxyKind, caps, proxy_configuration
from tests.support.product import free_port
from tests.support.proxies import (
    CLIENT_HEADER,
    FrontServer,
    in_front,
    program_of,
    running_app,
)

NAME = "lectern.example.org"
DAGSTER_NAME = "dagster.example.org"
FORGED = {
    "x-forwarded-for": "198.51.100.7",
    "x-real-ip": "198.51.100.7",
    "forwarded": "for=198.51.100.7",
    "remote-user": "root",
    "x-forwarded-user": "root",
    "x-auth-request-email": "root@example.org",
}
PASSWORD = ("operator", "correct horse")
BURST = 25

installed = [
    pytest.param(
        kind,
        marks=pytest.mark.skipif(program_of(kind) is None, reason=f"no {kind}"),
    )
    for kind in ProxyKind
]
needs_nginx = pytest.mark.skipif(program_of(ProxyKind.NGINX) is None, reason="no nginx")


async def _tell(request: Request) -> JSONResponse:
    return JSONResponse({"path": request.url.path, "headers": dict(request.headers)})


async def _greet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture(scope="module")
def telling() -> Iterator[int]:
    """Serve what tells which headers reached it; return the port."""
    routes = [
        WebSocketRoute("/{path:path}", _greet),
        Route("/{path:path}", _tell, methods=["GET", "POST"]),
    ]
    port = free_port()
    config = uvicorn.Config(
        Starlette(routes=routes), port=port, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    yield port
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run the real web app; return the port."""
    port = free_port()
    with running_app(tmp_path_factory.mktemp("app"), port):
        yield port


@pytest.fixture(scope="module", params=installed)
def front(
    request: pytest.FixtureRequest,
    app: int,
    telling: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FrontServer]:
    """Run each web server in front of the app and of what stands for the Dagster UI."""
    folder = tmp_path_factory.mktemp("front")
    with in_front(
        request.param, _settings(request.param, folder, app, telling), folder / "run"
    ) as running:
        yield running


def _settings(
    kind: ProxyKind, folder: Path, app: int, dagster: int, **changes: object
) -> Settings:
    operators = folder / "operators"
    name, password = PASSWORD
    if kind is ProxyKind.CADDY:
        command = [str(program_of(kind)), "hash-password", "--bcrypt-cost", "4"]
        command += ["--plaintext", password]
        hashed = subprocess.run(command, capture_output=True, text=True, check=True)
        operators.write_text(f"{name} {hashed.stdout.strip()}\n")
    else:
        command = ["openssl", "passwd", "-apr1", password]
        hashed = subprocess.run(command, capture_output=True, text=True, check=True)
        operators.write_text(f"{name}:{hashed.stdout.strip()}\n")
    proxy = {
        "http_port": free_port(),
        "https_port": free_port(),
        "app_address": f"127.0.0.1:{app}",
        "dagster_address": f"127.0.0.1:{dagster}",
        "dagster_name": DAGSTER_NAME,
        "operators_file": str(operators),
        "operator_networks": ["127.0.0.0/8", "192.0.2.0/24"],
        "people_networks": ["0.0.0.0/0", "::/0"],
        "access_log": str(folder / "access.log"),
        # One more every second: no machine is so slow that a burst is never over.
        "requests_per_second": 1,
        "burst_requests": BURST,
        "uploads_per_minute": 1,
        "burst_uploads": 3,
        "connections": 50,
    }
    return Settings(
        _env_file=None, trusted_hosts=(NAME,), proxy=Proxy(**(proxy | changes))
    )


def test_the_app_answers_with_its_security_headers_once(front):
    with front.client(NAME, from_address="192.0.2.10") as client:
        answer = client.get("/live")

    assert answer.status_code == 200
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert "frame-ancestors 'none'" in policies[0]
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


def test_a_request_that_is_too_long_is_refused_before_any_of_it_is_sent(front):
    answer = front.spoken(
        [
            "POST /api/bookmarks HTTP/1.1",
            f"Host: {NAME}",
            "Content-Length: 50000000",
            "Connection: close",
        ]
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code": "file_too_large"' in answer


@pytest.mark.parametrize("path", ["/api/texts", "/api/uploads/none"])
def test_paths_that_take_more_than_the_usual_take_it(front, path):
    with front.client(NAME, from_address="192.0.2.11") as client:
        method = "POST" if path == "/api/texts" else "PUT"
        answer = client.request(method, path, content=b"x" * 2_000_000)

    assert answer.status_code not in (413, 502, 503)


def test_an_upload_passes_in_pieces_that_are_counted_when_their_length_is_not_said(
    front,
):
    with front.client(NAME, from_address="192.0.2.12") as client:
        upload = _begin(client)
        sent = client.put(
            f"/api/uploads/{upload}",
            content=_chunks(b"words and words " * 65536, times=3),
            headers={"upload-offset": "0"},
        )
        offset = client.head(f"/api/uploads/{upload}").headers["upload-offset"]

    assert sent.status_code == 200
    assert int(offset) == 3 * 1024**2


def test_a_piece_without_a_length_is_cut_off_at_the_cap(front):
    with front.client(NAME, from_address="192.0.2.13") as client:
        upload = _begin(client)
        try:
            answer = client.put(
                f"/api/uploads/{upload}",
                content=_chunks(b"words and words " * 65536, times=40),
                headers={"upload-offset": "0"},
            )
            assert answer.status_code in (413, 422)
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            pass  # cut off while we were still sending
        kept = int(client.head(f"/api/uploads/{upload}").headers["upload-offset"])

    assert kept <= PIECE_BYTES


@needs_nginx
def test_a_long_request_of_no_stated_length_leaves_no_file_behind(front):
    if front.kind is not ProxyKind.NGINX:
        pytest.skip("Caddy gathers no bodies")
    with front.client(NAME, from_address="192.0.2.14") as client:
        try:
            answer = client.post(
                "/api/bookmarks", content=_chunks(b"x" * 65536, times=100)
            )
            assert answer.status_code == 413
        except (httpx.WriteError, httpx.ReadError):
            pass

    assert not [path for path in (front.folder / "bodies").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "//metrics",
        "/%6detrics",
        "/health/deep",
        "/x/../health/deep",
        "/_stcore/metrics",
        "/_stcore/upload_file/s/f",
    ],
)
def test_what_is_for_this_installation_alone_is_not_found(front, path):
    answer = front.spoken(
        [f"GET {path} HTTP/1.1", f"Host: {NAME}", "Connection: close"]
    )

    assert answer.startswith(b"HTTP/1.1 404 ")


def test_the_websocket_of_the_pages_passes(front):
    answer = front.spoken(_handshake(NAME, "/_stcore/stream"))

    assert answer.startswith(b"HTTP/1.1 101 ")


def test_operators_reach_the_dagster_ui_with_their_password_and_nobody_else(front):
    with front.client(DAGSTER_NAME, from_address="192.0.2.20") as client:
        nobody = client.get("/runs")
        wrong = client.get("/runs", auth=("operator", "wrong"))
        operator = client.get("/runs", auth=PASSWORD)

    assert nobody.status_code == wrong.status_code == 401
    assert "www-authenticate" in nobody.headers
    assert operator.status_code == 200
    assert operator.json()["path"] == "/runs"
    assert "authorization" not in operator.json()["headers"]


def test_another_site_cannot_have_an_operators_browser_act(front):
    with front.client(DAGSTER_NAME, from_address="192.0.2.21") as client:
        own = f"http://{DAGSTER_NAME}"
        ours = client.post("/graphql", auth=PASSWORD, headers={"origin": own})
        theirs = client.post(
            "/graphql", auth=PASSWORD, headers={"origin": "https://evil.example"}
        )
    shake = _handshake(DAGSTER_NAME, "/graphql", origin="https://evil.example")

    assert ours.status_code == 200
    assert theirs.status_code == 403
    assert front.spoken(shake).startswith(b"HTTP/1.1 403 ")


def test_the_websocket_of_the_dagster_ui_passes(front):
    shake = _handshake(DAGSTER_NAME, "/graphql", origin=f"http://{DAGSTER_NAME}")

    assert front.spoken(shake).startswith(b"HTTP/1.1 101 ")


def test_nobody_outside_says_where_a_request_comes_from_or_whose_it_is(front):
    with front.client(DAGSTER_NAME, from_address="192.0.2.22") as client:
        reached = client.get("/", auth=PASSWORD, headers=FORGED).json()["headers"]

    truly = "192.0.2.22" if front.kind is ProxyKind.NGINX else "127.0.0.1"
    assert reached["x-forwarded-for"] == reached["x-real-ip"] == truly
    assert reached["x-forwarded-proto"] == "http"
    assert not set(FORGED) - {"x-forwarded-for", "x-real-ip"} & set(reached)


def test_an_app_that_is_away_is_told_of_in_words(telling, tmp_path, front):
    settings = _settings(front.kind, tmp_path, free_port(), telling)
    with (
        in_front(front.kind, settings, tmp_path / "run") as alone,
        alone.client(NAME) as client,
    ):
        answer = client.get("/")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["code"] == "starting"


def test_without_a_name_for_it_the_dagster_ui_is_offered_to_nobody(
    app, telling, tmp_path, front
):
    settings = _settings(front.kind, tmp_path, app, telling, dagster_name=None)
    with (
        in_front(front.kind, settings, tmp_path / "run") as alone,
        alone.client(DAGSTER_NAME) as client,
    ):
        answer = client.get("/runs", auth=PASSWORD)

    assert "path" not in answer.text  # what stands for Dagster would have told it
    assert answer.status_code == 400 or front.kind is ProxyKind.CADDY


@pytest.fixture(scope="module")
def nginx(
    app: int, telling: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FrontServer]:
    """Run nginx, which counts requests by address."""
    folder = tmp_path_factory.mktemp("nginx")
    settings = _settings(ProxyKind.NGINX, folder, app, telling)
    with in_front(ProxyKind.NGINX, settings, folder / "run") as running:
        yield running


@needs_nginx
def test_an_address_that_asks_too_often_is_told_when_to_come_back(nginx):
    with nginx.client(NAME, from_address="192.0.2.30") as client:
        answers = [client.get("/live") for _ in range(3 * BURST)]
    refused = [answer for answer in answers if answer.status_code == 429]

    assert {answer.status_code for answer in answers[:BURST]} == {200}
    assert refused
    assert refused[0].headers["retry-after"] == "5"
    assert refused[0].json()["code"] == "too_many_requests"


@needs_nginx
def test_one_address_does_not_use_up_the_share_of_another(nginx):
    with nginx.client(NAME, from_address="192.0.2.31") as client:
        busy = [client.get("/live").status_code for _ in range(3 * BURST)]
    with nginx.client(NAME, from_address="192.0.2.32") as client:
        other = client.get("/live").status_code

    assert 429 in busy
    assert other == 200


@needs_nginx
def test_addresses_of_one_ipv6_network_are_one_client(nginx):
    statuses = []
    with nginx.client(NAME) as client:
        for number in range(3 * BURST):
            address = {CLIENT_HEADER: f"2001:db8:0:1::{number:x}"}
            statuses.append(client.get("/live", headers=address).status_code)
    with nginx.client(NAME, from_address="2001:db8:0:2::1") as client:
        elsewhere = client.get("/live").status_code

    assert 429 in statuses
    assert elsewhere == 200


@needs_nginx
def test_files_are_counted_apart_from_requests(nginx):
    with nginx.client(NAME, from_address="192.0.2.33") as client:
        new = {"name": "a.txt", "size_bytes": 10}
        began = [client.post("/api/uploads", json=new).status_code for _ in range(8)]
        after = client.get("/live").status_code

    assert began[:4] == [201] * 4
    assert 429 in began
    assert after == 200


@needs_nginx
def test_operators_from_other_networks_are_refused_whatever_they_know(nginx):
    with nginx.client(DAGSTER_NAME, from_address="203.0.113.9") as client:
        answer = client.get("/runs", auth=PASSWORD)

    assert answer.status_code == 403


def test_with_passwords_nobody_enters_without_and_tokens_pass(
    app, telling, tmp_path, front
):
    operators = str(tmp_path / "operators")
    settings = _settings(front.kind, tmp_path, telling, app, people_file=operators)
    token = {"authorization": "Bearer sesame"}
    with (
        in_front(front.kind, settings, tmp_path / "run") as alone,
        alone.client(NAME) as client,
    ):
        stranger = client.get("/api/voices").status_code
        person = client.get("/api/voices", auth=PASSWORD)
        live = client.get("/live").status_code
        program = client.get("/v1/models", headers=token)
        speech = client.post("/v1/audio/speech", headers=token)

    assert stranger == 401
    assert person.status_code == live == 200
    assert "authorization" not in person.json()["headers"]
    assert program.json()["headers"]["authorization"] == "Bearer sesame"
    assert speech.json()["headers"]["authorization"] == "Bearer sesame"


@needs_nginx
def test_people_from_other_networks_are_refused(app, telling, tmp_path):
    networks = ["10.0.0.0/8"]
    settings = _settings(
        *(ProxyKind.NGINX, tmp_path, app, telling), people_networks=networks
    )
    with in_front(ProxyKind.NGINX, settings, tmp_path / "run") as running:
        with running.client(NAME, from_address="203.0.113.9") as client:
            stranger = client.get("/ready").status_code
        with running.client(NAME, from_address="10.1.2.3") as client:
            known = client.get("/ready").status_code

    assert stranger == 403
    assert known == 200


@needs_nginx
def test_the_log_holds_no_secret_of_an_address(nginx):
    with nginx.client(NAME, from_address="192.0.2.34") as client:
        client.get("/live?token=sesame")
    said = (nginx.folder.parent / "access.log").read_text()

    assert '"GET /live" 200' in said
    assert "sesame" not in said


@needs_nginx
def test_with_a_certificate_plain_http_only_leads_to_https(app, telling, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-days", "1", "-subj", f"/CN={NAME}"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    settings = _settings(
        *(ProxyKind.NGINX, tmp_path, app, telling),
        certificate=str(certificate),
        certificate_key=str(key),
    )
    https = settings.proxy.https_port
    with in_front(ProxyKind.NGINX, settings, tmp_path / "run") as running:
        with running.client(NAME) as client:
            led = client.get("/library?a=1")
        answer = httpx.get(
            f"https://127.0.0.1:{https}/live", headers={"host": NAME}, verify=False
        )

    assert led.status_code == 301
    assert led.headers["location"] == f"https://{NAME}:{https}/library?a=1"
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.browser
@needs_nginx
def test_a_page_loads_through_nginx_with_the_usual_limits(
    app, telling, tmp_path, chromium
):
    usual = Proxy()
    limits = ("requests_per_second", "burst_requests", "connections")
    settings = _settings(
        *(ProxyKind.NGINX, tmp_path, app, telling),
        **{name: getattr(usual, name) for name in limits},
    )
    with in_front(ProxyKind.NGINX, settings, tmp_path / "run") as running:
        page = chromium.new_page()
        statuses: list[int] = []
        page.on("response", lambda response: statuses.append(response.status))
        for _ in range(2):
            page.goto(running.address)
            page.get_by_role("heading", name="Library").first.wait_for(timeout=60_000)
        page.close()

    assert 200 in statuses
    assert not [status for status in statuses if status >= 400]


def test_every_route_of_the_app_that_takes_more_is_let_through():
    """The app's own caps and the proxy's are made of the same numbers."""
    by_name = {cap.name: cap.limit_bytes for cap in caps(Settings(_env_file=None))}

    assert by_name["piece"] == PIECE_BYTES
    assert by_name["clip"] >= Settings(_env_file=None).limits.clip_bytes
    assert by_name["text"] >= 6 * Settings(_env_file=None).limits.text_bytes + 4096


@pytest.mark.parametrize("kind", list(ProxyKind))
def test_without_a_public_name_there_is_nothing_to_make(kind):
    settings = Settings(_env_file=None, proxy=Proxy(people_file="/etc/people"))

    with pytest.raises(InvalidRequest, match="LECTERN_TRUSTED_HOSTS"):
        proxy_configuration(settings, kind)


def test_nothing_is_made_that_would_let_everybody_in_unasked():
    settings = Settings(_env_file=None, trusted_hosts=(NAME,))

    with pytest.raises(InvalidRequest, match="LECTERN_PROXY__PEOPLE"):
        proxy_configuration(settings, ProxyKind.NGINX)


@pytest.mark.parametrize("name", ["a.example; return 200", "a b", "{evil}", "-x"])
def test_a_name_that_is_none_is_refused_and_not_written(name):
    proxy = Proxy(people_file="/etc/people")
    settings = Settings(_env_file=None, trusted_hosts=(name,), proxy=proxy)

    with pytest.raises(InvalidRequest, match="is no host name"):
        proxy_configuration(settings, ProxyKind.NGINX)


@pytest.mark.parametrize(
    "wrong",
    [
        {"certificate": "/etc/cert.pem"},
        {"operators_file": "/etc/x; include /etc/passwd"},
        {"app_address": "app:80; }"},
        {"access_log": "relative.log"},
    ],
)
def test_settings_that_would_open_or_break_the_proxy_are_refused(wrong):
    with pytest.raises(ValueError, match="Proxy"):
        Proxy(**wrong)


def _begin(client: httpx.Client) -> str:
    new = {"name": "long.txt", "size_bytes": 9_000_000}
    answer = client.post("/api/uploads", json=new).raise_for_status()
    return str(json.loads(answer.content)["id"])


def _chunks(chunk: bytes, *, times: int) -> Iterator[bytes]:
    for _ in range(times):
        yield chunk


def _handshake(host: str, path: str, origin: str | None = None) -> list[str]:
    credentials = base64.b64encode(":".join(PASSWORD).encode()).decode()
    return [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Origin: {origin or f'http://{host}'}",
        f"Authorization: Basic {credentials}",
        "X-Test-Client: 192.0.2.40",
    ]
