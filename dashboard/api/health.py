"""Whether the web app is up, and whether it can do its work."""

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import NO_STORE, blocking, principal_of, route
from lectern.errors import StoreError


async def live(_request: Request) -> Response:
    """Answer as soon as the process can answer at all."""
    return JSONResponse({"status": "live"}, headers=NO_STORE)


async def ready(request: Request) -> Response:
    """Answer 200 once the stores can be read; say whether runs can be started."""
    here = backend.current()
    principal = principal_of(request)
    try:
        await blocking(here.services.catalog.documents, principal)
    except (SQLAlchemyError, StoreError):
        body = {"status": "not ready", "stores": False}
        return JSONResponse(body, status_code=503, headers=NO_STORE)
    orchestrator = await blocking(here.orchestrator.is_up)
    body = {"status": "ready", "stores": True, "orchestrator": orchestrator}
    return JSONResponse(body, headers=NO_STORE)


ROUTES: list[BaseRoute] = [route("/live", live), route("/ready", ready)]
