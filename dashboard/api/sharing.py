"""Sharing documents: ways in are made and taken back, accepted and left."""

from datetime import timedelta
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import NO_STORE, blocking, principal_of, read_body, route
from dashboard.components.files import static_version
from lectern.accounts.people import EMAIL_CHARS, Principal
from lectern.contracts import Contract
from lectern.ids import DocumentId
from resources.services import Services
from resources.sharing import make_link, names_of, share_with
from resources.stores.sharing import DocumentShare, Received

SHARED_PATH = "/shared#"
"""Where a link leads. What it carries stays in the browser: no log keeps it."""
MOST_DAYS = 3650

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex">
  <title>A shared document · Lectern</title>
  <link rel="icon" href="{assets}/icon.png">
  <link rel="stylesheet" href="{assets}/account.css">
  <script type="module" src="{assets}/shared.js"></script>
</head>
<body>
<main>
  <p class="mark">
    <img src="{assets}/icon.png" alt="" width="40" height="40"> Lectern
  </p>
  <h1>A shared document</h1>
  <p class="lead" id="said" role="status">Opening …</p>
  <nav aria-label="Other ways" hidden><a href="/">Go to the library</a></nav>
</main>
</body>
</html>
"""


class NewShare(Contract):
    """A way in as it is asked for: for one person, or without an address a link."""

    email: str | None = Field(default=None, min_length=3, max_length=EMAIL_CHARS)
    expires_days: int | None = Field(default=None, ge=1, le=MOST_DAYS)


class AcceptedLink(Contract):
    """What a link carries, sent in the body so that no log keeps it."""

    token: str = Field(min_length=10, max_length=200)


def _own(request: Request) -> tuple[Services, Principal, DocumentId]:
    document_id = DocumentId(request.path_params["id"])
    return backend.current().services, principal_of(request), document_id


def share_entry(share: DocumentShare) -> dict[str, Any]:
    """Return a share as JSON, never with what its link carries."""
    return {
        "id": share.id,
        "kind": "link" if share.is_link else "person",
        "named": share.named,
        "guests": share.guests,
        "created_at": share.created_at.isoformat(),
        "expires_at": share.expires_at and share.expires_at.isoformat(),
    }


def share_anew(
    services: Services, principal: Principal, document_id: DocumentId, wanted: NewShare
) -> dict[str, Any]:
    """Make a share; of a link its address is told this once."""
    expires_at = None
    if wanted.expires_days is not None:
        expires_at = services.database.now() + timedelta(days=wanted.expires_days)
    if wanted.email is not None:
        return share_entry(
            share_with(
                services,
                principal,
                document_id,
                email=wanted.email,
                expires_at=expires_at,
            )
        )
    share, token = make_link(services, principal, document_id, expires_at=expires_at)
    return share_entry(share) | {"token": token, "path": f"{SHARED_PATH}{token}"}


async def list_shares(request: Request) -> Response:
    """Answer with the ways into a document, newest first."""
    services, principal, document_id = _own(request)
    found = await blocking(services.shares.of, principal, document_id)
    body = {"shares": [share_entry(share) for share in found]}
    return JSONResponse(body, headers=NO_STORE)


async def add_share(request: Request) -> Response:
    """Let a person in, or make a link."""
    services, principal, document_id = _own(request)
    wanted = await read_body(request, NewShare, limit_bytes=4096)
    body = await blocking(share_anew, services, principal, document_id, wanted)
    return JSONResponse(body, status_code=201, headers=NO_STORE)


async def revoke_share(request: Request) -> Response:
    """Take a share back, and the document from everybody who came in by it."""
    services, principal, document_id = _own(request)
    share_id = request.path_params["share"]
    await blocking(services.shares.revoke, principal, document_id, share_id)
    return Response(status_code=204)


async def accept(request: Request) -> Response:
    """Let this person read the document that a link leads to."""
    services, principal = backend.current().services, principal_of(request)
    wanted = await read_body(request, AcceptedLink, limit_bytes=4096)
    document = await blocking(services.shares.accept, principal, wanted.token)
    body = {"document": {"id": document.id, "title": document.title}}
    return JSONResponse(body, headers=NO_STORE)


async def leave(request: Request) -> Response:
    """Give up a document that somebody else shared."""
    services, principal, document_id = _own(request)
    await blocking(services.shares.leave, principal, document_id)
    return Response(status_code=204)


def received_entries(services: Services, principal: Principal) -> list[dict[str, Any]]:
    """Return what others have shared with a person, and who did."""
    found = services.shares.received(principal)
    names = names_of(services, [one.document.owner_id for one in found])
    return [_entry(one, names[one.document.owner_id]) for one in found]


def _entry(one: Received, name: str) -> dict[str, Any]:
    return {
        "document": {"id": one.document.id, "title": one.document.title},
        "shared_by": name,
        "since": one.since.isoformat(),
    }


async def list_received(request: Request) -> Response:
    """Answer with the documents that others have shared, newest first."""
    services, principal = backend.current().services, principal_of(request)
    body = {"shared": await blocking(received_entries, services, principal)}
    return JSONResponse(body, headers=NO_STORE)


async def show_page(_request: Request) -> Response:
    """Answer with the page that a link opens; its script hands in what it carries."""
    assets = f"/assets/{static_version()}"
    return HTMLResponse(PAGE.format(assets=assets), headers=NO_STORE)


_SHARES = "/api/documents/{id}/shares"

ROUTES: list[BaseRoute] = [
    route(_SHARES, list_shares),
    route(_SHARES, add_share, "POST"),
    route(f"{_SHARES}/{{share}}", revoke_share, "DELETE"),
    route("/api/documents/{id}/guest", leave, "DELETE"),
    route("/api/shared", list_received),
    route("/api/shared", accept, "POST"),
    route("/shared", show_page),
]
