"""What happens to every request before a route or a page sees it.

Pure ASGI, so that streamed answers and WebSockets pass through untouched.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import backend

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Streamlit starts with an inline script, Vega compiles expressions and
        # components arrive as blobs.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss: blob: data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self)",
}
CLOSED_PATHS = ("/_stcore/upload_file", "/_stcore/metrics")
"""Streamlit's own routes that are not offered: uploads would be held in memory."""

TOKEN_PATHS = "/v1/"  # noqa: S105  (a path)
"""Routes that know programs by their token, and nobody by anything else."""

CHANGING_METHODS = {"POST", "PUT", "PATCH", "DELETE"}


class SecurityHeaders:
    """Puts the security headers on every answer that does not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add to the start of the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class KnownHosts:
    """Refuses requests for a host name that is not ours.

    A page elsewhere can point its own name at this machine (DNS rebinding) and then
    reads as same-origin. Addresses in digits cannot be rebound and are let through.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400 for a foreign host name."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        settings = backend.current().settings
        host = Headers(scope=scope).get("host", "")
        ours = (settings.host, *settings.trusted_hosts)
        if settings.proxy.dagster_name:  # operators sign in there
            ours = (*ours, settings.proxy.dagster_name)
        if is_known_host(host, also=ours):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            answer = PlainTextResponse(
                "This host name is not served here. Add it to LECTERN_TRUSTED_HOSTS.",
                status_code=400,
            )
            await answer(scope, receive, send)


def is_known_host(host_header: str, *, also: Collection[str]) -> bool:
    """Whether a Host header names this machine."""
    try:
        host = urlsplit(f"//{host_header}").hostname
    except ValueError:
        return False
    if host is None:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host in {name.lower() for name in also}
    return True


class SameOrigin:
    """Refuses to change anything for another site's page.

    Routes for holders of a token are let through: a page elsewhere has none to send.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 when a changing request comes from elsewhere."""
        is_change = scope["type"] == "http" and scope["method"] in CHANGING_METHODS
        if is_change and not scope["path"].startswith(TOKEN_PATHS):
            headers = Headers(scope=scope)
            if not is_same_origin(headers):
                message = (
                    "This request came from another site and was refused. "
                    "Open Lectern itself and try again."
                )
                body = {"code": "foreign_origin", "message": message}
                await JSONResponse(body, status_code=403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def is_same_origin(headers: Headers) -> bool:
    """Whether a request comes from our own page, or from no page at all.

    Browsers always state where a changing request comes from; a request that states
    nothing is from a program on behalf of nobody but its caller.
    """
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    return urlsplit(origin).netloc == headers.get("host", "")


class ClosedPaths:
    """Answers 404 for Streamlit routes that Lectern does not offer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse closed paths, whatever stands before them."""
        if scope["type"] == "http" and any(
            closed in scope["path"] for closed in CLOSED_PATHS
        ):
            await PlainTextResponse("Not found.", status_code=404)(scope, receive, send)
            return
        await self.app(scope, receive, send)
