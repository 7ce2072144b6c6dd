"""Links that are opened once: whoever has one is let in by it.

    https://lectern.example.org/welcome?key=43 characters of base64url: 256 random bits

Only the digest is kept. The key stands behind the ``?``, as web servers log paths.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lectern.accounts.people import Role
from lectern.ids import OwnerId, digest

SECRET_BYTES = 32
SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")
PATH = "/welcome"


class LinkKind(StrEnum):
    """What a link is for; the value is stored."""

    INVITATION = "invitation"  # of an operator, to somebody who is not there yet
    CONFIRMATION = "confirmation"  # sent to who wants to sign up
    RESET = "reset"  # to choose a new password


@dataclass(frozen=True, slots=True)
class PersonLink:
    """A link that has not been used. Its secret is not among it."""

    id: str
    kind: LinkKind
    owner_id: OwnerId | None  # whose it is; None for who is not there yet
    email: str | None  # for whom alone; None for whoever has it
    role: Role  # which they will have
    made_by: OwnerId
    created_at: datetime
    expires_at: datetime


def new_secret() -> str:
    """Return a new link's key: told once, and kept nowhere."""
    return secrets.token_urlsafe(SECRET_BYTES)


def secret_digest(secret: str) -> str | None:
    """Return the digest a link is found by; None for what cannot be one."""
    return digest("person link", secret) if SHAPE.fullmatch(secret) else None


def address_of(secret: str, public_address: str) -> str:
    """Return the link as it is sent."""
    return f"{public_address}{PATH}?key={secret}"
