"""Sessions: what a browser shows to be let in again after somebody signed in.

The browser keeps 256 random bits in a cookie; we keep their digest. Nobody can
read a cookie out of a database or a backup, and a session ends when its row goes.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lectern.accounts.people import Person
from lectern.ids import OwnerId, digest

SECRET_BYTES = 32
DEVICE_CHARS = 200

SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


class Method(StrEnum):
    """How somebody signed in; the value is stored."""

    PASSWORD = "password"  # noqa: S105  (a name)
    LINK = "link"  # one that an operator made, or that came by mail
    GUEST = "guest"
    OIDC = "oidc"
    PROXY = "proxy"  # the web server in front said who it is


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lasts."""

    idle: timedelta  # without any request
    whole: timedelta  # at most


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which somebody is signed in. Its secret is not among it."""

    id: str
    owner_id: OwnerId
    method: Method
    device: str  # what the browser said of itself
    address: str  # from which network address it was begun
    created_at: datetime
    seen_at: datetime  # exact to a minute
    expires_at: datetime  # at the latest


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who was let in, and by which session."""

    person: Person
    session: Session


def new_secret() -> str:
    """Return a new session's text, which the browser alone keeps."""
    return secrets.token_urlsafe(SECRET_BYTES)


def secret_digest(secret: str) -> str | None:
    """Return the digest a session is found by; None for what cannot be one."""
    return digest("session", secret) if SHAPE.fullmatch(secret) else None
