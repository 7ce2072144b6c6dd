"""Which voices there are, how they sound, and which of them a person prefers."""

from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import (
    NO_STORE,
    blocking,
    matches_etag,
    principal_of,
    read_body,
    route,
)
from dashboard.backend import Backend
from lectern.accounts.people import Principal
from lectern.contracts import Contract
from lectern.errors import EngineUnavailable, InvalidRequest
from lectern.speech.custom_voices import CustomVoice, VoiceKind
from lectern.speech.voice_contracts import NewVoice, recipe_json
from lectern.speech.voices import Voice, speaks
from resources.stores.variants import Variant

FOR_A_DAY = "private, max-age=86400"


class DefaultVoice(Contract):
    """The voice that reads a language from now on; null leaves it to the settings."""

    language: str = Field(min_length=2, max_length=16)
    voice: str | None = Field(max_length=200)


class Favourite(Contract):
    """Whether a voice is kept at hand."""

    voice: str = Field(min_length=1, max_length=200)
    favourite: bool


def catalogue(here: Backend, principal: Principal, language: str | None) -> list[Any]:
    """Return the voices a person may use, custom ones first."""
    services = here.services
    engines, personal = services.speech_engines(), services.personal_voices()
    custom = {voice.voice_id: voice for voice in services.voices.all(principal)}
    defaults = set(personal.defaults(principal).values())
    favourites = set(personal.favourites(principal))
    entries = []
    for voice in engines.voices(language or None, principal):
        entry = voice_entry(voice)
        entry["default"] = voice.id in defaults
        entry["favourite"] = voice.id in favourites
        if (made := custom.get(voice.id)) is not None:
            entry |= custom_entry(here, principal, made)
        entries.append(entry)
    return entries


def voice_entry(voice: Voice) -> dict[str, Any]:
    """Return a voice as JSON."""
    return {
        "id": voice.id,
        "name": voice.name,
        "language": voice.language,
        "gender": voice.gender,
        "engine": voice.engine,
        "licence": voice.licence,
    }


def custom_entry(
    here: Backend, principal: Principal, made: CustomVoice
) -> dict[str, Any]:
    """Return what a custom voice has beside; its recipe only for its owner."""
    is_own = made.owner_id == principal.owner_id
    entry: dict[str, Any] = {
        "custom": made.id,
        "kind": made.recipe.kind.value,
        "own": is_own,
        "visibility": made.visibility.value,
        "description": made.description,
        "stale": _is_stale(here, made),
    }
    if is_own:
        entry["recipe"] = recipe_json(made.recipe)
    return entry


def _is_stale(here: Backend, made: CustomVoice) -> bool:
    try:
        engine = here.services.speech_engines().engine(made.engine)
        return made.is_stale(engine.version)
    except EngineUnavailable:
        return False


async def list_voices(request: Request) -> Response:
    """Answer with voices, best first within a language."""
    language = request.query_params.get("language")
    here, principal = backend.current(), principal_of(request)
    entries = await blocking(catalogue, here, principal, language)
    return JSONResponse(entries, headers=NO_STORE)


def engines_entry(here: Backend) -> list[dict[str, Any]]:
    """Return each engine, with what can be made for it and of which of its voices."""
    engines = here.services.speech_engines()
    found: list[dict[str, Any]] = []
    for name in engines.names():
        try:
            engine = engines.engine(name)
            kinds = sorted(kind.value for kind in engine.custom_kinds)
            parts = _parts(engine.voices()) if engine.custom_kinds else []
        except EngineUnavailable as error:
            found.append({"name": name, "kinds": [], "parts": [], "why": error.message})
            continue
        found.append({"name": name, "kinds": kinds, "parts": parts})
    return found


def _parts(voices: Any) -> list[dict[str, str]]:
    return [
        {
            "voice": voice.parameters.get("voice") or voice.id.partition(":")[2],
            "name": voice.name,
            "language": voice.language,
        }
        for voice in voices
    ]


async def list_engines(_request: Request) -> Response:
    """Answer with the engines and the kinds of voices that can be made for each."""
    entries = await blocking(engines_entry, backend.current())
    body = {"engines": entries, "kinds": [kind.value for kind in VoiceKind]}
    return JSONResponse(body, headers=NO_STORE)


async def preview(request: Request) -> Response:
    """Answer with a sentence in a voice, in the voice's own language."""
    here, principal = backend.current(), principal_of(request)
    voice_id = request.query_params.get("voice", "")
    services = here.services
    voice = await blocking(services.speech_engines().voice, voice_id, principal)
    variant = await blocking(services.previews().sound, principal, voice)
    headers = {"etag": f'"{variant.key[:32]}"', "cache-control": "private, no-cache"}
    if matches_etag(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    return await _sound(here, variant, headers)


async def preview_unsaved(request: Request) -> Response:
    """Answer with a sentence in a voice that is still being made."""
    here, principal = backend.current(), principal_of(request)
    wanted = await read_body(request, NewVoice)
    services = here.services
    voice = await blocking(services.voice_making().unsaved, principal, wanted)
    variant = await blocking(services.previews().sound, principal, voice)
    return await _sound(here, variant, NO_STORE)


async def _sound(here: Backend, variant: Variant, headers: dict[str, str]) -> Response:
    data = await blocking(here.services.blobs.read, variant.blob)
    return Response(data, media_type="audio/ogg", headers=headers)


def choose_default(here: Backend, principal: Principal, wanted: DefaultVoice) -> None:
    """Have a voice read a language.

    Raises:
        UnknownVoice: There is no such voice.
        InvalidRequest: It speaks another language.
    """
    if wanted.voice is not None:
        voice = here.services.speech_engines().voice(wanted.voice, principal)
        if not speaks(voice, wanted.language):
            raise InvalidRequest(
                f"{voice.name} speaks “{voice.language}”, and not “{wanted.language}”."
            )
    personal = here.services.personal_voices()
    personal.set_default(principal, wanted.language, wanted.voice)


async def put_default(request: Request) -> Response:
    """Take the choice of a voice for a language."""
    here, principal = backend.current(), principal_of(request)
    wanted = await read_body(request, DefaultVoice, limit_bytes=4096)
    await blocking(choose_default, here, principal, wanted)
    return JSONResponse({"voice": wanted.voice}, headers=NO_STORE)


async def put_favourite(request: Request) -> Response:
    """Keep a voice at hand, or no longer."""
    here, principal = backend.current(), principal_of(request)
    wanted = await read_body(request, Favourite, limit_bytes=4096)
    services = here.services
    if wanted.favourite:
        await blocking(services.speech_engines().voice, wanted.voice, principal)

    def keep() -> None:
        services.personal_voices().set_favourite(
            principal, wanted.voice, is_favourite=wanted.favourite
        )

    await blocking(keep)
    return JSONResponse({"favourite": wanted.favourite}, headers=NO_STORE)


ROUTES: list[BaseRoute] = [
    route("/api/voices", list_voices),
    route("/api/voices/engines", list_engines),
    route("/api/voices/preview.ogg", preview),
    route("/api/voices/preview", preview_unsaved, "POST"),
    route("/api/voices/default", put_default, "PUT"),
    route("/api/voices/favourite", put_favourite, "PUT"),
]
