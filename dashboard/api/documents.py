"""One document: its manifest, what is spoken of it, its files and its rendering."""

from collections import OrderedDict

from pydantic import RootModel
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend, following
from dashboard.api.answers import (
    NO_STORE,
    blocking,
    matches_etag,
    principal_of,
    read_body,
    route,
)
from dashboard.api.manifests import build_manifest, etag_of, skipped_entries
from dashboard.api.stored_files import stored_file
from dashboard.backend import Backend
from dashboard.reading import opened, voice_of
from lectern.accounts.people import Principal
from lectern.documents.pages import BlockKind, SpanKind
from lectern.documents.spoken import Policy, Speaking
from lectern.errors import InvalidRequest, NotFound
from lectern.ids import BlobHash, DocumentId
from lectern.jobs.states import DocumentState, JobKind
from resources.stores.jobs import Job
from resources.text_stats import text_stats
from resources.texts import text_of

KEPT_MANIFESTS = 8
RENDERED = "document_audio"
"""Name of the artifact that a rendering job leaves."""

_manifests: OrderedDict[str, bytes] = OrderedDict()


class PolicyChange(RootModel[dict[BlockKind | SpanKind, Speaking]]):
    """Kinds of text, and what to do with each from now on."""


def _own(request: Request) -> tuple[Backend, Principal, DocumentId]:
    document_id = DocumentId(request.path_params["id"])
    return backend.current(), principal_of(request), document_id


def manifest_of(
    here: Backend, principal: Principal, document_id: DocumentId, voice: str | None
) -> bytes:
    """Return a document's manifest; the last few are kept."""
    services = here.services
    document = opened(services, principal, document_id)
    voice_id = voice_of(services, document, asked=voice).id
    stamp = repr((document, voice_id))
    if (kept := _manifests.get(stamp)) is not None:
        _manifests.move_to_end(stamp)
        return kept
    manifest = build_manifest(
        document,
        text_of(services, document),
        voice_id=voice_id,
        window=here.settings.speech.window_blocks,
    )
    _manifests[stamp] = manifest
    while len(_manifests) > KEPT_MANIFESTS:
        _manifests.popitem(last=False)
    return manifest


async def send_manifest(request: Request) -> Response:
    """Answer with everything a reader shows; unchanged ones cost no transfer."""
    here, principal, document_id = _own(request)
    voice = request.query_params.get("voice")
    manifest = await blocking(manifest_of, here, principal, document_id, voice)
    headers = {"cache-control": "private, no-cache", "etag": etag_of(manifest)}
    if matches_etag(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(manifest, media_type="application/json", headers=headers)


def change_policy(
    here: Backend, principal: Principal, document_id: DocumentId, changes: Policy
) -> list[dict[str, object]]:
    """Speak, skip or announce kinds of text from now on; return what is skipped."""
    catalog = here.services.catalog
    document = catalog.get(principal, document_id)
    policy = {**document.policy, **changes}
    catalog.set_policy(principal, document_id, policy)
    text = text_of(here.services, document)
    if text is not None:
        spoken_chars = text_stats(text, policy).spoken_chars
        catalog.set_spoken_chars(principal, document_id, spoken_chars)
    return skipped_entries(text, policy)


async def put_policy(request: Request) -> Response:
    """Take a change of what is spoken."""
    here, principal, document_id = _own(request)
    changes = await read_body(request, PolicyChange, limit_bytes=4096)
    skipped = await blocking(change_policy, here, principal, document_id, changes.root)
    return JSONResponse({"skipped": skipped}, headers=NO_STORE)


async def send_original(request: Request) -> Response:
    """Answer with the file as it was handed in, never as a page of this site."""
    here, principal, document_id = _own(request)
    document = await blocking(here.services.catalog.get, principal, document_id)
    return await stored_file(
        here.services.blobs,
        BlobHash(document.blob),
        media_type="application/octet-stream",
        filename=document.filename,
        headers={"cache-control": "private, no-cache"},
    )


def start_rendering(
    here: Backend, principal: Principal, document_id: DocumentId
) -> tuple[Job, bool]:
    """Return the job that renders a document, and whether it was made just now."""
    document = here.services.catalog.get(principal, document_id)
    if document.state is not DocumentState.READY:
        raise InvalidRequest(
            f"“{document.title}” is not ready yet. Wait until it can be played."
        )
    here.services.require_disk()
    return following.new_job(here, principal, document_id, JobKind.RENDER)


async def render(request: Request) -> Response:
    """Start voicing a whole document into one file."""
    here, principal, document_id = _own(request)
    job, is_new = await blocking(start_rendering, here, principal, document_id)
    task = BackgroundTask(following.launch, here, job) if is_new else None
    return JSONResponse({"job": job.id}, status_code=202, background=task)


async def send_rendering(request: Request) -> Response:
    """Answer with the whole document as one sound file, once it was rendered."""
    here, principal, document_id = _own(request)
    catalog = here.services.catalog
    document = await blocking(catalog.get, principal, document_id)
    artifact = await blocking(catalog.own_artifact, principal, document_id, RENDERED)
    if artifact is None:
        raise NotFound(
            f"“{document.title}” has not been rendered to one file yet. "
            "Choose “Make an audio file” in the reader first."
        )
    return await stored_file(
        here.services.blobs,
        artifact.blob,
        media_type="audio/ogg",
        filename=f"{document.title}.opus",
        headers={"cache-control": "private, no-cache"},
    )


ROUTES: list[BaseRoute] = [
    route("/api/documents/{id}/manifest", send_manifest),
    route("/api/documents/{id}/policy", put_policy, "PUT"),
    route("/api/documents/{id}/original", send_original),
    route("/api/documents/{id}/render", render, "POST"),
    route("/api/documents/{id}/audio.opus", send_rendering),
]
