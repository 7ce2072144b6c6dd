"""Resumable uploads: announced, sent in pieces, gone on with after any break."""

import asyncio

from pydantic import Field
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend, following, intake
from dashboard.api.answers import NO_STORE, blocking, principal_of, read_body, route
from dashboard.backend import Backend
from lectern.accounts.people import Principal
from lectern.contracts import Contract
from lectern.errors import InvalidRequest, LecternError, StoreError
from lectern.ids import UploadId
from lectern.jobs.wanted import LOCAL, Wanted
from lectern.settings import PIECE_BYTES
from resources.engines.recognition.sniff import sniff_start
from resources.stores.uploads import Upload

WRITE_BYTES = 2 * 1024**2
"""Gathered before each write, as every write is synced to disk."""
SNIFF_BYTES = 4096

_being_sent: set[UploadId] = set()


class NewUpload(Contract):
    """A file as a client announces it."""

    name: str = Field(min_length=1, max_length=255)
    size_bytes: int = Field(ge=0)


async def begin_upload(request: Request) -> Response:
    """Agree to take a file."""
    uploads, principal = backend.current().services.uploads, principal_of(request)
    wanted = await read_body(request, NewUpload, limit_bytes=4096)
    upload = await blocking(uploads.begin, principal, wanted.name, wanted.size_bytes)
    return JSONResponse({"id": upload.id, "offset": 0}, status_code=201)


async def tell_offset(request: Request) -> Response:
    """Answer how many bytes have arrived, so that a client can go on from there."""
    upload = await _upload(request)
    headers = {
        "upload-offset": str(upload.offset_bytes),
        "upload-length": str(upload.size_bytes),
    }
    return Response(headers=headers | NO_STORE)


async def abandon_upload(request: Request) -> Response:
    """Forget an upload and its bytes."""
    upload = await _upload(request)
    uploads = backend.current().services.uploads
    await blocking(uploads.abandon, principal_of(request), upload.id)
    return Response(status_code=204)


async def take_piece(request: Request) -> Response:
    """Take a piece of a file; with its last byte it becomes a document."""
    here, principal = backend.current(), principal_of(request)
    upload = await _upload(request)
    stated = request.headers.get("upload-offset")
    if stated != str(upload.offset_bytes) or upload.id in _being_sent:
        return _wrong_offset(upload)
    _being_sent.add(upload.id)
    try:
        return await _take_piece(request, here, principal, upload)
    except ClientDisconnect:
        return Response(status_code=204)  # nobody reads it; the bytes are kept
    except LecternError as error:
        # A file that is refused leaves nothing behind; one that met a fault of ours
        # or of the client's program can be gone on with.
        if not isinstance(error, InvalidRequest | StoreError):
            await blocking(here.services.uploads.abandon, principal, upload.id)
        raise
    finally:
        _being_sent.discard(upload.id)


def _wrong_offset(upload: Upload) -> Response:
    body = {
        "code": "wrong_offset",
        "message": f"{upload.offset_bytes:,} bytes have arrived. Go on from there.",
        "offset": upload.offset_bytes,
    }
    return JSONResponse(body, status_code=409, headers=NO_STORE)


async def _take_piece(
    request: Request, here: Backend, principal: Principal, upload: Upload
) -> Response:
    upload = await _write_stream(request, principal, upload)
    if not upload.is_complete:
        return JSONResponse({"offset": upload.offset_bytes, "complete": False})
    wanted = Wanted(request.query_params.get("recogniser") or LOCAL)
    taken = await blocking(intake.take_upload, here, principal, upload, wanted)
    task = BackgroundTask(following.launch, here, taken.job) if taken.job else None
    body = {"offset": upload.offset_bytes, "complete": True} | intake.taken_body(taken)
    return JSONResponse(body, status_code=201, background=task)


async def _write_stream(
    request: Request, principal: Principal, upload: Upload
) -> Upload:
    """Write the request's bytes as they come; what came before a break is kept."""
    gathered, received = bytearray(), 0
    try:
        async for chunk in request.stream():
            gathered += chunk
            received += len(chunk)
            if received > PIECE_BYTES:
                raise InvalidRequest(
                    f"One request may carry {PIECE_BYTES:,} bytes. "
                    "Send the file in smaller pieces."
                )
            if len(gathered) >= WRITE_BYTES:
                upload = await blocking(_write, principal, upload, bytes(gathered))
                gathered.clear()
    except (ClientDisconnect, asyncio.CancelledError):
        _write(principal, upload, bytes(gathered))
        raise
    return await blocking(_write, principal, upload, bytes(gathered))


def _write(principal: Principal, upload: Upload, data: bytes) -> Upload:
    if upload.offset_bytes == 0 and data:
        sniff_start(data[:SNIFF_BYTES], name=upload.name)
    uploads = backend.current().services.uploads
    return uploads.advance(principal, upload.id, offset=upload.offset_bytes, data=data)


async def _upload(request: Request) -> Upload:
    upload_id = UploadId(request.path_params["id"])
    uploads = backend.current().services.uploads
    return await blocking(uploads.get, principal_of(request), upload_id)


ROUTES: list[BaseRoute] = [
    route("/api/uploads", begin_upload, "POST"),
    route("/api/uploads/{id}", tell_offset, "HEAD"),
    route("/api/uploads/{id}", take_piece, "PUT"),
    route("/api/uploads/{id}", abandon_upload, "DELETE"),
]
