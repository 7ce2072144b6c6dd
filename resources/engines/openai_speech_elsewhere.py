"""A speech server that another environment's interpreter talks to.

The ``openai`` library may be missing here and installed in an environment of its own
(``docs/environments.md``). Runs go there; what the web app and other runs need now and
then, a preview or one sentence in another language, is asked of a resident process of
that interpreter. It only carries requests: all that decides a sound is done here.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lectern.errors import BadEngineReply, EngineBusy, EngineError, class_of
from lectern.settings import SpeechServer
from resources.engines.openai_speech_client import Reply, SpeechClient
from resources.engines.resident import Resident

MODULE = "resources.engines.openai_speech_process"
KEEP_SECONDS = 120.0
"""How long the process stays when nobody asks."""
VARIABLE = "LECTERN_SPEECH_SERVERS"


class ElsewhereClient(SpeechClient):
    """Has another interpreter ask the server. Safe to share as ``SpeechClient`` is."""

    def __init__(
        self, name: str, server: SpeechServer, *, python: Path, root: Path, folder: Path
    ) -> None:
        super().__init__(name, server)
        options = {
            "name": name,
            "processes": server.parallel_requests,
            "keep_seconds": KEEP_SECONDS,
        }
        self._resident = Resident(
            name=name,
            title=f"What asks the speech server “{name}”",
            command=(str(python), "-m", MODULE, json.dumps(options)),
            folder=folder,
            log=root / "logs" / f"{name}.log",
            environment={VARIABLE: stated(name, server)},
        )

    def speak(self, request: Mapping[str, Any]) -> Reply:
        """Return the sound of one request to ``/audio/speech``."""
        return self._ask_one("speak", request=request)

    def speak_batch(
        self, texts: Sequence[str], shared: Mapping[str, Any]
    ) -> list[Reply | EngineError]:
        """Return the sound of each text, or why there is none."""
        return self._ask("speak_batch", texts=list(texts), shared=shared)

    def chat(self, request: Mapping[str, Any]) -> Reply:
        """Return the sound of one request to ``/chat/completions``."""
        return self._ask_one("chat", request=request)

    def voices(self) -> dict[str, Any]:
        """Return what ``/audio/voices`` says."""
        return dict(json.loads(self._ask_one("voices").data))

    def close(self) -> None:
        """Do nothing: the process serves others too, and ends by itself."""

    def _ask_one(self, ask: str, **arguments: object) -> Reply:
        [reply] = self._ask(ask, **arguments)
        if isinstance(reply, EngineError):
            raise reply
        return reply

    def _ask(self, ask: str, **arguments: object) -> list[Reply | EngineError]:
        # A recording inside a request is longer than a header may be.
        with tempfile.TemporaryDirectory(prefix="lectern-request-") as folder:
            path = Path(folder) / "arguments.json"
            path.write_text(json.dumps(arguments))
            header, body = self._resident.ask({"ask": ask, "file": str(path)})
        try:
            failure = header.get("failure")
            refused = _failure(failure) if failure else None
            found = [] if refused else list(_items(header, body))
        except (KeyError, TypeError, ValueError) as error:
            raise BadEngineReply(f"{self._resident.title} replied nonsense.") from error
        if refused:
            raise refused
        return found


def _items(header: Mapping[str, Any], body: bytes) -> Iterator[Reply | EngineError]:
    position = 0
    for item in header["items"]:
        if failure := item.get("failure"):
            yield _failure(failure)
            continue
        end = position + int(item["bytes"])
        yield Reply(body[position:end], str(item["media_type"]))
        position = end


def _failure(told: Mapping[str, Any]) -> EngineError:
    """Return an error as it was raised at the other end."""
    kind, message = class_of(str(told["code"])), str(told["message"])
    if kind is EngineBusy:
        return EngineBusy(message, retry_after_seconds=float(told["seconds"]))
    if kind is None or not issubclass(kind, EngineError):
        return EngineError(message)
    return kind(message)


def stated(name: str, server: SpeechServer) -> str:
    """Return the server's settings as a variable holds them, its key with them."""
    settings = server.model_dump(mode="json", exclude={"api_key"})
    if server.api_key is not None:
        settings["api_key"] = server.api_key.get_secret_value()
    return json.dumps({name: settings})
