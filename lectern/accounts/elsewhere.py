"""People whom somebody else knows: a provider of OpenID Connect, or a web server.

Who they are there is an issuer and a subject, and nothing else: an e-mail address can
change hands, so it finds nobody.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

PROXY_ISSUER = "proxy"
"""Issuer of those whom the web server in front names."""

SUBJECT_CHARS = 256

ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]


class Elsewhere(BaseModel):
    """Whom of those that are known elsewhere is let in, and as what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    new_people: bool = True
    """Whether somebody who has no account here gets one at their first sign-in."""
    groups: tuple[str, ...] = ()
    """Groups of which somebody must be in one; empty lets everybody in."""
    operator_groups: tuple[str, ...] = ()
    """Groups whose people are operators here, from one sign-in to the next; empty
    leaves roles to operators."""


class OidcProvider(Elsewhere):
    """A provider of OpenID Connect (Keycloak, Authentik, Google, Microsoft, …)."""

    issuer: str = Field(pattern=r"^https?://\S+[^/\s]$")
    """Its address as it names itself, without a slash at the end; what else is needed
    is asked of it (`/.well-known/openid-configuration`)."""
    client_id: str
    """Lectern's name there. Its redirect address is
    `<public address>/sign-in/with/<name>/back`."""
    client_secret: SecretStr | None = None
    """The secret it gave; never logged. Unset is for a public client."""
    title: str = Field(default="", max_length=40)
    """What people know it by, on the button; unset is its name."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    """What is asked for."""
    groups_claim: str = "groups"
    """Claim that lists somebody's groups."""


class ProxySignIn(Elsewhere):
    """A web server in front that signs people in and says who they are."""

    secret: SecretStr = Field(min_length=16)
    """Text that only it knows; never logged. What comes without it is not believed."""
    secret_header: HeaderName = "X-Lectern-Proxy"  # noqa: S105  (a name)
    """Header in which it sends the secret."""
    user_header: HeaderName = "X-Forwarded-User"
    """Header that names the person, for ever in the same way."""
    email_header: HeaderName = "X-Forwarded-Email"
    """Header with their e-mail address, if there is one."""
    name_header: HeaderName = "X-Forwarded-Preferred-Username"
    """Header with what they are called, if there is one."""
    groups_header: HeaderName = "X-Forwarded-Groups"
    """Header with their groups, by commas, if there is one."""


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody as they are known elsewhere, at this moment."""

    issuer: str
    subject: str
    email: str | None = None  # confirmed by who says so
    name: str = ""
    groups: frozenset[str] = frozenset()

    def is_wanted(self, rules: Elsewhere) -> bool:
        """Whether they are in a group that is let in."""
        return not rules.groups or bool(self.groups & set(rules.groups))

    def is_operator(self, rules: Elsewhere) -> bool:
        """Whether they are in a group of operators."""
        return bool(self.groups & set(rules.operator_groups))
