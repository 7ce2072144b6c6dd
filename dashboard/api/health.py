"""Whether the web app is up, and whether it can do its work.

``/live`` and ``/ready`` are for whatever restarts and routes, ``/health/deep`` for
operators: the web server in front answers it to nobody.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import NO_STORE, blocking, principal_of, route
from dashboard.backend import Backend
from lectern.errors import EngineUnavailable, LecternError, StoreError
from resources.stores.people import require_operator
from resources.stores.vitals import ENDED_WITHIN, Vitals


async def live(_request: Request) -> Response:
    """Answer as soon as the process can answer at all."""
    return JSONResponse({"status": "live"}, headers=NO_STORE)


async def ready(_request: Request) -> Response:
    """Answer 200 once the stores can be worked with; say what else is amiss.

    Without disk for new work what there is can still be heard and deleted, so that is
    told and does not take the app away; Dagster may be away as well.
    """
    body = await blocking(_readiness, backend.current())
    status = 200 if body["status"] == "ready" else 503
    return JSONResponse(body, status_code=status, headers=NO_STORE)


async def deep(request: Request) -> Response:
    """Answer what an operator wants to know first, and nobody else.

    Raises:
        NotFound: Whoever asks is no operator.
    """
    require_operator(principal_of(request))
    return JSONResponse(await blocking(_examine, backend.current()), headers=NO_STORE)


def _readiness(here: Backend) -> dict[str, object]:
    try:
        is_current = Vitals(here.services.database).is_current()
        is_there = True
    except StoreError:
        is_current = is_there = False
    return {
        "status": "ready" if is_current else "not ready",
        "database": is_there,
        "migrations": is_current,
        "disk": _has_disk(here),
        "orchestrator": here.orchestrator.is_up(),
    }


def _has_disk(here: Backend) -> bool:
    try:
        here.services.require_disk()
    except LecternError:
        return False
    return True


def _examine(here: Backend) -> dict[str, object]:
    body = _readiness(here)
    if body["status"] == "ready":
        vitals = Vitals(here.services.database)
        body["jobs"] = [
            {"kind": each.kind, "state": each.state, "count": each.count}
            for each in (*vitals.live_jobs(), *vitals.ended_jobs(ENDED_WITHIN))
        ]
        body["oldest_waiting_seconds"] = dict(vitals.oldest_waiting_seconds())
        body["most_silent_job_seconds"] = vitals.oldest_heartbeat_seconds()
        body["events_waiting"] = here.services.outbox.pending_count()
    try:
        dagster = here.orchestrator.vitals()
    except EngineUnavailable:
        return body
    body["daemon_heartbeats"] = dict(dagster.daemon_heartbeats)
    body["runs"] = dict(dagster.runs)
    return body


ROUTES: list[BaseRoute] = [
    route("/live", live),
    route("/ready", ready),
    route("/health/deep", deep),
]
