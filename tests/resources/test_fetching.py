"""Pages from the web: fetched from outside, and never from inside."""

import io
import socket
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address

import pytest

from lectern.errors import FileTooLarge, InvalidRequest, PageUnreachable
from lectern.settings import Limits, Settings, Web
from resources.fetching import Fetched, Fetcher
from tests.support.web_server import PAGE, WebServer, web_server

LOOPBACK = (IPv4Network("127.0.0.0/8"),)


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


def fetcher(*, hosts: dict[str, str] | None = None, limits=None, **web) -> Fetcher:
    """Return a fetcher that knows these hosts, and may reach loopback."""
    known = {"harbour.example": "127.0.0.1"} | (hosts or {})

    def resolve(host: str, port: int) -> list:
        return [ip_address(each) for each in known.get(host, "").split()]

    settings = Settings(
        _env_file=None,
        web=Web(**({"networks": LOOPBACK} | web)),
        limits=limits or Limits(),
    )
    return Fetcher(settings, resolve)


def fetched(fetch: Fetcher, address: str) -> tuple[Fetched, bytes]:
    file = io.BytesIO()
    return fetch.fetch(address, file), file.getvalue()


def test_a_page_is_fetched_under_its_own_name(server):
    about, body = fetched(
        fetcher(), f"http://harbour.example:{server.port}/page/winter"
    )

    assert body == PAGE.encode()
    assert about.size_bytes == len(body)
    assert about.name == "harbour.example winter.html"
    assert server.seen[-1]["host"] == f"harbour.example:{server.port}"
    assert not {"cookie", "authorization"} & {name.lower() for name in server.seen[-1]}


def test_redirects_are_followed(server):
    about, body = fetched(fetcher(), f"http://harbour.example:{server.port}/to/|page|1")

    assert str(about.address).endswith("/page/1")
    assert body == PAGE.encode()


def test_a_circle_of_redirects_ends(server):
    with pytest.raises(InvalidRequest, match="from one place to the next"):
        fetched(fetcher(), f"http://harbour.example:{server.port}/round")


@pytest.mark.parametrize(
    "inside",
    ["10.0.0.1", "169.254.169.254", "::1", "::ffff:192.168.0.1", "8.8.8.8 10.0.0.1"],
)
def test_a_name_that_stands_for_an_inner_address_is_never_connected_to(
    server, monkeypatch, inside
):
    monkeypatch.setattr(socket, "create_connection", _no_connection)

    with pytest.raises(InvalidRequest, match="private network"):
        fetched(fetcher(hosts={"inside.example": inside}), "http://inside.example/")


def _no_connection(*_: object, **__: object) -> None:
    raise AssertionError("a connection was made")


@pytest.mark.parametrize(
    "inside", ["http://127.0.0.1", "http://[::1]", "http://localhost.example"]
)
def test_without_an_allowed_network_this_machine_is_inside_too(server, inside):
    closed = fetcher(hosts={"localhost.example": "127.0.0.1"}, networks=())

    with pytest.raises(InvalidRequest, match="LECTERN_WEB__NETWORKS"):
        fetched(closed, f"{inside}:{server.port}/page")


@pytest.mark.parametrize(
    "location",
    [
        "http:||10.0.0.1|",
        "http:||inside.example|",
        "||inside.example|",
        "file:|||etc|x",
    ],
)
def test_a_redirect_leads_nobody_inside(server, location):
    fetch = fetcher(hosts={"inside.example": "10.0.0.1"})

    with pytest.raises((InvalidRequest, PageUnreachable)):
        fetched(fetch, f"http://harbour.example:{server.port}/to/{location}")


def test_a_second_look_up_changes_nothing(server):
    """DNS rebinding: the name leads elsewhere as soon as it was judged."""
    answers = iter(["127.0.0.1", "10.0.0.1"])
    fetch = Fetcher(
        Settings(_env_file=None, web=Web(networks=LOOPBACK)),
        lambda _host, _port: [ip_address(next(answers))],
    )

    _, body = fetched(fetch, f"http://rebinding.example:{server.port}/page")

    assert body == PAGE.encode()
    assert next(answers) == "10.0.0.1"  # nobody asked again


def test_the_next_address_of_a_host_is_tried(server):
    fetch = fetcher(hosts={"two.example": "127.0.0.9 127.0.0.1"})

    _, body = fetched(fetch, f"http://two.example:{server.port}/page")

    assert body == PAGE.encode()


def test_no_more_is_taken_than_an_upload_may_have(server):
    fetch = fetcher(limits=Limits(upload_bytes=100_000))
    file = io.BytesIO()

    with pytest.raises(FileTooLarge, match="100 kB"):
        fetch.fetch(f"http://harbour.example:{server.port}/endless", file)

    assert len(file.getvalue()) <= 100_000


def test_a_server_that_drips_is_cut_off(server):
    with pytest.raises(PageUnreachable, match="too long"):
        fetched(fetcher(seconds=0.5), f"http://harbour.example:{server.port}/drip")


@pytest.mark.parametrize(
    ("path", "said"),
    [("missing", "answered 404"), ("short", "broke off"), ("empty", "empty page")],
)
def test_what_did_not_come_is_said(server, path, said):
    with pytest.raises(PageUnreachable, match=said):
        fetched(fetcher(), f"http://harbour.example:{server.port}/{path}")


def test_an_unknown_host_and_a_closed_port_are_said(server):
    with pytest.raises(PageUnreachable, match="no server nowhere"):
        fetched(fetcher(), "http://nowhere.example/")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(PageUnreachable, match="could not be reached"):
        fetched(fetcher(), f"http://harbour.example:{port}/")


def test_an_operator_can_turn_it_off(server):
    with pytest.raises(InvalidRequest, match="not fetched here"):
        fetched(fetcher(enabled=False), f"http://harbour.example:{server.port}/page")
