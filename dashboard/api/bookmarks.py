"""Places a listener wants to find again."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import NO_STORE, blocking, principal_of, read_body, route
from lectern.accounts.people import Principal
from lectern.contracts import Contract
from lectern.errors import InvalidRequest
from lectern.ids import DocumentId
from resources.services import Services
from resources.stores.bookmarks import Bookmark
from resources.texts import text_of


class NewBookmark(Contract):
    """A bookmark as a client asks for it."""

    block: int = Field(ge=0, lt=10_000_000)
    offset_ms: int = Field(default=0, ge=0, lt=86_400_000)
    label: str = Field(default="", max_length=200)


def _entry(bookmark: Bookmark) -> dict[str, object]:
    return {
        "id": bookmark.id,
        "block": bookmark.block_index,
        "offset_ms": bookmark.offset_ms,
        "label": bookmark.label,
        "created_at": bookmark.created_at.isoformat(),
    }


async def list_bookmarks(request: Request) -> Response:
    """Answer with a document's bookmarks in reading order."""
    services, principal = backend.current().services, principal_of(request)
    document_id = DocumentId(request.path_params["id"])
    await blocking(services.catalog.readable, principal, document_id)
    found = await blocking(services.bookmarks.list, principal, document_id)
    body = {"bookmarks": [_entry(bookmark) for bookmark in found]}
    return JSONResponse(body, headers=NO_STORE)


def keep_place(
    services: Services,
    principal: Principal,
    document_id: DocumentId,
    wanted: NewBookmark,
) -> Bookmark:
    """Keep a place by its block's id too, which outlives an edit elsewhere.

    Raises:
        InvalidRequest: The document has no such block.
    """
    text = text_of(services, services.catalog.readable(principal, document_id))
    if text is None or wanted.block >= len(text.blocks):
        raise InvalidRequest("The document has no such place. Load it again.")
    return services.bookmarks.add(
        principal,
        document_id,
        block_id=text.blocks[wanted.block].id,
        block_index=wanted.block,
        offset_ms=wanted.offset_ms,
        label=wanted.label,
    )


async def add_bookmark(request: Request) -> Response:
    """Keep a place."""
    services, principal = backend.current().services, principal_of(request)
    document_id = DocumentId(request.path_params["id"])
    wanted = await read_body(request, NewBookmark)
    bookmark = await blocking(keep_place, services, principal, document_id, wanted)
    return JSONResponse(_entry(bookmark), status_code=201)


async def delete_bookmark(request: Request) -> Response:
    """Forget a place."""
    services, principal = backend.current().services, principal_of(request)
    await blocking(services.bookmarks.delete, principal, request.path_params["id"])
    return Response(status_code=204)


ROUTES: list[BaseRoute] = [
    route("/api/documents/{id}/bookmarks", list_bookmarks),
    route("/api/documents/{id}/bookmarks", add_bookmark, "POST"),
    route("/api/bookmarks/{id}", delete_bookmark, "DELETE"),
]
