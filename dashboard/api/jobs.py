"""Jobs over HTTP: the log of one, to be kept or sent to whoever helps."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import NO_STORE, blocking, principal_of, route
from lectern.ids import JobId


async def send_log(request: Request) -> Response:
    """Answer with a job's log as a file; for its owner alone."""
    services, principal = backend.current().services, principal_of(request)
    job_id = JobId(request.path_params["id"])
    job = await blocking(services.jobs.get, principal, job_id)
    log = await blocking(services.joblog.read, principal, job.id)
    named = f'attachment; filename="lectern-{job.id}.log"'
    return Response(
        log,
        media_type="text/plain; charset=utf-8",
        headers=NO_STORE | {"content-disposition": named},
    )


ROUTES: list[BaseRoute] = [route("/api/jobs/{id}/log", send_log)]
