"""Pages and files from the web, fetched so that nobody inside can be reached by it.

A name is resolved here, every address it stands for is judged, and the connection is
made to an address that was judged: what a second look-up would say does not matter.
Each redirect is judged anew. No cookie, no credential and no proxy of the environment
goes along.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import BinaryIO

import httpx

from lectern.documents.addresses import (
    IpAddress,
    WebAddress,
    is_allowed,
    parse_address,
)
from lectern.errors import FileTooLarge, InvalidRequest, PageUnreachable
from lectern.settings import Settings
from lectern.units import size
from resources.stores.blobs import translated_os_errors

REDIRECTS = 5
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 15.0
ADDRESSES_TRIED = 3
HEADERS = {
    "user-agent": "Lectern (a person asked for this page to listen to it)",
    "accept": "text/html,application/xhtml+xml,application/pdf,*/*;q=0.8",
    "accept-encoding": "identity",  # a packed page may unpack to anything
}

ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
}

Resolve = Callable[[str, int], Sequence[IpAddress]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched, and from where in the end."""

    address: WebAddress
    size_bytes: int
    content_type: str  # as the server states it, "" where it states none

    @property
    def name(self) -> str:
        """Return a file name; what is stated of a page decides between texts."""
        ending = ENDINGS.get(self.content_type, "")
        name = self.address.name
        return name if name.lower().endswith(ending) else name + ending


def resolve(host: str, port: int) -> list[IpAddress]:
    """Return every network address of a host.

    Raises:
        PageUnreachable: There is no such host.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PageUnreachable(
            f"There is no server {host}. Check the address."
        ) from error
    hosts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return [ip_address(each) for each in hosts]


class Fetcher:
    """Fetches from public servers. Safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        resolve: Resolve = resolve,
        *,
        limit_bytes: int | None = None,
    ) -> None:
        """Fetch no more than ``limit_bytes``, unset is the installation's own limit."""
        self._web = settings.web
        self._limit_bytes = limit_bytes or settings.limits.upload_bytes
        self._resolve = resolve

    def fetch(self, text: str, file: BinaryIO) -> Fetched:
        """Write what lies at an address into a file.

        Raises:
            InvalidRequest: It is no address that may be fetched.
            PageUnreachable: There is no such server or no such page on it, or it
                was silent, too slow or broke off.
            FileTooLarge: It has more bytes than an upload may have.
        """
        if not self._web.enabled:
            raise InvalidRequest(
                "Pages are not fetched here. Save the page as a file and upload that."
            )
        address = parse_address(text)
        deadline = time.monotonic() + self._web.seconds
        for _ in range(REDIRECTS + 1):
            with self._answer(address, deadline) as answer:
                if not answer.has_redirect_location:
                    written = self._write(address, answer, file)
                    stated = answer.headers.get("content-type", "")
                    kind = stated.partition(";")[0].strip().lower()
                    return Fetched(address, written, kind)
                address = address.leads_to(answer.headers["location"])
        raise InvalidRequest(
            f"This address leads from one place to the next, more than {REDIRECTS} "
            "times. Open it in a browser and take the address it ends at."
        )

    @contextmanager
    def _answer(self, address: WebAddress, by: float) -> Iterator[httpx.Response]:
        """Yield the answer of the first of a host's addresses that can be reached.

        Whatever is not through at the deadline is cut off, however steadily it drips.
        """
        places = self._judged(address)
        client = httpx.Client(
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
            headers=HEADERS,
        )
        cut_off = threading.Timer(max(0.0, by - time.monotonic()), client.close)
        cut_off.daemon = True
        cut_off.start()
        try:
            with client, closing(self._first(client, address, places)) as answer:
                yield answer
        except httpx.InvalidURL as error:  # in a redirect
            raise _broken(address) from error
        except (httpx.HTTPError, httpx.StreamError, OSError, RuntimeError) as error:
            is_late = time.monotonic() > by or isinstance(error, httpx.TimeoutException)
            raise (_silent(address) if is_late else _broken(address)) from error
        finally:
            cut_off.cancel()

    def _first(
        self, client: httpx.Client, address: WebAddress, places: Sequence[IpAddress]
    ) -> httpx.Response:
        for place in places:
            request = client.build_request(
                "GET",
                address.at(place),
                headers={"host": address.authority},
                extensions={"sni_hostname": address.host},
            )
            try:
                return client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                reason = error
        raise PageUnreachable(
            f"{address.authority} could not be reached. Check the address, or try "
            "later."
        ) from reason

    def _judged(self, address: WebAddress) -> Sequence[IpAddress]:
        """Return a host's network addresses; one that is private refuses them all."""
        try:
            places: Sequence[IpAddress] = [ip_address(address.host)]
        except ValueError:
            places = self._resolve(address.host, address.port)
        if not places:
            raise PageUnreachable(
                f"There is no server {address.host}. Check the address."
            )
        if all(is_allowed(place, self._web.networks) for place in places):
            return places[:ADDRESSES_TRIED]
        raise InvalidRequest(
            f"{address.host} is in a private network, and pages from there are not "
            "fetched. Save the page as a file and upload that; the operator can allow "
            "a network with LECTERN_WEB__NETWORKS."
        )

    def _write(
        self, address: WebAddress, answer: httpx.Response, file: BinaryIO
    ) -> int:
        if not answer.is_success:
            raise PageUnreachable(
                f"{address.host} answered {answer.status_code} "
                f"({answer.reason_phrase or 'no page'}). Check the address; a page "
                "that needs a login can be saved as a file and uploaded."
            )
        written = 0
        for chunk in answer.iter_bytes():
            written += len(chunk)
            if written > self._limit_bytes:
                raise FileTooLarge(
                    f"This page is longer than {size(self._limit_bytes)}, the "
                    "most that one upload may have.",
                    limit=self._limit_bytes,
                )
            with translated_os_errors():
                file.write(chunk)
        if not written:
            raise PageUnreachable(
                f"{address.host} sent an empty page. Check the address."
            )
        return written


def _no_server(host: str) -> PageUnreachable:
    return PageUnreachable(f"There is no server {host}. Check the address.")


def _broken(address: WebAddress) -> PageUnreachable:
    return PageUnreachable(
        f"The connection to {address.host} broke off. Try again; if it stays so, save "
        "the page as a file and upload that."
    )


def _silent(address: WebAddress) -> PageUnreachable:
    return PageUnreachable(
        f"{address.host} took too long to answer. Try again later, or save the page "
        "as a file and upload that."
    )
