"""The settings of accounts: who may come in, and for how long."""

import ipaddress
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lectern.accounts.elsewhere import OidcProvider, ProviderName, ProxySignIn
from lectern.accounts.sessions import Lifetime


class Accounts(BaseModel):
    """Who may come in, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["single", "multi"] = "single"
    """`single`: one person, no sign-in, and only this machine is served. `multi`:
    everybody signs in."""
    sign_up: Literal["open", "invited", "closed"] = "invited"
    """Who may make an account: anybody, whoever an operator invites, or nobody."""
    guests: bool = False
    """Whether one may come in as a guest, without an e-mail address."""
    guest_days: int = Field(7, ge=1, le=365)
    """Days after which a guest ends who has not signed up, with all they put in."""
    idle_hours: float = Field(12.0, gt=0)
    """Hours without a request after which a session ends."""
    session_days: float = Field(30.0, gt=0)
    """Days after which it ends in any case."""
    invitation_days: float = Field(7.0, gt=0)
    """Days in which an invitation can be accepted."""
    reset_hours: float = Field(2.0, gt=0)
    """Hours in which a link for a new password can be opened."""
    mail: bool = False
    """Write to people, by the mail server of `LECTERN_NOTICES__SMTP_HOST`: who signs up
    confirms their address, and a forgotten password is mended without an operator."""
    public_address: str = ""
    """Where people reach the app, `https://lectern.example.org`, as links in mails
    begin; unset is the first of `LECTERN_TRUSTED_HOSTS`, else `host` and `port`."""

    passwords: bool = True
    """Whether people come in by e-mail address and password; off leaves providers, or
    the web server in front."""
    oidc: dict[ProviderName, OidcProvider] = Field(default_factory=dict)
    """Providers of OpenID Connect by a name of yours,
    `{"work": {"issuer": "https://id.example.org", "client_id": "lectern"}}`; needs the
    extra `oidc`."""
    proxy: ProxySignIn | None = None
    """A web server in front that signs people in; unset is without."""

    @field_validator("public_address")
    @classmethod
    def _refuse_halves(cls, address: str) -> str:
        if address and not address.startswith(("http://", "https://")):
            raise ValueError("Write it as https://lectern.example.org.")
        return address.rstrip("/")

    @property
    def is_single(self) -> bool:
        """Whether there is one person, who does not sign in."""
        return self.mode == "single"

    @property
    def lifetime(self) -> Lifetime:
        """Return how long sessions last."""
        return Lifetime(
            idle=timedelta(hours=self.idle_hours),
            whole=timedelta(days=self.session_days),
        )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, seen from itself alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
