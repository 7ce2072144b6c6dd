"""How often one may try to sign in, and who is the same one.

Counted by account and by network address, before a password is looked at, so that
trying many at once gains nothing. An address of nobody counts like any other.
"""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from lectern.accounts.people import email_key
from lectern.ids import digest


@dataclass(frozen=True, slots=True)
class Allowed:
    """How often something may be tried within a time."""

    times: int
    within: timedelta


PER_ACCOUNT = Allowed(5, timedelta(minutes=15))
PER_ADDRESS = Allowed(30, timedelta(minutes=15))
GUESTS_PER_ADDRESS = Allowed(10, timedelta(hours=1))
SIGN_UPS_PER_ADDRESS = Allowed(10, timedelta(hours=1))
MAILS_PER_ACCOUNT = Allowed(3, timedelta(hours=1))


def network_of(address: str) -> str:
    """Return the network that one customer has: a /64 of IPv6, one address of IPv4."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def account_key(what: str, email: str) -> str:
    """Return by what attempts on an account are counted; it names nobody."""
    return digest("attempts", what, "account", email_key(email))


def address_key(what: str, address: str) -> str:
    """Return by what attempts from a network are counted."""
    return digest("attempts", what, "address", network_of(address))
