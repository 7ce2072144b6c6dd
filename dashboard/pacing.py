"""Slows down whoever asks too often, before anything is done for them.

People are told apart by who they are, and by their network address until that is known.
The address is that of the connection, or what a trusted web server in front says
(uvicorn's ``FORWARDED_ALLOW_IPS``): no client names its own.

Only what changes something is counted here, once a request. What has more elements than
one (blocks, documents) is counted where they are known.
"""

import math
import re

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import backend
from dashboard.account_pages import Page, page_answer
from dashboard.api.answers import error_answer
from lectern.accounts.people import Principal
from lectern.accounts.rates import RateClass, network_of
from lectern.errors import TooFast

CHANGING_METHODS = {"POST", "PUT", "PATCH", "DELETE"}

CLASSES: tuple[tuple[re.Pattern[str], RateClass | None], ...] = (
    (re.compile(r"/api/uploads"), RateClass.UPLOAD),
    (re.compile(r"/api/uploads/[^/]+"), None),  # a piece: the file was counted
    # Counted by ``count_elements``, as pages of the app ask for the same.
    (re.compile(r"/api/(texts|addresses)"), None),
    (re.compile(r"/api/documents/[^/]+/exports"), None),
    (re.compile(r"/api/documents/[^/]+/cursor"), None),  # a player's, every few seconds
    (re.compile(r"/api/.*"), RateClass.API),
)
"""What a changing request counts as, by its path; the first that fits."""

SIGNING_IN = re.compile(r"/(sign-in|sign-up|guest|forgotten|welcome)")


class Paced:
    """Answers 429, with when to come back, to whoever asks too often."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request that changes something, and pass it on."""
        is_change = scope["type"] == "http" and scope["method"] in CHANGING_METHODS
        here = backend.current()
        if not is_change or here.settings.accounts.is_single:
            await self.app(scope, receive, send)
            return
        try:
            await run_in_threadpool(count, here, scope)
        except TooFast as error:
            await _too_fast(scope, error)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _too_fast(scope: Scope, error: TooFast) -> Response:
    """Return what whoever asks too often is told: as a page where they fill one in."""
    if not SIGNING_IN.fullmatch(scope["path"]):
        return error_answer(error)
    page = Page(title="One moment, please", links=(("/sign-in", "Sign in"),))
    answer = page_answer(page, problem=error.message, status=error.http_status)
    answer.headers["retry-after"] = str(math.ceil(error.retry_after_seconds))
    return answer


def count(here: backend.Backend, scope: Scope) -> None:
    """Count a changing request.

    Raises:
        TooFast: Whoever makes it has made too many.
    """
    rates, path = here.services.rates, scope["path"]
    if SIGNING_IN.fullmatch(path):
        rates.take_for_address(network(scope), RateClass.LOGIN)
        return
    kind = class_of(path)
    principal = scope.get("state", {}).get("principal")
    if kind is not None and isinstance(principal, Principal):
        rates.take(principal, kind)


def class_of(path: str) -> RateClass | None:
    """Return what a changing request counts as; None for what is not counted here."""
    for pattern, kind in CLASSES:
        if pattern.fullmatch(path):
            return kind
    return None


def network(scope: Scope) -> str:
    """Return from which network a request comes."""
    client = scope.get("client")
    return network_of(client[0]) if client else ""


def count_elements(principal: Principal, kind: RateClass, elements: int) -> None:
    """Count what a request asks for by its elements.

    Raises:
        TooFast: That is more than may be asked for now.
    """
    here = backend.current()
    if not here.settings.accounts.is_single:
        here.services.rates.take(principal, kind, elements)
