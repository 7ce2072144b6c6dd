"""Which voices there are."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import blocking, route
from lectern.speech.voices import Voice


def voices_for(voices: list[Voice], language: str | None) -> list[Voice]:
    """Return the voices of a language ("en" holds "en-gb"), or all of them."""
    if not language:
        return voices
    primary = language.lower().split("-")[0]
    return [v for v in voices if v.language.lower().split("-")[0] == primary]


async def list_voices(request: Request) -> Response:
    """Answer with voices, best first within a language."""
    engines = backend.current().services.speech_engines()
    voices = list(await blocking(engines.voices))
    body = [
        {
            "id": voice.id,
            "name": voice.name,
            "language": voice.language,
            "gender": voice.gender,
            "engine": voice.engine,
        }
        for voice in voices_for(voices, request.query_params.get("language"))
    ]
    return JSONResponse(body, headers={"cache-control": "private, max-age=300"})


ROUTES: list[BaseRoute] = [route("/api/voices", list_voices)]
