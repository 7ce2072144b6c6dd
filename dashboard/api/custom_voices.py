"""Voices that people make: made, changed, shared, taken away and brought in."""

import urllib.parse
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import (
    NO_STORE,
    blocking,
    principal_of,
    read_body,
    read_bytes,
    route,
)
from dashboard.api.voices import custom_entry, voice_entry
from dashboard.backend import Backend
from lectern.accounts.people import Principal
from lectern.contracts import Contract
from lectern.errors import NotFound
from lectern.ids import BlobHash
from lectern.speech.custom_voices import CustomVoice, Visibility
from lectern.speech.voice_contracts import NewVoice, VoiceChange
from resources.services import Services
from resources.stores.voice_links import VoiceLink
from resources.voice_archives import MEDIA_TYPE, SUFFIX
from resources.voice_making import CLIPS

ACCEPT_PATH = "/voices#accept="


class VisibilityChange(Contract):
    """Who may use a voice from now on."""

    visibility: Visibility


class Acceptance(Contract):
    """A link's token, sent in the body so that no log keeps it."""

    token: str = Field(min_length=10, max_length=200)


def _own(request: Request) -> tuple[Backend, Services, Principal, str]:
    here = backend.current()
    return here, here.services, principal_of(request), request.path_params["id"]


def _answer(
    here: Backend, principal: Principal, made: CustomVoice, *, status: int = 200
) -> JSONResponse:
    body = voice_entry(made.voice()) | custom_entry(here, principal, made)
    return JSONResponse(body, status_code=status, headers=NO_STORE)


def _link_entry(link: VoiceLink) -> dict[str, Any]:
    return {
        "id": link.id,
        "guests": link.guests,
        "created_at": link.created_at.isoformat(),
    }


async def make(request: Request) -> Response:
    """Make a voice."""
    here, principal = backend.current(), principal_of(request)
    wanted = await read_body(request, NewVoice)
    made = await blocking(here.services.voice_making().make, principal, wanted)
    return _answer(here, principal, made, status=201)


async def change(request: Request) -> Response:
    """Change a voice's name, licence, description, language or recipe."""
    here, services, principal, id_ = _own(request)
    wanted = await read_body(request, VoiceChange)
    made = await blocking(services.voice_making().change, principal, id_, wanted)
    return _answer(here, principal, made)


async def renew(request: Request) -> Response:
    """Make a voice anew with its engine as it is today."""
    here, services, principal, id_ = _own(request)
    made = await blocking(services.voice_making().renew, principal, id_)
    return _answer(here, principal, made)


async def delete(request: Request) -> Response:
    """Take a voice away; it can be brought back."""
    _here, services, principal, id_ = _own(request)
    await blocking(services.voices.delete, principal, id_)
    return Response(status_code=204)


async def restore(request: Request) -> Response:
    """Bring a deleted voice back."""
    here, services, principal, id_ = _own(request)
    made = await blocking(services.voices.restore, principal, id_)
    return _answer(here, principal, made)


async def set_visibility(request: Request) -> Response:
    """Say who else may use a voice."""
    here, services, principal, id_ = _own(request)
    wanted = await read_body(request, VisibilityChange, limit_bytes=4096)
    made = await blocking(
        services.voices.set_visibility, principal, id_, wanted.visibility
    )
    return _answer(here, principal, made)


async def list_links(request: Request) -> Response:
    """Answer with the links of a voice, never with their tokens."""
    _here, services, principal, id_ = _own(request)
    links = await blocking(services.voice_links.of, principal, id_)
    return JSONResponse([_link_entry(link) for link in links], headers=NO_STORE)


async def make_link(request: Request) -> Response:
    """Make a link; its address is told this once."""
    _here, services, principal, id_ = _own(request)
    link, token = await blocking(services.voice_links.make, principal, id_)
    body = _link_entry(link) | {"token": token, "path": f"{ACCEPT_PATH}{token}"}
    return JSONResponse(body, status_code=201, headers=NO_STORE)


async def revoke_link(request: Request) -> Response:
    """Take a link back, and the voice from everybody who accepted it."""
    _here, services, principal, id_ = _own(request)
    link_id = request.path_params["link"]
    await blocking(services.voice_links.revoke, principal, id_, link_id)
    return Response(status_code=204)


async def accept(request: Request) -> Response:
    """Let this person use the voice that a link leads to."""
    here, principal = backend.current(), principal_of(request)
    wanted = await read_body(request, Acceptance, limit_bytes=4096)
    made = await blocking(here.services.voice_links.accept, principal, wanted.token)
    return _answer(here, principal, made)


async def leave(request: Request) -> Response:
    """Give up a voice that was accepted by link."""
    _here, services, principal, id_ = _own(request)
    await blocking(services.voice_links.leave, principal, id_)
    return Response(status_code=204)


async def send_archive(request: Request) -> Response:
    """Answer with a voice as a file."""
    _here, services, principal, id_ = _own(request)
    made, data = await blocking(services.voice_making().export, principal, id_)
    name = urllib.parse.quote(f"{made.slug}{SUFFIX}")
    headers = NO_STORE | {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(data, media_type=MEDIA_TYPE, headers=headers)


async def take_archive(request: Request) -> Response:
    """Make a voice from a file."""
    here, principal = backend.current(), principal_of(request)
    limit_bytes = here.settings.limits.voice_archive_bytes
    data = await read_bytes(request, limit_bytes=limit_bytes)
    imported = await blocking(here.services.voice_making().import_, principal, data)
    body = voice_entry(imported.voice.voice())
    body |= custom_entry(here, principal, imported.voice) | {"remark": imported.remark}
    return JSONResponse(body, status_code=201, headers=NO_STORE)


async def take_clip(request: Request) -> Response:
    """Keep a recording from which a voice is to be made."""
    here, principal = backend.current(), principal_of(request)
    data = await read_bytes(request, limit_bytes=here.settings.limits.clip_bytes)
    making = here.services.voice_making()
    blob, clip = await blocking(making.take_clip, principal, data)
    body = {"clip": blob, "duration_ms": clip.duration_ms}
    return JSONResponse(body, status_code=201, headers=NO_STORE)


async def send_clip(request: Request) -> Response:
    """Answer with a recording that this person handed in."""
    services, principal = backend.current().services, principal_of(request)
    wanted = request.path_params["clip"]
    mine = await blocking(services.preferences.get, principal, CLIPS)
    if wanted not in (mine or []):
        raise NotFound("There is no such recording of yours.")
    data = await blocking(services.blobs.read, BlobHash(wanted))
    return Response(data, media_type="audio/wav", headers=NO_STORE)


_ID = "/api/voices/{id}"

ROUTES: list[BaseRoute] = [
    route("/api/voices", make, "POST"),
    route("/api/voices/accept", accept, "POST"),
    route("/api/voices/archives", take_archive, "POST"),
    route("/api/voices/clips", take_clip, "POST"),
    route("/api/voices/clips/{clip}.wav", send_clip),
    route(_ID, change, "PATCH"),
    route(_ID, delete, "DELETE"),
    route(f"{_ID}/renew", renew, "POST"),
    route(f"{_ID}/restore", restore, "POST"),
    route(f"{_ID}/visibility", set_visibility, "PUT"),
    route(f"{_ID}/links", list_links),
    route(f"{_ID}/links", make_link, "POST"),
    route(f"{_ID}/links/{{link}}", revoke_link, "DELETE"),
    route(f"{_ID}/guest", leave, "DELETE"),
    route(f"{_ID}/archive", send_archive),
]
