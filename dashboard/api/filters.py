"""Filters: find-and-replace rules, and words that are to be said otherwise."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import NO_STORE, blocking, principal_of, read_body, route
from lectern.accounts.people import Principal
from lectern.contracts import Contract
from lectern.documents.filter_files import FILE_BYTES, FilterEntry
from lectern.documents.filters import Rule
from lectern.errors import InvalidRequest
from lectern.ids import DocumentId
from resources.services import Services
from resources.stores.filters import KeptFilter

PRONUNCIATIONS = "Pronunciations"
"""Name of the filter that words go into which somebody wants said otherwise."""


class NewFilter(FilterEntry):
    """A filter as a client asks for it; for all documents, or for one."""

    document: DocumentId | None = None


class Saying(Contract):
    """Words that are to be said otherwise from now on."""

    words: str = Field(min_length=1, max_length=500)
    say: str = Field(max_length=500)
    everywhere: bool = False  # in all documents


def filter_entry(kept: KeptFilter) -> dict[str, object]:
    """Return a filter as clients read it."""
    return {
        "id": kept.id,
        "document": kept.document_id,
        "version": kept.version,
        "changed_at": kept.changed_at.isoformat(),
        **FilterEntry.of(kept.filter).model_dump(mode="json"),
    }


async def list_filters(request: Request) -> Response:
    """Answer with the filters for all documents, or with those of one."""
    services, principal = backend.current().services, principal_of(request)
    wanted = request.query_params.get("document")
    document_id = DocumentId(wanted) if wanted else None
    if document_id is not None:
        await blocking(services.catalog.get, principal, document_id)
    found = await blocking(services.filters.all, principal, document_id)
    body = {"filters": [filter_entry(kept) for kept in found]}
    return JSONResponse(body, headers=NO_STORE)


async def add_filter(request: Request) -> Response:
    """Keep a new filter."""
    services, principal = backend.current().services, principal_of(request)
    wanted = await read_body(request, NewFilter, limit_bytes=FILE_BYTES)

    def add() -> KeptFilter:
        return services.filters.add(
            principal, wanted.filter(), document_id=wanted.document
        )

    return JSONResponse(filter_entry(await blocking(add)), status_code=201)


async def get_filter(request: Request) -> Response:
    """Answer with one filter, or with an older version of it."""
    services, principal = backend.current().services, principal_of(request)
    filter_id = request.path_params["id"]
    kept = await blocking(services.filters.get, principal, filter_id)
    found = await blocking(services.filters.versions, principal, filter_id)
    versions = [
        {"version": known.version, "made_at": known.made_at.isoformat()}
        for known in found
    ]
    body = filter_entry(kept) | {"versions": versions}
    return JSONResponse(body, headers=NO_STORE)


async def put_filter(request: Request) -> Response:
    """Replace a filter by another version of it."""
    services, principal = backend.current().services, principal_of(request)
    wanted = await read_body(request, FilterEntry, limit_bytes=FILE_BYTES)
    filter_id = request.path_params["id"]
    kept = await blocking(
        services.filters.change, principal, filter_id, wanted.filter()
    )
    return JSONResponse(filter_entry(kept), headers=NO_STORE)


async def delete_filter(request: Request) -> Response:
    """Forget a filter."""
    services, principal = backend.current().services, principal_of(request)
    await blocking(services.filters.delete, principal, request.path_params["id"])
    return Response(status_code=204)


def say_otherwise(
    services: Services, principal: Principal, document_id: DocumentId, wanted: Saying
) -> dict[str, object]:
    """Keep a rule for words, and read the document by it at once.

    Words that are to be said as they are written have their rule taken away.

    Raises:
        NotFound: There is no such document of this person.
        InvalidRequest: There is nothing to look for, or nothing would change.
    """
    document = services.catalog.get(principal, document_id)
    words = " ".join(wanted.words.split())
    rule = Rule(words, wanted.say.strip())
    where = None if wanted.everywhere else document_id
    is_as_written = words == " ".join(wanted.say.split())
    keep = services.filters.drop_rule if is_as_written else services.filters.add_rule
    kept = keep(principal, rule, name=PRONUNCIATIONS, document_id=where)
    if kept is None:
        raise InvalidRequest("This is how it is said already. Write it otherwise.")
    services.filtering().refresh(document)
    return {"filter": kept.id, "version": kept.version}


async def add_saying(request: Request) -> Response:
    """Take words that are to be said otherwise."""
    services, principal = backend.current().services, principal_of(request)
    document_id = DocumentId(request.path_params["id"])
    wanted = await read_body(request, Saying)
    body = await blocking(say_otherwise, services, principal, document_id, wanted)
    return JSONResponse(body, status_code=201)


ROUTES: list[BaseRoute] = [
    route("/api/filters", list_filters),
    route("/api/filters", add_filter, "POST"),
    route("/api/filters/{id}", get_filter),
    route("/api/filters/{id}", put_filter, "PUT"),
    route("/api/filters/{id}", delete_filter, "DELETE"),
    route("/api/documents/{id}/sayings", add_saying, "POST"),
]
