"""How routes read requests and how they answer, errors included."""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lectern.accounts.people import Principal
from lectern.errors import (
    EngineBusy,
    InvalidRequest,
    LecternError,
    LimitForNow,
    LimitReached,
    NotFound,
)

logger = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
Body = TypeVar("Body", bound=BaseModel)

JSON_BYTES = 64 * 1024
"""Most bytes of a JSON request body, where a route does not say otherwise."""

NO_STORE = {"cache-control": "no-store"}
blocking = run_in_threadpool
"""Await a call that reads or writes a store."""


def route(path: str, handler: Handler, *methods: str) -> Route:
    """Return a route whose foreseen failures become JSON answers."""
    return Route(path, answering(handler), methods=list(methods or ("GET",)))


def answering(handler: Handler) -> Handler:
    """Wrap a handler: the boundary at which every failure becomes an answer."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except LecternError as error:
            return error_answer(error)
        except (HTTPException, ClientDisconnect):
            raise
        except Exception:
            logger.exception("Request to %s failed", request.url.path)
            return JSONResponse(
                {
                    "code": "unexpected",
                    "message": "Something went wrong here. The log of the web app "
                    "says what; trying again is safe.",
                },
                status_code=500,
            )

    return answer


async def no_such_route(request: Request) -> Response:
    """Refuse a path or method that the API does not have."""
    raise NotFound(
        f"There is no {request.method} {request.url.path} here. "
        "What there is, is listed in docs/api.md."
    )


def error_answer(error: LecternError) -> JSONResponse:
    """Return an error as JSON, in the words it already has."""
    body: dict[str, str | float] = {"code": error.code, "message": error.message}
    if isinstance(error, LimitReached):
        if error.used is not None:
            body["used"] = error.used
        if error.limit is not None:
            body["limit"] = error.limit
    headers = dict(NO_STORE)
    if isinstance(error, LimitForNow | EngineBusy):
        headers["retry-after"] = str(math.ceil(error.retry_after_seconds))
    return JSONResponse(body, status_code=error.http_status, headers=headers)


async def read_body(
    request: Request, model: type[Body], *, limit_bytes: int = JSON_BYTES
) -> Body:
    """Return the request's JSON body as a contract.

    Raises:
        InvalidRequest: It is too long, not JSON or not what the route takes.
    """
    data = await read_bytes(request, limit_bytes=limit_bytes)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'body'}: "
            f"{problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise InvalidRequest(f"The request was not understood. {problems}.") from error


async def read_bytes(request: Request, *, limit_bytes: int) -> bytes:
    """Return the request's body, and stop reading past the limit."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit_bytes:
            raise InvalidRequest(
                f"The request is longer than the {limit_bytes:,} bytes taken here."
            )
    return bytes(data)


def principal_of(request: Request) -> Principal:
    """Return on whose behalf the request is made (see identity.Identity)."""
    principal = request.state.principal
    assert isinstance(principal, Principal)  # noqa: S101  (set by our middleware)
    return principal


def matches_etag(request: Request, etag: str) -> bool:
    """Whether the client already has this version."""
    stated = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in stated.split(",")}
    return etag in tags or "*" in tags
