"""Voiced blocks: the sound and its word times, both for ever the same."""

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import blocking, matches_etag, principal_of, route
from dashboard.api.stored_files import held_file
from lectern.accounts.people import Principal
from lectern.errors import BlobMissing, NotFound
from lectern.ids import VariantKey
from resources.services import Services
from resources.stores.variants import Variant

KEY = re.compile(r"[0-9a-f]{64}")
SENT_AT_ONCE_BYTES = 1024**2
"""A sound up to here is read whole; blocks have some tens of thousands of bytes."""
FOR_EVER = "private, max-age=31536000, immutable"


def own_variant(services: Services, principal: Principal, key: str) -> Variant:
    """Return a variant that is linked from a document which the person may read.

    Raises:
        NotFound: There is none, or only others' documents lead to it.
    """
    if KEY.fullmatch(key) and (
        variant := services.variants.find_own(principal, VariantKey(key))
    ):
        return variant
    raise NotFound("This sound does not exist, or is not yours.")


def _headers(etag: str) -> dict[str, str]:
    return {"cache-control": FOR_EVER, "etag": etag, "vary": "cookie"}


async def send_sound(request: Request) -> Response:
    """Answer with Ogg Opus; ranges are honoured."""
    return await blocking(_sound, request)


def _sound(request: Request) -> Response:
    """Return the answer, ready: each further wait for a thread would cost more time
    than reading a block's sound does.
    """
    services = backend.current().services
    key = request.path_params["key"]
    variant = own_variant(services, principal_of(request), key)
    headers = _headers(f'"{key[:32]}"')
    if matches_etag(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    missing = "The audio of this block is missing and is made again."
    if "range" in request.headers or variant.size_bytes > SENT_AT_ONCE_BYTES:
        return held_file(
            services.blobs,
            variant.blob,
            if_missing=missing,
            media_type="audio/ogg",
            headers=headers,
        )
    headers["accept-ranges"] = "bytes"
    try:
        sound = services.blobs.read(variant.blob)
    except BlobMissing as error:
        raise BlobMissing(missing) from error
    return Response(sound, media_type="audio/ogg", headers=headers)


async def send_words(request: Request) -> Response:
    """Answer with the word times of a sound, as offsets in the spoken text."""
    return await blocking(_words, request)


def _words(request: Request) -> Response:
    key = request.path_params["key"]
    variant = own_variant(backend.current().services, principal_of(request), key)
    headers = _headers(f'"{key[:31]}w"')
    if matches_etag(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    words = [
        [word.start_char, word.end_char, word.start_ms, word.end_ms]
        for word in variant.words
    ]
    body = {"words": words, "duration_ms": variant.duration_ms}
    return JSONResponse(body, headers=headers)


ROUTES: list[BaseRoute] = [
    route("/api/audio/{key}.ogg", send_sound),
    route("/api/audio/{key}.json", send_words),
]
