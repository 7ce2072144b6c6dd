"""Whether an operator asks: the web server in front lets nobody else to the Dagster UI.

That has a host name of its own, and so a session of its own: the web server passes the
sign-in pages there on to us, and asks here before it passes on anything else.
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.account_pages import Other, Page, page_answer
from dashboard.api.answers import NO_STORE, error_answer, route
from dashboard.api.signing import safe_path
from dashboard.identity import SIGN_IN
from lectern.accounts.people import Principal
from lectern.errors import NotFound, SignedOut

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


async def check_operator(request: Request) -> Response:
    """Answer 204 to an operator's browser, else 401.

    With ``page`` the answer is for the person: they are led to the sign-in, or told
    that this is not for them.
    """
    if backend.current().settings.accounts.is_single:
        raise NotFound("Nobody signs in here, so nobody can be told an operator.")
    principal: Principal | None = request.state.principal
    if principal is not None and principal.is_operator:
        return Response(status_code=204, headers=NO_STORE)
    if "page" not in request.query_params:
        return Response(status_code=401, headers=NO_STORE)
    if principal is not None:
        return page_answer(_NOT_FOR_YOU, status=403)
    if _is_page(request):
        onward = safe_path(_header(request, "uri"))
        address = f"{SIGN_IN}?next={quote(onward, safe='')}"
        return RedirectResponse(address, 303, NO_STORE)
    return _signed_out()


_NOT_FOR_YOU = Page(
    title="For operators",
    lead="You are signed in, but not as an operator of this Lectern.",
    others=(Other("/sign-out", "Sign in as somebody else"),),
)


def _signed_out() -> JSONResponse:
    return error_answer(
        SignedOut("You are not signed in here, or not any more. Sign in to go on.")
    )


def _is_page(request: Request) -> bool:
    is_read = (_header(request, "method") or request.method) in ("GET", "HEAD")
    return is_read and "text/html" in request.headers.get("accept", "")


def _header(request: Request, what: str) -> str:
    """Return what was asked of the web server in front: nginx says so, or Caddy."""
    original = request.headers.get(f"x-original-{what}")
    return original or request.headers.get(f"x-forwarded-{what}", "")


ROUTES: list[BaseRoute] = [route("/operator", check_operator, *METHODS)]
