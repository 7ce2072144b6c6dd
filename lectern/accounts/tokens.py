"""API tokens: what a program shows to act on somebody's behalf.

    lct_ + 43 characters of base64url: 256 random bits

Only the digest is kept, so nobody can read a token out of a database or a backup.
Chance makes a guess hopeless, which is why the digest needs no salt and no slow hash.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lectern.ids import OwnerId, digest

PREFIX = "lct_"
SECRET_BYTES = 32
SHOWN_CHARS = len(PREFIX) + 4
"""What is kept of a token, so that its owner recognises it in a list."""
NAME_CHARS = 80

SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


class Scope(StrEnum):
    """What a token allows; the value is stored."""

    SPEECH = "speech"  # turn text into sound
    VOICES = "voices"  # list voices and models


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One token as its owner sees it. The secret is not among it."""

    id: str
    owner_id: OwnerId
    name: str
    prefix: str  # its first characters
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None  # None: never
    last_used_at: datetime | None  # exact to a minute
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it opens anything at this moment."""
        is_over = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_over


def new_secret() -> str:
    """Return a new token's text: shown once, and kept nowhere."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def secret_digest(secret: str) -> str | None:
    """Return the digest a token is found by; None for what cannot be a token."""
    return digest("api token", secret) if SHAPE.fullmatch(secret) else None
