"""Pages of the web, taken in by their address."""

from pydantic import Field
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend, following, intake
from dashboard.api.answers import blocking, principal_of, read_body, route
from lectern.contracts import Contract
from lectern.documents.addresses import ADDRESS_CHARS
from lectern.jobs.wanted import LOCAL, Wanted


class NewAddress(Contract):
    """A page as somebody names it."""

    address: str = Field(max_length=ADDRESS_CHARS)
    recogniser: str = LOCAL


async def add_address(request: Request) -> Response:
    """Fetch a page and take it in."""
    here = backend.current()
    named = await read_body(request, NewAddress)
    taken = await blocking(
        intake.take_page,
        here,
        principal_of(request),
        named.address,
        Wanted(named.recogniser),
    )
    task = BackgroundTask(following.launch, here, taken.job) if taken.job else None
    return JSONResponse(intake.taken_body(taken), status_code=201, background=task)


ROUTES: list[BaseRoute] = [route("/api/addresses", add_address, "POST")]
