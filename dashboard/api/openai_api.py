"""Speech for programs, as OpenAI offers it: ``/v1/audio/speech`` and its voices.

Every block of a text is an ordinary variant: found if it was ever spoken, made once
if not, counted for the token's owner. Sound leaves block by block.
"""

import asyncio
import base64
import json
import logging
import threading
from collections.abc import AsyncIterator, Generator
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from dashboard import backend
from dashboard.api.answers import NO_STORE, blocking, read_bytes
from dashboard.api.openai_answers import (
    Refused,
    failure,
    no_such_address,
    refusal_of,
    token_route,
    too_busy,
)
from dashboard.api.threads import Pieces
from dashboard.backend import Backend
from dashboard.pacing import count_elements
from dashboard.speakers import models, served_voices, speaker
from lectern.accounts.people import Principal
from lectern.accounts.rates import RateClass
from lectern.accounts.tokens import Scope
from lectern.contracts import Contract
from lectern.errors import Cancelled, LecternError
from resources.engines.sound_streams import (
    FASTEST,
    SLOWEST,
    SoundForm,
    stream_of,
    whole_of,
)
from resources.saying import Saying, say_text

logger = logging.getLogger(__name__)

EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BYTES_A_CHAR = 12
"""Of JSON: a character written as two escapes."""
DISCONNECT_SECONDS = 0.25
"""How often to see whether the program still waits for its first sound."""


class VoiceId(Contract):
    """A voice as OpenAI's clients name their own ones."""

    id: str = Field(min_length=1, max_length=200)


class SpeechRequest(Contract):
    """What a program wants to hear. ``instructions`` are taken and not followed: no
    engine here understands them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Annotated[str, StringConstraints(min_length=1)]
    model: str = Field("lectern", min_length=1, max_length=200)
    voice: Annotated[str, Field(min_length=1, max_length=200)] | VoiceId = "default"
    response_format: SoundForm = SoundForm.MP3
    speed: float = Field(1.0, ge=SLOWEST, le=FASTEST)
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str = Field("", max_length=10_000)

    @property
    def voice_name(self) -> str:
        """Return the voice that was asked for, however it was written."""
        return self.voice if isinstance(self.voice, str) else self.voice.id


class Speaking:
    """How many texts are spoken now, in this process."""

    def __init__(self) -> None:
        self.now = 0

    def begin(self, most: int) -> None:
        """Take a place.

        Raises:
            Refused: There is none.
        """
        if self.now >= most:
            raise too_busy(most)
        self.now += 1

    def end(self) -> None:
        """Give the place back."""
        self.now -= 1


speaking = Speaking()
"""Only used on the event loop, hence without a lock."""


async def speak(request: Request, principal: Principal) -> Response:
    """Answer with the sound of a text."""
    here = backend.current()
    wanted = await _read(request, here)
    most = here.settings.api.parallel_requests
    speaking.begin(most)
    pieces: Pieces | None = None
    try:
        saying = await blocking(_say, here, principal, wanted)
        pieces = Pieces(lambda stop: _sound(saying, wanted, stop))
        first = await _first(request, pieces)
    except BaseException:
        if pieces is not None:
            pieces.close()
        speaking.end()
        raise
    return _answer(wanted, saying, first, pieces)


def _answer(
    wanted: SpeechRequest, saying: Saying, first: bytes | None, pieces: Pieces
) -> Response:
    chunks = _with_first(first, pieces)
    if wanted.stream_format == "sse":
        return SoundAnswer(pieces, _events(chunks, saying), "text/event-stream")
    return SoundAnswer(pieces, chunks, wanted.response_format.media_type)


class SoundAnswer(StreamingResponse):
    """Sound on its way; sent or broken off, the place is given back."""

    def __init__(
        self,
        pieces: Pieces,
        content: AsyncIterator[bytes] | AsyncIterator[str],
        media_type: str,
    ) -> None:
        super().__init__(content, media_type=media_type, headers=NO_STORE)
        self._pieces = pieces

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Send it.

        A sound that ends early must not look whole: left without its end, the server
        breaks the connection off.
        """
        try:
            await super().__call__(scope, receive, send)
        except LecternError as error:
            logger.warning("A sound was broken off: %s", error.message)
        finally:
            self._pieces.close()
            speaking.end()


