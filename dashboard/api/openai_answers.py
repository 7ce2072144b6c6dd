"""How the OpenAI-compatible routes answer: their errors, and who may ask at all.

A token is the only way in. Browsers send none by themselves, so another site's page
cannot use these routes, whatever it sends; nothing here allows it to read them either.
"""

import logging
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard import backend
from dashboard.api.answers import NO_STORE, blocking
from dashboard.pacing import count_elements
from lectern.accounts.people import Principal
from lectern.accounts.rates import RateClass
from lectern.accounts.tokens import Scope
from lectern.errors import EngineBusy, LecternError, LimitForNow
from lectern.ids import OwnerId

logger = logging.getLogger(__name__)

BUSY_SECONDS = 2
"""When to come back, where there is no better guess."""


class Refused(Exception):
    """A request that is answered with an error in OpenAI's words."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        kind: str = "invalid_request_error",
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {
            "error": {"message": message, "type": kind, "param": param, "code": code}
        }


Handler = Callable[[Request, Principal], Awaitable[Response]]


def token_route(path: str, handler: Handler, method: str, scope: Scope) -> Route:
    """Return a route for holders of a token that allows ``scope``."""

    async def answer(request: Request) -> Response:
        try:
            principal = await holder(request, scope)
            await blocking(count_elements, principal, RateClass.API, 1)
            return await handler(request, principal)
        except Refused as refused:
            return refused_answer(refused)
        except LecternError as error:
            return refused_answer(refusal_of(error))
        except (HTTPException, ClientDisconnect):
            raise
        except Exception:
            logger.exception("Request to %s failed", request.url.path)
            return refused_answer(failure())

    return Route(path, answer, methods=[method])


async def holder(request: Request, scope: Scope) -> Principal:
    """Return on whose behalf a program asks.

    Raises:
        Refused: It shows no valid token, or one that does not allow this.
    """
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    tokens = backend.current().services.tokens
    token = None
    if kind.lower() == "bearer":
        token = await blocking(tokens.told_by, secret.strip())
    if token is None:
        raise Refused(
            "No valid API token was sent. Make one in Lectern under Settings, and "
            "send it as “Authorization: Bearer lct_…”.",
            status=401,
            code="invalid_api_key",
            headers={"www-authenticate": "Bearer"},
        )
    if scope not in token.scopes:
        raise Refused(
            f"This token does not allow “{scope}”. Make one that does.",
            status=403,
            code="missing_scope",
        )
    return await _acting(token.owner_id)


async def _acting(owner_id: OwnerId) -> Principal:
    """Return the person a token acts for, who must be let in themselves."""
    here = backend.current()
    if here.settings.accounts.is_single:
        return Principal(owner_id)
    principal = await blocking(here.services.people.acting, owner_id)
    if principal is None:
        raise Refused(
            "Whoever made this token may not come in any more. Ask an operator.",
            status=401,
            code="invalid_api_key",
            headers={"www-authenticate": "Bearer"},
        )
    return principal


def refusal_of(error: LecternError) -> Refused:
    """Return one of our own errors in OpenAI's words."""
    headers = {}
    if isinstance(error, EngineBusy | LimitForNow):
        headers["retry-after"] = str(max(1, round(error.retry_after_seconds)))
    is_theirs = error.http_status < 500
    return Refused(
        error.message,
        status=400 if error.http_status == 422 else error.http_status,
        code=error.code,
        kind="invalid_request_error" if is_theirs else "server_error",
        param="voice" if error.code == "unknown_voice" else None,
        headers=headers,
    )


def failure() -> Refused:
    """Return the answer to what nobody foresaw."""
    return Refused(
        "Something went wrong here. The log of the web app says what; trying again is "
        "safe.",
        status=500,
        code="unexpected",
        kind="server_error",
    )


def too_busy(parallel_requests: int) -> Refused:
    """Return the answer while as many texts are spoken as may be."""
    return Refused(
        f"{parallel_requests} requests are being spoken, as many as may be at one "
        "time. Come back in a moment.",
        status=429,
        code="rate_limit_exceeded",
        kind="rate_limit_error",
        headers={"retry-after": str(BUSY_SECONDS)},
    )


def refused_answer(refused: Refused) -> JSONResponse:
    """Return the answer to a request that is refused."""
    return JSONResponse(
        refused.body, status_code=refused.status, headers=NO_STORE | refused.headers
    )


async def no_such_address(request: Request) -> Response:
    """Refuse a path or method below ``/v1`` that is not served."""
    return refused_answer(
        Refused(
            f"There is no {request.method} {request.url.path} here. What there is, is "
            "listed in docs/api.md.",
            status=404,
            code="unknown_url",
        )
    )
