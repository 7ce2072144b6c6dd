"""Who is asking, and the people that an installation knows."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lectern.errors import InvalidRequest
from lectern.ids import OwnerId

EMAIL_CHARS = 254
"""Of an address that mail can be sent to (RFC 5321, 4.5.3.1.3)."""
NAME_CHARS = 80

EMAIL = re.compile(
    r"[^@\s<>()\",;:\\\[\]]+@(?:[^@\s<>()\",;:\\\[\].]+\.)+[^@\s<>()\",;:\\\[\].]{2,}"
)


class Role(StrEnum):
    """What a person may do; the value is stored."""

    GUEST = "guest"  # uses the app for some days, without an e-mail address
    USER = "user"
    OPERATOR = "operator"  # also sees and manages the others


@dataclass(frozen=True, slots=True)
class Principal:
    """The person on whose behalf something is read or changed.

    Two are the same when they own the same; what one may do beyond that is no part
    of who one is.
    """

    owner_id: OwnerId
    role: Role = field(default=Role.USER, compare=False)

    @property
    def is_operator(self) -> bool:
        """Whether it may see and manage other people."""
        return self.role is Role.OPERATOR


LOCAL = Principal(OwnerId("local"), Role.OPERATOR)
"""The one person of a single-user installation."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in, as they and operators see them. No password is among it.

    A guest who signs up stays the same person, with all that is theirs.
    """

    owner_id: OwnerId
    role: Role
    email: str | None  # as they wrote it; None for guests
    name: str
    has_password: bool
    created_at: datetime
    expires_at: datetime | None  # of a guest: when it ends with all it has
    disabled_at: datetime | None  # since when they are kept out
    seen_at: datetime | None  # exact to a minute

    @property
    def principal(self) -> Principal:
        """Return this person as whoever asks."""
        return Principal(self.owner_id, self.role)

    @property
    def shown_name(self) -> str:
        """Return what they are called where others see them."""
        return self.name or self.email or "Guest"

    def is_in(self, now: datetime) -> bool:
        """Whether they may come in at this moment."""
        is_over = self.expires_at is not None and self.expires_at <= now
        return self.disabled_at is None and not is_over


def checked_email(text: str) -> str:
    """Return an e-mail address as it was written, without what surrounds it.

    Raises:
        InvalidRequest: It is none.
    """
    email = unicodedata.normalize("NFC", text.strip())
    if len(email) > EMAIL_CHARS or not EMAIL.fullmatch(email):
        raise InvalidRequest("This is no e-mail address. Write it as name@example.org.")
    return email


def email_key(email: str) -> str:
    """Return by what an address is found: capitals make no other person of it."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()
