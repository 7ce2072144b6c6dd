"""Asks a speech server for interpreters that lack the library: run as a program.

Started by ``resources/engines/openai_speech_elsewhere.py`` with the interpreter of the
environment “api”, as ``python -m resources.engines.openai_speech_process OPTIONS
DESCRIPTOR``; ``resident_server.py`` says how it is asked. The server and its key come
by the environment, as a command line can be read by everybody.
"""

import json
import sys
from pathlib import Path
from typing import Any

from lectern.errors import EngineBusy, EngineError, EngineUnavailable
from lectern.settings import Settings
from resources.engines.openai_speech_client import Reply, SpeechClient
from resources.engines.openai_speech_connection import require_library
from resources.engines.resident_messages import Header
from resources.engines.resident_server import serve
from resources.engines.resident_work import Refused


class Asking:
    """Carries requests to one server."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._client: SpeechClient | None = None

    def load(self) -> None:
        """Read the settings, and import what every fork needs."""
        try:
            require_library()
        except EngineUnavailable as error:
            raise Refused(error.message) from error
        server = Settings(_env_file=None).speech_servers[self._name]
        self._client = SpeechClient(self._name, server)

    def answer(self, header: Header) -> tuple[Header, bytes]:
        """Carry out one request."""
        arguments = json.loads(Path(header["file"]).read_text())
        try:
            replies = self._replies(header["ask"], arguments)
        except EngineError as error:
            return {"failure": described(error)}, b""
        sounds = [reply for reply in replies if isinstance(reply, Reply)]
        items = [
            {"bytes": len(reply.data), "media_type": reply.media_type}
            if isinstance(reply, Reply)
            else {"failure": described(reply)}
            for reply in replies
        ]
        return {"items": items}, b"".join(sound.data for sound in sounds)

    def is_worn(self) -> bool:
        """Never: it holds nothing."""
        return False

    def _replies(
        self, ask: str, arguments: dict[str, Any]
    ) -> list[Reply | EngineError]:
        client = self._client
        if client is None:
            raise Refused("it has not been loaded")
        match ask:
            case "speak":
                return [client.speak(arguments["request"])]
            case "speak_batch":
                return client.speak_batch(arguments["texts"], arguments["shared"])
            case "chat":
                return [client.chat(arguments["request"])]
            case "voices":
                listed = json.dumps(client.voices()).encode()
                return [Reply(listed, "application/json")]
        raise Refused(f"nobody knows how to {ask}")


def described(error: EngineError) -> Header:
    """Return a failure as it is told to the other end."""
    told: Header = {"code": error.code, "message": error.message}
    if isinstance(error, EngineBusy):
        told["seconds"] = error.retry_after_seconds
    return told


def main(options_json: str, descriptor: str) -> None:
    """Serve."""
    options = json.loads(options_json)
    serve(
        int(descriptor),
        Asking(options["name"]),
        processes=options["processes"],
        idle_seconds=options["keep_seconds"],
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
