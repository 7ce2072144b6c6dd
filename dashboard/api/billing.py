"""Plans for money: the way to pay, and Stripe's notices that something was paid.

Without a key nothing is sold, and none of these addresses exists.
"""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import (
    NO_STORE,
    blocking,
    principal_of,
    read_body,
    read_bytes,
    route,
)
from lectern.contracts import Contract

NOTICE_BYTES = 1024 * 1024


class PlanWanted(Contract):
    """A plan that somebody wants to pay for."""

    plan: str = Field(min_length=1, max_length=32)


def back_to(request: Request) -> str:
    """Return the Settings page, as whoever asks reaches it."""
    return str(request.base_url.replace(path="/settings"))


async def checkout(request: Request) -> Response:
    """Answer with the address at which a plan is paid for."""
    billing = backend.current().services.billing()
    wanted, principal = await read_body(request, PlanWanted), principal_of(request)
    address = await blocking(
        billing.checkout, principal, wanted.plan, back_to=back_to(request)
    )
    return JSONResponse({"address": address}, headers=NO_STORE)


async def portal(request: Request) -> Response:
    """Answer with the address at which what is paid for is changed or ended."""
    billing, principal = backend.current().services.billing(), principal_of(request)
    address = await blocking(billing.portal, principal, back_to=back_to(request))
    return JSONResponse({"address": address}, headers=NO_STORE)


async def take_notice(request: Request) -> Response:
    """Take a notice of Stripe: whoever sends it shows a signature, and no session."""
    billing = backend.current().services.billing()
    payload = await read_bytes(request, limit_bytes=NOTICE_BYTES)
    signature = request.headers.get("stripe-signature", "")
    is_new = await blocking(billing.take_notice, payload, signature)
    return JSONResponse({"taken": is_new}, headers=NO_STORE)


ROUTES: list[BaseRoute] = [
    route("/api/billing/checkout", checkout, "POST"),
    route("/api/billing/portal", portal, "POST"),
    route("/api/billing/stripe", take_notice, "POST"),
]
