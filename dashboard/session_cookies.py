"""The cookie in which a browser keeps its session."""

from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from dashboard import backend

COOKIE = "lectern"
SECURE_COOKIE = "__Host-lectern"
"""Over https: browsers take this name only with Secure, for one host as a whole."""


def shown_secret(scope: Scope) -> str | None:
    """Return the session's text that a browser shows."""
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie.load("; ".join(Headers(scope=scope).getlist("cookie")))
    except CookieError:
        return None
    found = cookie.get(cookie_name(scope))
    return found.value if found else None


def cookie_name(scope: Scope) -> str:
    """Return the session cookie's name: over https only the strict one counts."""
    return SECURE_COOKIE if is_secure(scope) else COOKIE


def is_secure(scope: Scope) -> bool:
    """Whether the browser speaks https, with us or with the web server in front."""
    return scope.get("scheme") in ("https", "wss")


def set_session_cookie(answer: Response, scope: Scope, secret: str) -> None:
    """Hand a browser its session, for this host alone and for no script."""
    lifetime = backend.current().settings.accounts.lifetime
    answer.set_cookie(
        cookie_name(scope),
        secret,
        max_age=int(lifetime.whole.total_seconds()),
        path="/",
        secure=is_secure(scope),
        httponly=True,
        samesite="lax",
    )
