"""Coming in by a provider of OpenID Connect: there, and back again.

A link leads there, as browsers do not let forms of ours be sent on to other sites.
"""

import base64
import binascii

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.account_pages import Page, page_answer
from dashboard.api.answers import NO_STORE, blocking
from dashboard.api.signing import (
    browser_of,
    guest_of,
    let_in,
    safe_path,
    signed_in_of,
    signing_route,
)
from dashboard.session_cookies import is_secure
from lectern.accounts.people import Role
from lectern.accounts.sessions import Method
from lectern.errors import LecternError, NotFound, SignInRefused
from resources.oidc import NO_WORD, Flow, OidcClient

COOKIE = "lectern-elsewhere"
SECURE_COOKIE = "__Host-lectern-elsewhere"
LASTS_SECONDS = 600
"""How long somebody may take at the provider."""
FLOW_CHARS = 3500


async def there(request: Request) -> Response:
    """Lead to the provider."""
    onward = safe_path(request.query_params.get("next", ""))
    signed_in = signed_in_of(request)
    connects = "connect" in request.query_params and (
        signed_in is not None and signed_in.person.role is not Role.GUEST
    )
    try:
        client = _client(request)
        address, flow = await blocking(client.begin, onward, connects=connects)
    except LecternError as error:
        return _failed(error)
    answer = RedirectResponse(address, 303, NO_STORE)
    answer.set_cookie(
        _cookie_name(request),
        base64.urlsafe_b64encode(flow.model_dump_json().encode()).decode(),
        max_age=LASTS_SECONDS,
        path="/",
        secure=is_secure(request.scope),
        httponly=True,
        samesite="lax",
    )
    return answer


async def back(request: Request) -> Response:
    """Take the provider's word, and let in whom it names."""
    try:
        answer = await _taken(request)
    except LecternError as error:
        answer = _failed(error)
    answer.delete_cookie(
        _cookie_name(request), secure=is_secure(request.scope), httponly=True
    )
    return answer


async def _taken(request: Request) -> Response:
    client, flow = _client(request), _flow(request)
    query = request.query_params
    if "error" in query:
        raise SignInRefused(
            f"{client.provider.title or client.name} did not let you in, or you did "
            "not go on there. Try again, or sign in another way."
        )
    known = await blocking(
        client.finish, flow, state=query.get("state", ""), code=query.get("code", "")
    )
    elsewhere = backend.current().services.accounts_elsewhere()
    if flow.connects:
        signed_in = signed_in_of(request)
        if signed_in is None or signed_in.person.role is Role.GUEST:
            raise SignInRefused(NO_WORD)
        principal = signed_in.person.principal
        await blocking(elsewhere.connect, principal, known, client.provider)
        return RedirectResponse(flow.onward, 303, NO_STORE)
    begun = await blocking(
        elsewhere.come_in,
        known,
        client.provider,
        method=Method.OIDC,
        browser=browser_of(request),
        guest=guest_of(request),
    )
    return let_in(request, begun, flow.onward)


def _flow(request: Request) -> Flow:
    text = request.cookies.get(_cookie_name(request), "")[:FLOW_CHARS]
    try:
        flow = Flow.model_validate_json(base64.urlsafe_b64decode(text))
    except (ValidationError, ValueError, binascii.Error):
        raise SignInRefused(NO_WORD) from None
    return flow.model_copy(update={"onward": safe_path(flow.onward)})


def _client(request: Request) -> OidcClient:
    name = request.path_params["name"]
    client = backend.current().services.oidc_clients().get(name)
    if client is None:
        raise NotFound("Nobody signs in that way here.")
    return client


def _failed(error: LecternError) -> Response:
    page = Page(title="That did not work", links=(("/sign-in", "Sign in"),))
    return page_answer(page, problem=error.message, status=error.http_status)


def _cookie_name(request: Request) -> str:
    return SECURE_COOKIE if is_secure(request.scope) else COOKIE


ROUTES: list[BaseRoute] = [
    signing_route("/sign-in/with/{name}", there, "GET"),
    signing_route("/sign-in/with/{name}/back", back, "GET"),
]
