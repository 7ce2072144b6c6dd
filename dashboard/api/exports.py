"""Exports: what they cost, making them, and taking them away."""

from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend, following
from dashboard.api.answers import NO_STORE, blocking, principal_of, read_body, route
from dashboard.api.stored_files import stored_file
from dashboard.backend import Backend
from dashboard.pacing import count_elements
from lectern.accounts.people import Principal
from lectern.accounts.rates import RateClass
from lectern.exports.requests import ExportRequest
from lectern.ids import DocumentId
from lectern.jobs.states import JobKind
from lectern.usage.quotes import price_text
from lectern.usage.remaining import amounts_of, remaining
from resources.exporting.quoting import ExportPlan, plan_export
from resources.stores.exports import Export
from resources.stores.jobs import Job


def unfinished_exports(
    here: Backend, principal: Principal, document_id: DocumentId
) -> list[Job]:
    """Return the jobs that make exports of a document now, newest first."""
    here.services.catalog.get(principal, document_id)
    jobs = here.services.jobs.for_document(principal, document_id, kind=JobKind.EXPORT)
    return [job for job in jobs if not job.state.is_final]


def begin_export(
    here: Backend, principal: Principal, plan: ExportPlan, document_id: DocumentId
) -> tuple[Job, bool]:
    """Return the job that makes an export, and whether it was made just now.

    Raises:
        LimitReached: As many were made today, or are in hand, as one person may have.
    """
    parameters = {
        "export": plan.request.model_dump(mode="json"),
        "voice": plan.voice_id,
    }
    for job in unfinished_exports(here, principal, document_id):
        if job.parameters == parameters and not job.cancel_requested:
            return job, False
    count_elements(principal, RateClass.EXPORT, 1)
    job = here.services.jobs.create(
        principal,
        document_id=document_id,
        kind=JobKind.EXPORT,
        parameters=parameters,
    )
    return job, True


def described(export: Export) -> dict[str, Any]:
    """Return an export as the API tells of it."""
    return {
        "id": export.id,
        "name": export.name,
        "media_type": export.media_type,
        "size_bytes": export.size_bytes,
        "duration_ms": export.metadata["duration_ms"],
        "request": export.metadata["request"],
        "made_at": export.created_at.isoformat(),
        "address": f"/api/exports/{export.id}",
    }


def _quoted(here: Backend, principal: Principal, plan: ExportPlan) -> dict[str, Any]:
    quote = plan.quote
    wanted = amounts_of(quote, stored_bytes=plan.size_bytes)
    found = remaining(wanted, here.services.ledger.balances(principal))
    return {
        "chars": quote.chars,
        "audio_ms": quote.audio_ms,
        "price_micros": quote.price_micros,
        "price": price_text(quote),
        "seconds": quote.seconds,
        "size_bytes": plan.size_bytes,
        "blocks": plan.blocks,
        "voice": plan.voice_id,
        "left": {one.unit.value: one.left for one in found},
        "is_enough": all(one.is_enough for one in found),
        "export": described(plan.ready) if plan.ready else None,
    }


async def quote(request: Request) -> Response:
    """Say what an export would cost and take."""
    here, principal = backend.current(), principal_of(request)
    document_id = DocumentId(request.path_params["id"])
    wanted = await read_body(request, ExportRequest)
    plan = await blocking(plan_export, here.services, principal, document_id, wanted)
    told = await blocking(_quoted, here, principal, plan)
    return JSONResponse(told, headers=NO_STORE)


async def start(request: Request) -> Response:
    """Make an export, or answer with the same one of before."""
    here, principal = backend.current(), principal_of(request)
    document_id = DocumentId(request.path_params["id"])
    wanted = await read_body(request, ExportRequest)
    plan = await blocking(plan_export, here.services, principal, document_id, wanted)
    if plan.ready is not None:
        return JSONResponse({"export": described(plan.ready)}, headers=NO_STORE)
    await blocking(here.services.require_disk, plan.size_bytes)
    job, is_new = await blocking(begin_export, here, principal, plan, document_id)
    task = BackgroundTask(following.launch, here, job) if is_new else None
    return JSONResponse({"job": job.id}, status_code=202, background=task)


async def list_exports(request: Request) -> Response:
    """Answer with the finished exports of a document, newest first."""
    here, principal = backend.current(), principal_of(request)
    document_id = DocumentId(request.path_params["id"])
    await blocking(here.services.catalog.get, principal, document_id)
    found = await blocking(here.services.exports.list, principal, document_id)
    body = {"exports": [described(export) for export in found]}
    return JSONResponse(body, headers=NO_STORE)


async def send(request: Request) -> Response:
    """Answer with the file, to be saved and never shown; ranges are honoured."""
    services = backend.current().services
    export = await blocking(
        services.exports.get, principal_of(request), request.path_params["id"]
    )
    await blocking(services.exports.note_use, principal_of(request), export.id)
    return await stored_file(
        services.blobs,
        export.blob,
        if_missing="This file is missing on disk. Export it again.",
        media_type=export.media_type,
        filename=export.name,
        headers={"cache-control": "private, no-cache", "etag": f'"{export.id}"'},
    )


async def delete(request: Request) -> Response:
    """Forget an export."""
    services = backend.current().services
    await blocking(
        services.exports.delete, principal_of(request), request.path_params["id"]
    )
    return Response(status_code=204)


ROUTES: list[BaseRoute] = [
    route("/api/documents/{id}/exports", list_exports),
    route("/api/documents/{id}/exports", start, "POST"),
    route("/api/documents/{id}/exports/quote", quote, "POST"),
    route("/api/exports/{id}", send),
    route("/api/exports/{id}", delete, "DELETE"),
]
