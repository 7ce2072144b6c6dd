"""The voices of a speech server: as the settings say, or else as the server does."""

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from lectern.errors import EngineError, EngineUnavailable, NotServed
from lectern.settings import SpeechServer
from lectern.speech.voices import Voice
from resources.engines.openai_speech_client import SpeechClient

KEPT_SECONDS = 300.0
MISSED_SECONDS = 20.0
"""How long a server that could not say is not asked again."""
MOST_VOICES = 2000
LANGUAGE_MARK = "@"

KOKORO_NAME = re.compile(r"(?P<language>[abefhijpz])(?P<gender>[fm])_(?P<name>\w+)")
KOKORO_LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "zh",
}


class ServerVoices:
    """The voices of one server. Safe to share between threads."""

    def __init__(self, name: str, server: SpeechServer, client: SpeechClient) -> None:
        self._name = name
        self._server = server
        self._client = client
        self._lock = threading.Lock()
        self._voices: Sequence[Voice] = ()
        self._failure: EngineError | None = None
        self._good_until = float("-inf")
        if server.voices:
            self._voices = list(self._stated())
            self._good_until = float("inf")

    def all(self) -> Sequence[Voice]:
        """Return every voice, asking the server every few minutes.

        Raises:
            EngineUnavailable: The server cannot say now.
        """
        with self._lock:  # the others wait for one answer
            if time.monotonic() > self._good_until:
                self._ask()
            if self._failure is not None:
                raise EngineUnavailable(self._failure.message) from self._failure
            return self._voices

    def find(self, voice_id: str) -> Voice | None:
        """Return a voice; one that was seen before even while the server is away.

        Raises:
            EngineUnavailable: The server cannot say now, and never could.
        """
        try:
            voices = self.all()
        except EngineUnavailable:
            voices = self._voices
            if not voices:
                raise
        return next((voice for voice in voices if voice.id == voice_id), None)

    def _ask(self) -> None:
        needs_some = self._server.kind == "openai"  # others speak like a recording
        try:
            listed = self._client.voices()
        except NotServed as error:
            if needs_some:
                self._miss(error)
                return
            listed = {}
        except EngineError as error:
            self._miss(error)
            return
        self._failure = None
        self._voices = list(self._listed(listed))
        self._good_until = time.monotonic() + KEPT_SECONDS
        if needs_some and not self._voices:
            self._failure = EngineUnavailable(
                f"The speech server “{self._name}” names no voices. List them in its "
                "setting “voices”."
            )

    def _miss(self, error: EngineError) -> None:
        self._failure = error
        self._good_until = time.monotonic() + MISSED_SECONDS

    def _stated(self) -> Iterator[Voice]:
        for name, language in self._server.voices.items():
            yield self._voice(name, language)

    def _listed(self, listed: Mapping[str, Any]) -> Iterator[Voice]:
        """Yield the voices in a server's list; by name only, or with an id."""
        field = "voices" if self._server.kind == "openai" else "uploaded_voices"
        entries = listed.get(field)
        for entry in list(entries if isinstance(entries, list) else ())[:MOST_VOICES]:
            if isinstance(entry, dict):
                entry = entry.get("id") or entry.get("name")
            if isinstance(entry, str) and entry:
                yield from self._in_each_language(entry)

    def _in_each_language(self, name: str) -> Iterator[Voice]:
        if (match := KOKORO_NAME.fullmatch(name)) and self._server.kind == "openai":
            yield self._voice(
                name,
                KOKORO_LANGUAGES[match["language"]],
                title=match["name"].replace("_", " ").title(),
                gender="female" if match["gender"] == "f" else "male",
            )
            return
        first, *others = self._server.languages or ("en",)
        yield self._voice(name, first)
        for language in others:
            yield self._voice(name, language, mark=f"{LANGUAGE_MARK}{language}")

    def _voice(
        self,
        name: str,
        language: str,
        *,
        mark: str = "",
        title: str = "",
        gender: Literal["female", "male", "neutral"] = "neutral",
    ) -> Voice:
        return Voice(
            id=f"{self._name}:{name}{mark}",
            engine=self._name,
            name=title or name.replace("_", " ").strip().title() or name,
            language=language.lower(),
            gender=gender,
            parameters={"kind": "stock", "voice": name},
            licence=self._server.licence,
        )
