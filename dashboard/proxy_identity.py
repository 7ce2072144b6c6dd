"""People whom the web server in front has signed in, by what it says with each request.

It shows a secret of its own, and names the person in headers. The first request begins
a session, as everybody else has one; from then on both must be there, and agree. So
who is signed out in front is signed out here, and a cookie alone opens nothing.
"""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import Message, Scope, Send

from dashboard import backend
from dashboard.session_cookies import set_session_cookie, shown_secret
from lectern.accounts.elsewhere import (
    PROXY_ISSUER,
    SUBJECT_CHARS,
    Known,
    ProxySignIn,
)
from lectern.accounts.proxying import is_shown
from lectern.accounts.sessions import Method, SignedIn
from resources.accounts import Browser
from resources.services import Services


async def by_proxy(
    scope: Scope, signed_in: SignedIn | None, send: Send
) -> tuple[SignedIn | None, Send]:
    """Return who is in, given what the web server in front says, and how to answer.

    Raises:
        SignInRefused: It names somebody who may not come in.
    """
    here = backend.current()
    rules = here.settings.accounts.proxy
    if rules is None:
        return signed_in, send
    known = said_by_proxy(rules, Headers(scope=scope))
    if known is None:
        is_theirs = signed_in is not None and signed_in.session.method is Method.PROXY
        return (None if is_theirs else signed_in), send
    if signed_in is not None and await run_in_threadpool(
        _is_same, here.services, signed_in, known
    ):
        return signed_in, send
    browser = Browser(
        device=Headers(scope=scope).get("user-agent", ""),
        address=scope["client"][0] if scope.get("client") else "",
        secret=shown_secret(scope),
    )
    begun, secret = await run_in_threadpool(
        _begin, here.services, known, rules, browser
    )
    return begun, _with_cookie(scope, secret, send)


def said_by_proxy(rules: ProxySignIn, headers: Headers) -> Known | None:
    """Return whom the web server in front names; None when it did not speak."""
    if not is_shown(rules.secret, headers.getlist(rules.secret_header)):
        return None
    subject = headers.get(rules.user_header, "").strip()
    if not subject or len(subject) > SUBJECT_CHARS:
        return None
    groups = headers.get(rules.groups_header, "").split(",")
    return Known(
        issuer=PROXY_ISSUER,
        subject=subject,
        email=headers.get(rules.email_header, "").strip() or None,
        name=headers.get(rules.name_header, "").strip(),
        groups=frozenset(group.strip() for group in groups if group.strip()),
    )


def _is_same(services: Services, signed_in: SignedIn, known: Known) -> bool:
    identities = services.accounts_elsewhere().identities
    owner_id = identities.owner(known.issuer, known.subject)
    return owner_id == signed_in.person.owner_id


def _begin(
    services: Services, known: Known, rules: ProxySignIn, browser: Browser
) -> tuple[SignedIn | None, str]:
    _, secret = services.accounts_elsewhere().come_in(
        known, rules, method=Method.PROXY, browser=browser
    )
    return services.sessions.told_by(secret), secret


def _with_cookie(scope: Scope, secret: str, send: Send) -> Send:
    """Return a way to answer that hands the browser its session."""
    if scope["type"] != "http":
        return send

    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer = Response()
            set_session_cookie(answer, scope, secret)
            headers = MutableHeaders(scope=message)
            for value in answer.headers.getlist("set-cookie"):
                headers.append("set-cookie", value)
        await send(message)

    return send_with_cookie
