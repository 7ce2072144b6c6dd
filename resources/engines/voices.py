"""The speech engines that are installed, and all their voices as one list."""

import difflib
import threading
from collections.abc import Sequence

from lectern.errors import EngineUnavailable, UnknownVoice
from lectern.settings import Settings
from lectern.speech.voices import Voice, speaks
from resources.engines.espeak import EspeakEngine
from resources.engines.speech import SpeechEngine

ENGINES: dict[str, type[SpeechEngine]] = {EspeakEngine.name: EspeakEngine}
FIRST_ENGINE = EspeakEngine.name
FALLBACK_LANGUAGE = "en"
NEAREST_SHOWN = 5


class SpeechEngines:
    """Every engine by name. Cheap to make: an engine starts when it is asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._engines: dict[str, SpeechEngine] = {}

    def engine(self, name: str) -> SpeechEngine:
        """Return an engine by its name.

        Raises:
            EngineUnavailable: There is none of that name.
        """
        with self._lock:
            if name not in self._engines:
                if name not in ENGINES:
                    raise EngineUnavailable(
                        f"There is no speech engine “{name}”. "
                        f"Installed: {', '.join(ENGINES)}."
                    )
                self._engines[name] = ENGINES[name]()
            return self._engines[name]

    def first(self) -> SpeechEngine:
        """Return the engine that speaks unless a voice of another is chosen."""
        return self.engine(FIRST_ENGINE)

    def voices(self, language: str | None = None) -> Sequence[Voice]:
        """Return the voices, best first within a language; all, or of a language."""
        return [
            voice
            for name in ENGINES
            for voice in self.engine(name).voices()
            if language is None or speaks(voice, language)
        ]

    def voice(self, voice_id: str) -> Voice:
        """Return a voice by its id.

        Raises:
            UnknownVoice: There is none of that id; the message lists the nearest.
        """
        name = voice_id.partition(":")[0]
        voice = self.engine(name).find(voice_id) if name in ENGINES else None
        if voice is None:
            raise UnknownVoice(self._unknown(voice_id))
        return voice

    def default_voice(self, language: str, settings: Settings | None = None) -> Voice:
        """Return the voice that reads a language unless another is chosen."""
        defaults = (settings or self._settings).speech.default_voices
        tag = language.lower()
        for wanted in (tag, tag.split("-")[0]):
            if wanted in defaults:
                return self.voice(defaults[wanted])
        engine = self.first()
        voice = engine.default_voice(language) or engine.default_voice(
            FALLBACK_LANGUAGE
        )
        if voice is None:
            raise EngineUnavailable(
                "The speech engine has no voices. Install it again."
            )
        return voice

    def voice_for(self, language: str, chosen: Voice) -> Voice:
        """Return who reads a block of this language when ``chosen`` is the reader's.

        A voice reads its own language only: French read by an English voice cannot
        be followed. The other language's voice keeps the chosen variant, so that a
        woman's voice stays one.
        """
        if not language or language == "und" or speaks(chosen, language):
            return chosen
        other = self.default_voice(language)
        if not speaks(other, language):
            return chosen
        variant = chosen.id.partition("+")[2]
        if not variant or "+" in other.id or other.engine != chosen.engine:
            return other
        same = self.engine(other.engine).find(f"{other.id}+{variant}")
        return same or other

    def close(self) -> None:
        """Let the engines go of their processes."""
        with self._lock:
            for engine in self._engines.values():
                engine.close()

    def _unknown(self, voice_id: str) -> str:
        ids = [voice.id for voice in self.voices()]
        nearest = difflib.get_close_matches(voice_id, ids, NEAREST_SHOWN, cutoff=0.3)
        listed = ", ".join(nearest or ids[:NEAREST_SHOWN])
        return f"There is no voice “{voice_id}”. The nearest are: {listed}."
