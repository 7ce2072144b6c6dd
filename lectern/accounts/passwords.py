"""What a password must be: long enough, and none that others would try first.

Nothing is asked of its letters, as such rules make worse passwords (NIST SP 800-63B-4,
3.1.1.2; OWASP ASVS 5.0, 6.2).
"""

import unicodedata
from collections.abc import Callable

from lectern.errors import WeakPassword

SHORTEST_CHARS = 8
LONGEST_CHARS = 256
"""Longer ones are refused, and never cut."""

OWN_NAME = "lectern"
LEAST_BESIDE_NAMES_CHARS = 4
"""What must be left of a password without the names that anybody could guess."""


def normalised(password: str) -> str:
    """Return the same password whatever keyboard wrote its accents."""
    return unicodedata.normalize("NFKC", password)


def check_password(
    password: str, *, email: str, is_common: Callable[[str], bool]
) -> None:
    """Refuse a weak password.

    Raises:
        WeakPassword: The message says why.
    """
    chars = len(normalised(password))
    if chars < SHORTEST_CHARS:
        raise WeakPassword(
            f"A password needs at least {SHORTEST_CHARS} characters. A few words that "
            "only you put together are easy to remember."
        )
    if chars > LONGEST_CHARS:
        raise WeakPassword(f"A password may have {LONGEST_CHARS} characters.")
    folded = normalised(password).casefold()
    if is_common(folded) or len(set(folded)) < LEAST_BESIDE_NAMES_CHARS:
        raise WeakPassword(
            "This password is among the first that others would try. Take another."
        )
    rest = folded
    for name in (email.casefold(), email.casefold().partition("@")[0], OWN_NAME):
        rest = rest.replace(name, "") if name else rest
    if len(rest) < LEAST_BESIDE_NAMES_CHARS:
        raise WeakPassword(
            "This password is little more than your address or the name of this app. "
            "Take another."
        )