async def _read(request: Request, here: Backend) -> SpeechRequest:
    most_chars = here.settings.api.input_chars
    data = await read_bytes(request, limit_bytes=64 * 1024 + BYTES_A_CHAR * most_chars)
    try:
        wanted = SpeechRequest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        param = ".".join(str(part) for part in first["loc"]) or None
        raise Refused(
            f"{param or 'The request'}: {first['msg']}.",
            status=400,
            code="invalid_value",
            param=param,
        ) from error
    if len(wanted.input) > most_chars:
        raise Refused(
            f"The input has {len(wanted.input):,} characters; one request may have "
            f"{most_chars:,}. Send it in parts.",
            status=400,
            code="string_above_max_length",
            param="input",
        )
    return wanted


def _say(here: Backend, principal: Principal, wanted: SpeechRequest) -> Saying:
    voice = speaker(
        here, principal, model=wanted.model, name=wanted.voice_name, text=wanted.input
    )
    saying = say_text(here.services, principal, wanted.input, voice=voice)
    count_elements(principal, RateClass.SPEECH, len(saying.missing()))
    return saying


def _sound(
    saying: Saying, wanted: SpeechRequest, stop: threading.Event
) -> Generator[bytes]:
    """Yield the sound as it is made, on a thread."""
    sounds = saying.sounds(stop)
    try:
        if len(saying.indices) == 1:
            yield whole_of(sounds, wanted.response_format, speed=wanted.speed)
        else:
            yield from stream_of(sounds, wanted.response_format, speed=wanted.speed)
    finally:
        sounds.close()


async def _first(request: Request, pieces: Pieces) -> bytes | None:
    """Return the first sound: until then an error still has a status of its own."""
    waiting = asyncio.ensure_future(pieces.next())
    try:
        while not waiting.done():
            await asyncio.wait([waiting], timeout=DISCONNECT_SECONDS)
            if not waiting.done() and await request.is_disconnected():
                raise Cancelled("Nobody waits for the sound any more.")
        return waiting.result()
    finally:
        waiting.cancel()


async def _with_first(first: bytes | None, pieces: Pieces) -> AsyncIterator[bytes]:
    """Yield every piece."""
    if first is not None:
        yield first
        while (piece := await pieces.next()) is not None:
            yield piece


async def _events(chunks: AsyncIterator[bytes], saying: Saying) -> AsyncIterator[str]:
    """Yield the pieces as OpenAI's server-sent events."""
    try:
        async for piece in chunks:
            sound = base64.b64encode(piece).decode()
            yield _event({"type": "speech.audio.delta", "audio": sound})
    except LecternError as error:
        yield _event({"type": "error", **refusal_of(error).body})
        return
    except Exception:  # noqa: BLE001  (the status was sent long ago)
        yield _event({"type": "error", **failure().body})
        return
    chars = await blocking(lambda: saying.chars)
    usage = {"input_tokens": chars, "output_tokens": 0, "total_tokens": chars}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(body: dict[str, object]) -> str:
    return f"data: {json.dumps(body)}\n\n"


async def list_voices(request: Request, principal: Principal) -> Response:
    """Answer with the voices that this token's owner may use."""
    here = backend.current()
    voices = await blocking(served_voices, here, principal)
    listed = [
        {
            "id": voice.id,
            "name": voice.name,
            "object": "voice",
            "language": voice.language,
            "gender": voice.gender,
            "model": voice.engine,
            "licence": voice.licence,
        }
        for voice in voices
    ]
    return JSONResponse({"object": "list", "voices": listed}, headers=NO_STORE)


async def list_models(request: Request, principal: Principal) -> Response:
    """Answer with the names that may be given as the model."""
    names = await blocking(models, backend.current())
    listed = [
        {"id": name, "object": "model", "created": 0, "owned_by": "lectern"}
        for name in names
    ]
    return JSONResponse({"object": "list", "data": listed}, headers=NO_STORE)


ROUTES: list[BaseRoute] = [
    token_route("/v1/audio/speech", speak, "POST", Scope.SPEECH),
    token_route("/v1/audio/voices", list_voices, "GET", Scope.VOICES),
    token_route("/v1/models", list_models, "GET", Scope.VOICES),
    Route("/v1/{path:path}", no_such_address, methods=list(EVERY_METHOD)),
]
