"""Web addresses: which ones may be fetched, and by what name their page is kept.

A server that fetches what strangers name can be sent to its own neighbours
(server-side request forgery, OWASP ASVS 5.0 §15.3). So an address is plain HTTP or
HTTPS to a named host, and every network address that name stands for must be public.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from lectern.errors import InvalidRequest

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

ADDRESS_CHARS = 2000
"""Longer addresses are refused by many servers, and hold data rather than a place."""
PORTS = {"http": 80, "https": 443}
NAT64 = IPv6Network("64:ff9b::/96")
"""Holds an IPv4 address in its last 32 bits (RFC 6052)."""
COMPATIBLE = IPv6Network("::/96")
"""Held one there too, before mapped addresses (RFC 4291, deprecated)."""
NAME_CHARS = 120
LOOKS_LIKE_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
SAFE = "/%:@!$&'()*+,;=~-._"
"""Characters of an address that stay as they are; what is not ASCII is encoded."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An HTTP or HTTPS address, with its host in lower-case ASCII."""

    scheme: str
    host: str  # a name, or an IP address without brackets
    port: int
    target: str  # path and query, percent-encoded

    @property
    def authority(self) -> str:
        """Return host and port as the header ``Host`` carries them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def at(self, address: IpAddress) -> str:
        """Return the same place on the server with this network address."""
        host = f"[{address}]" if address.version == 6 else str(address)
        return f"{self.scheme}://{host}:{self.port}{self.target}"

    def leads_to(self, location: str) -> "WebAddress":
        """Return where a redirect leads from here.

        Raises:
            InvalidRequest: Not to a place that may be fetched.
        """
        return parse_address(urljoin(str(self), location.strip()))

    @property
    def name(self) -> str:
        """Return a file name for what lies there: host and last part of the path."""
        path = unquote(self.target.partition("?")[0]).rstrip("/")
        last = path.rpartition("/")[2]
        name = f"{self.host.removeprefix('www.')} {last}".strip()
        return re.sub(r"[\x00-\x1f\x7f/\\]+", " ", name)[:NAME_CHARS]


def looks_like_address(text: str) -> bool:
    """Whether a text is one web address and nothing else."""
    text = text.strip()
    return len(text) <= ADDRESS_CHARS and bool(LOOKS_LIKE_ADDRESS.fullmatch(text))


def parse_address(text: str) -> WebAddress:
    """Return a typed address; ``https`` is understood where no scheme stands.

    Raises:
        InvalidRequest: It is no address, or of a kind that is never fetched.
    """
    text = text.strip()
    if not text or len(text) > ADDRESS_CHARS or UNSAFE.search(text):
        raise _no_address()
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _no_address() from error
    scheme = parts.scheme.lower()
    if scheme not in PORTS:
        raise InvalidRequest(
            f"Addresses that begin with {scheme}: are not fetched. Give one that "
            "begins with https:// or http://."
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest(
            "This address holds a name or a password. Leave them out; only pages "
            "that everybody can see are fetched."
        )
    return WebAddress(
        scheme, _host(parts.hostname or ""), port or PORTS[scheme], _target(parts)
    )


def is_allowed(address: IpAddress, allowed: Sequence[IpNetwork] = ()) -> bool:
    """Whether a network address may be connected to.

    Public ones may, and those of the networks that the operator allows. What holds
    an IPv4 address inside an IPv6 one is judged by that.
    """
    if any(address in network for network in allowed):
        return True
    inner = _embedded(address)
    if inner is not None:
        return is_allowed(inner, allowed)
    return address.is_global and not address.is_multicast


def _embedded(address: IpAddress) -> IpAddress | None:
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in NAT64 or address in COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _host(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        ascii_host = host.rstrip(".").encode("idna").decode().lower()
    except UnicodeError as error:
        raise _no_address() from error
    # Digits alone, octal or hexadecimal: some resolvers take them for IP addresses.
    labels = ascii_host.split(".")
    is_number = labels[-1].isdigit() or labels[-1].startswith("0x")
    if is_number or not all(LABEL.fullmatch(label) for label in labels):
        raise _no_address()
    return ascii_host


def _target(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=SAFE)
    query = quote(parts.query, safe=f"{SAFE}?")
    return f"{path}?{query}" if query else path


def _no_address() -> InvalidRequest:
    return InvalidRequest(
        "This is no web address. Give one like https://example.org/article."
    )
