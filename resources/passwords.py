"""Passwords as they are kept: argon2id, as long to check for nobody as for somebody.

Each check fills 46 MiB for some tens of milliseconds (OWASP's first choice for
argon2id: m=46 MiB, t=1, p=1), so no more run at a time than there are cores.
"""

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from lectern.accounts.passwords import check_password, normalised
from lectern.errors import EngineBusy

MEMORY_KIB = 46 * 1024
PASSES = 1
WAIT_SECONDS = 20.0
"""How long a check waits for its turn."""

_hasher = PasswordHasher(
    time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID
)
_turns = threading.BoundedSemaphore(os.cpu_count() or 1)


def require_good(password: str, *, email: str) -> None:
    """Refuse a weak password.

    Raises:
        WeakPassword: The message says why.
    """
    check_password(password, email=email, is_common=_common().__contains__)


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    with _turn():
        return _hasher.hash(normalised(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether it is this password; without one it takes as long, and is not."""
    against = kept if kept is not None else _nobodys()
    with _turn():
        try:
            _hasher.verify(against, normalised(password))
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether a password should be kept anew, as it was by weaker parameters."""
    return _hasher.check_needs_rehash(kept)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=WAIT_SECONDS):
        raise EngineBusy(
            "Too many people are signing in at this moment. Try again in a moment.",
            retry_after_seconds=WAIT_SECONDS,
        )
    try:
        yield
    finally:
        _turns.release()


@cache
def _nobodys() -> str:
    """Return what is kept of a password that nobody knows."""
    return _hasher.hash(secrets.token_urlsafe(32))


@cache
def _common() -> frozenset[str]:
    """Return the passwords that people take most (30,000 of leaked lists)."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])
