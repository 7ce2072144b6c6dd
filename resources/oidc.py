"""OpenID Connect: a sign-in at a provider, by the authorization code flow with PKCE.

What the browser carries from one step to the next is a ``Flow``, kept in a cookie of
its own: who changes it spoils only their own sign-in. The provider's word is a token
signed by its keys, for us, for this flow and not for long (OpenID Connect Core 1.0,
section 3.1.3.7).
"""

import logging
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from lectern.accounts.elsewhere import SUBJECT_CHARS, Known, OidcProvider
from lectern.contracts import Contract
from lectern.errors import EngineUnavailable, SignInRefused, SignInUnavailable

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client

logger = logging.getLogger(__name__)

SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"]
"""Ways of signing that are believed: all with a key that only the provider has."""
SECONDS = 10.0
"""For each request to a provider."""
LEEWAY_SECONDS = 60
"""By which the provider's clock may differ."""
KEPT_SECONDS = 3600.0
"""How long what a provider says of itself is not asked again."""
SECRET_BYTES = 32
NO_WORD = (
    "The sign-in there did not work out: what came back is not for this browser, or "
    "too old. Begin again."
)


class Flow(Contract):
    """A sign-in that has begun in one browser."""

    provider: str
    state: str
    nonce: str
    verifier: str
    onward: str
    connects: bool = False  # adds a way in to who is signed in already


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself (OpenID Connect Discovery 1.0)."""

    authorization: str
    token: str
    userinfo: str | None
    keys: dict[str, Any]
    auth_methods: tuple[str, ...]
    asked_at: float  # monotonic


class OidcClient:
    """Lectern at one provider. Safe to share between threads."""

    def __init__(self, name: str, provider: OidcProvider, *, redirect: str) -> None:
        self.name = name
        self.provider = provider
        self._redirect = redirect
        self._metadata: Metadata | None = None
        self._lock = threading.Lock()

    def begin(self, onward: str, *, connects: bool = False) -> tuple[str, Flow]:
        """Return where the browser goes, and what it carries until it is back.

        Raises:
            SignInUnavailable: The provider does not answer.
            EngineUnavailable: The extra ``oidc`` is not installed.
        """
        flow = Flow(
            provider=self.name,
            state=secrets.token_urlsafe(SECRET_BYTES),
            nonce=secrets.token_urlsafe(SECRET_BYTES),
            verifier=secrets.token_urlsafe(SECRET_BYTES),
            onward=onward,
            connects=connects,
        )
        known = self._known()
        with self._client(known) as client:
            address, _ = client.create_authorization_url(
                known.authorization,
                state=flow.state,
                nonce=flow.nonce,
                code_verifier=flow.verifier,
            )
        return address, flow

    def finish(self, flow: Flow, *, state: str, code: str) -> Known:
        """Return whom the provider says to have signed in.

        Raises:
            SignInRefused: Its word is not for this flow, or not to be believed.
            SignInUnavailable: The provider does not answer.
        """
        is_ours = secrets.compare_digest(flow.state.encode(), state.encode())
        if not is_ours or flow.provider != self.name or not code:
            raise SignInRefused(NO_WORD)
        known = self._known()
        token = self._token(known, flow, code)
        claims = self._claims(token, flow)
        if known.userinfo and self._lacks(claims):
            claims = {**self._userinfo(known, token, claims["sub"]), **claims}
        return self._person(claims)

    def _token(self, known: Metadata, flow: Flow, code: str) -> dict[str, Any]:
        from authlib.common.errors import AuthlibBaseError

        with self._client(known) as client:
            try:
                token: dict[str, Any] = self._asked(
                    lambda: client.fetch_token(
                        known.token, code=code, code_verifier=flow.verifier
                    )
                )
            except AuthlibBaseError as error:
                logger.warning("%s gave no token: %s", self.name, error.error)
                raise SignInRefused(NO_WORD) from error
        return token

    def _claims(self, token: dict[str, Any], flow: Flow) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        try:
            decoded = self._decoded(str(token.get("id_token", "")))
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self.provider.issuer},
                    "aud": {"essential": True, "value": self.provider.client_id},
                },
                params={
                    "nonce": flow.nonce,
                    "client_id": self.provider.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError) as error:
            logger.warning(
                "%s sent a token that is not to be believed: %s",
                self.name,
                getattr(error, "error", type(error).__name__),
            )
            raise SignInRefused(NO_WORD) from error
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise SignInRefused(NO_WORD)
        return dict(claims)

    def _decoded(self, text: str) -> Any:
        """Return a token whose signature is right; changed keys are asked again."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError
        from joserfc.jwk import KeySet

        for is_last in (False, True):
            keys: Any = self._known(anew=is_last).keys
            try:
                return jwt.decode(
                    text, KeySet.import_key_set(keys), algorithms=SIGNED_BY
                )
            except (InvalidKeyIdError, JoseError, ValueError):
                if is_last:
                    raise
        raise AssertionError

    def _lacks(self, claims: dict[str, Any]) -> bool:
        rules = self.provider
        wants_groups = bool(rules.groups or rules.operator_groups)
        lacks_groups = wants_groups and rules.groups_claim not in claims
        return "email" not in claims or lacks_groups

    def _userinfo(
        self, known: Metadata, token: dict[str, Any], subject: str
    ) -> dict[str, Any]:
        """Return what else the provider tells; nothing about somebody else."""
        headers = {"authorization": f"Bearer {token.get('access_token', '')}"}
        assert known.userinfo is not None  # noqa: S101  (asked by the caller)
        found = self._json(known.userinfo, headers)
        if found.get("sub") != subject:
            raise SignInRefused(NO_WORD)
        return found

    def _person(self, claims: dict[str, Any]) -> Known:
        if len(claims["sub"]) > SUBJECT_CHARS:
            raise SignInRefused(NO_WORD)
        email = claims.get("email")
        is_confirmed = claims.get("email_verified") is True
        name = claims.get("name") or claims.get("preferred_username") or ""
        groups = claims.get(self.provider.groups_claim)
        return Known(
            issuer=self.provider.issuer,
            subject=claims["sub"],
            email=email if isinstance(email, str) and is_confirmed else None,
            name=name if isinstance(name, str) else "",
            groups=frozenset(group for group in groups if isinstance(group, str))
            if isinstance(groups, list)
            else frozenset(),
        )

    def _known(self, *, anew: bool = False) -> Metadata:
        with self._lock:
            found = self._metadata
            is_old = found is None or time.monotonic() - found.asked_at > KEPT_SECONDS
            if found is None or is_old or anew:
                found = self._metadata = self._discovered()
        return found

    def _discovered(self) -> Metadata:
        issuer = self.provider.issuer
        said = self._json(f"{issuer}/.well-known/openid-configuration", {})
        if said.get("issuer", "").rstrip("/") != issuer:
            raise SignInUnavailable(
                f"The provider at {issuer} calls itself {said.get('issuer')!r}. An "
                "operator has to set its issuer as it names itself."
            )
        try:
            methods = said.get("token_endpoint_auth_methods_supported")
            return Metadata(
                authorization=said["authorization_endpoint"],
                token=said["token_endpoint"],
                userinfo=said.get("userinfo_endpoint"),
                keys=self._json(said["jwks_uri"], {}),
                auth_methods=tuple(methods or ("client_secret_basic",)),
                asked_at=time.monotonic(),
            )
        except KeyError as error:
            raise SignInUnavailable(
                f"The provider at {issuer} does not say its {error}. It is no provider "
                "of OpenID Connect, or one that is not set up yet."
            ) from None

    def _json(self, address: str, headers: dict[str, str]) -> dict[str, Any]:
        answer = self._asked(
            lambda: httpx.get(address, headers=headers, timeout=SECONDS)
        )
        if not answer.is_success:
            raise SignInUnavailable(self._away(f"answered {answer.status_code}"))
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise SignInUnavailable(self._away("did not answer in JSON"))
        return found

    def _asked(self, ask: Any) -> Any:
        import httpx2

        try:
            return ask()
        except (httpx.HTTPError, httpx2.HTTPError) as error:
            raise SignInUnavailable(self._away("cannot be reached")) from error

    def _away(self, what: str) -> str:
        return (
            f"{self.provider.title or self.name} {what}. Try again in a moment, or "
            "sign in another way."
        )

    def _client(self, known: Metadata) -> "OAuth2Client":
        try:
            from authlib.integrations.httpx_client import OAuth2Client
        except ImportError:
            raise EngineUnavailable(
                "Signing in elsewhere needs the extra “oidc”: "
                "pip install 'lectern[oidc]'."
            ) from None
        secret = self.provider.client_secret
        return OAuth2Client(
            client_id=self.provider.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            scope=" ".join(self.provider.scopes),
            redirect_uri=self._redirect,
            code_challenge_method="S256",
            token_endpoint_auth_method=self._auth_method(known),
            timeout=SECONDS,
        )

    def _auth_method(self, known: Metadata) -> str:
        if self.provider.client_secret is None:
            return "none"
        is_basic = "client_secret_basic" in known.auth_methods
        return "client_secret_basic" if is_basic else "client_secret_post"
