"""How often one may try to sign in, and who is the same one.

Counted by account, before a password is looked at, so that trying many at once gains
nothing. An address of nobody counts like any other. How fast a network address may ask
is a rate of its own (``RateClass.LOGIN``).
"""

from dataclasses import dataclass
from datetime import timedelta

from lectern.accounts.people import email_key
from lectern.accounts.rates import network_of
from lectern.ids import digest


@dataclass(frozen=True, slots=True)
class Allowed:
    """How often something may be tried within a time."""

    times: int
    within: timedelta


PER_ACCOUNT = Allowed(5, timedelta(minutes=15))
GUESTS_PER_ADDRESS = Allowed(20, timedelta(hours=1))
SIGN_UPS_PER_ADDRESS = Allowed(30, timedelta(hours=1))
MAILS_PER_ACCOUNT = Allowed(3, timedelta(hours=1))


def account_key(what: str, email: str) -> str:
    """Return by what attempts on an account are counted; it names nobody."""
    return digest("attempts", what, "account", email_key(email))


def address_key(what: str, address: str) -> str:
    """Return by what attempts from a network are counted."""
    return digest("attempts", what, "address", network_of(address))
