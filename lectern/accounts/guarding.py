"""Whether somebody stands at the door.

Without accounts everybody who reaches the app is its one person. So either it is
reached from its own machine alone, or a web server in front knows whom to let in.
"""

from typing import TYPE_CHECKING

from lectern.accounts.settings import is_loopback
from lectern.errors import InvalidRequest

if TYPE_CHECKING:
    from lectern.settings import Proxy, Settings

ONLY_HERE = (
    "Without sign-in Lectern serves only its own machine, as everybody who reaches it "
    "could read and delete everything. To serve others, have everybody sign in "
    "(LECTERN_ACCOUNTS__MODE=multi, see docs/accounts.md), or let a web server in "
    "front ask for passwords (LECTERN_PROXY__PEOPLE_FILE)."
)


def is_guarded(settings: "Settings") -> bool:
    """Whether whoever comes over the network is known to somebody."""
    return not settings.accounts.is_single or lets_only_some_in(settings.proxy)


def lets_only_some_in(proxy: "Proxy") -> bool:
    """Whether the web server in front asks for a password, or knows some networks."""
    networks = proxy.people_networks
    are_some = bool(networks) and all(network.prefixlen > 0 for network in networks)
    return proxy.people_file is not None or are_some


def require_guard(settings: "Settings") -> None:
    """Refuse to listen beyond this machine while nobody is asked who they are.

    Raises:
        InvalidRequest: It would; the message says what to set.
    """
    if not (is_loopback(settings.host) or is_guarded(settings)):
        raise InvalidRequest(f"LECTERN_HOST is {settings.host}. {ONLY_HERE}")
