"""Who makes a request: nobody gets past here whom the stores do not know.

Without accounts it is always ``LOCAL``, and only from this machine. With accounts a
browser shows a session's text in a cookie. Its person is put in ``request.state``, and
the session's id in a header for pages, which ask again at each run.
"""

import asyncio
import re
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import backend
from dashboard.proxy_identity import by_proxy
from dashboard.session_cookies import shown_secret
from lectern.accounts.guarding import ONLY_HERE, is_guarded
from lectern.accounts.people import LOCAL, Principal
from lectern.accounts.sessions import SignedIn
from lectern.accounts.settings import is_loopback
from lectern.errors import LecternError, SignedOut

OURS = b"x-lectern-"
"""Begins the headers that only we may set."""
SESSION_HEADER = "x-lectern-session"
OWNER_HEADER = "x-lectern-owner"
"""Streamlit resumes a page for nobody who owns as somebody else (config.toml)."""

SIGN_IN = "/sign-in"
OPEN_PATHS = re.compile(
    r"""
    /live | /ready | /favicon\.ico
    | /sign-in(?:/with/[\w-]+(?:/back)?)? | /sign-up | /sign-out | /guest | /welcome
    | /forgotten
    | /assets/fonts/[\w.-]+ | /assets/[0-9a-f]+/(?:account\.css|icon\.png|leave\.js)
    | /v1/.*  # asks for a token itself
    | /api/billing/stripe  # asks for a signature itself
    | /operator  # tells the web server in front who is none
    | /shared | /assets/[0-9a-f]+/shared\.js  # hands in what a link carries
    """,
    re.VERBOSE,
)
"""What is answered to anybody; all else is for people who are signed in."""

CLOSING_SECONDS = 3.0
"""How long a page has to say that its session ended before it is cut off."""
ENDED = 4401
"""Close code of a WebSocket whose session has ended."""


class Identity:
    """Lets in whom it knows, and says on whose behalf a request is made."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the principal where routes look for it, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        settings = backend.current().settings
        if not settings.accounts.is_single:
            await self._let_in(scope, receive, send)
        elif is_from_here(scope) or is_guarded(settings):
            await self.app(_acting(scope, LOCAL), receive, send)
        else:
            await refuse(scope, receive, send, PlainTextResponse(ONLY_HERE, 403))

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        sessions = backend.current().services.sessions
        secret = shown_secret(scope)
        signed_in = (
            await run_in_threadpool(sessions.told_by, secret) if secret else None
        )
        try:
            signed_in, send = await by_proxy(scope, signed_in, send)
        except LecternError as error:
            answer = PlainTextResponse(error.message, error.http_status)
            await refuse(scope, receive, send, answer)
            return
        if signed_in is not None:
            scope = _acting(scope, signed_in.person.principal, signed_in)
            if scope["type"] == "websocket":
                watched = _Watched(signed_in, receive, send)
                await self.app(scope, watched.receive, watched.send)
            else:
                events = _WatchedEvents(signed_in, send)
                await self.app(scope, receive, events.send)
        elif scope["type"] == "http" and OPEN_PATHS.fullmatch(scope["path"]):
            await self.app(_acting(scope, None), receive, send)
        else:
            await refuse(scope, receive, send, signed_out_answer(scope))


class _Watched:
    """A WebSocket that ends with the session it was opened in.

    Each message of the page asks whether the session goes on. After its end the page,
    which asks too, gets some seconds to lead to the sign-in; then it is cut off.
    """

    def __init__(self, signed_in: SignedIn, receive: Receive, send: Send) -> None:
        self._session_id = signed_in.session.id
        self._receive = receive
        self._send = send
        self._closing: asyncio.Task[None] | None = None
        self._is_closed = False

    async def receive(self) -> Message:
        """Return the next message; a disconnect follows the end of the session."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            if self._closing is not None:
                self._closing.cancel()
            return message
        sessions = backend.current().services.sessions
        if self._closing is not None:
            return message
        if await run_in_threadpool(sessions.going_on, self._session_id) is None:
            self._closing = asyncio.create_task(self._close())
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on, while the page can still be told something."""
        if not self._is_closed:
            await self._send(message)

    async def _close(self) -> None:
        await asyncio.sleep(CLOSING_SECONDS)
        self._is_closed = True
        await self._send({"type": "websocket.close", "code": ENDED})


class _WatchedEvents:
    """An answer; as a stream of events it ends with the session it was asked in."""

    def __init__(self, signed_in: SignedIn, send: Send) -> None:
        self._session_id = signed_in.session.id
        self._send = send
        self._are_events = False
        self._is_over = False

    async def send(self, message: Message) -> None:
        """Pass a message on; the end, once the session has ended."""
        if self._is_over:
            return
        if message["type"] == "http.response.start":
            kind = Headers(raw=message.get("headers", [])).get("content-type", "")
            self._are_events = kind.startswith("text/event-stream")
        elif self._are_events and message.get("more_body"):
            sessions = backend.current().services.sessions
            going_on = await run_in_threadpool(sessions.going_on, self._session_id)
            if going_on is None:
                self._is_over = True
                message = {"type": "http.response.body", "body": b""}
        await self._send(message)


def is_from_here(scope: Scope) -> bool:
    """Whether a request reached us on an address of this machine alone."""
    server = scope.get("server")
    return server is None or server[1] is None or is_loopback(server[0])


def _acting(
    scope: Scope, principal: Principal | None, signed_in: SignedIn | None = None
) -> Scope:
    """Return the request as made on somebody's behalf, without what it claimed."""
    kept = [pair for pair in scope["headers"] if not pair[0].lower().startswith(OURS)]
    state = {**scope.get("state", {}), "principal": principal, "signed_in": signed_in}
    changed = {**scope, "headers": kept, "state": state}
    headers = MutableHeaders(scope=changed)
    if principal is not None:
        headers[OWNER_HEADER] = principal.owner_id
    if signed_in is not None:
        headers[SESSION_HEADER] = signed_in.session.id
    changed["headers"] = headers.raw
    return changed


Answer = JSONResponse | PlainTextResponse | RedirectResponse


def signed_out_answer(scope: Scope) -> Answer:
    """Return what somebody is told who is not signed in: pages lead to the sign-in."""
    headers = Headers(scope=scope)
    is_page = scope.get("method") in ("GET", "HEAD") and "text/html" in headers.get(
        "accept", ""
    )
    if is_page:
        query = scope["query_string"].decode("latin-1")
        wanted = quote(scope["path"] + (f"?{query}" if query else ""), safe="")
        return RedirectResponse(f"{SIGN_IN}?next={wanted}", 303, _NO_STORE)
    error = SignedOut("You are not signed in here, or not any more. Sign in to go on.")
    body = {"code": error.code, "message": error.message}
    return JSONResponse(body, error.http_status, _NO_STORE)


_NO_STORE = {"cache-control": "no-store"}


async def refuse(scope: Scope, receive: Receive, send: Send, answer: Answer) -> None:
    """Answer, or leave a WebSocket unopened."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await answer(scope, receive, send)
