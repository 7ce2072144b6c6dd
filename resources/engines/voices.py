"""The speech engines that are installed, and all their voices as one list."""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from lectern.accounts.people import Principal
from lectern.environments import API
from lectern.errors import EngineUnavailable, UnknownVoice
from lectern.settings import Settings
from lectern.speech.custom_voices import PREFIX
from lectern.speech.voices import Voice, nearest_voices, primary_language, speaks
from resources.engines.espeak import EspeakEngine
from resources.engines.speech import ReadBlob, SpeechEngine
from resources.environments import is_elsewhere, served

Maker = Callable[[], SpeechEngine]
FALLBACK_LANGUAGE = "en"
NEAREST_SHOWN = 5

logger = logging.getLogger(__name__)


def makers(settings: Settings, read_blob: ReadBlob | None = None) -> dict[str, Maker]:
    """Return what makes each configured engine, by the engine's name.

    Nothing is imported for an engine before it is made. ``read_blob`` reads the
    recordings that voices are made from.
    """
    found: dict[str, Maker] = {EspeakEngine.name: EspeakEngine}
    if settings.kokoro.model:
        found["kokoro"] = partial(_kokoro, settings)
    if settings.higgs.folder:
        found["higgs-native"] = partial(_higgs, settings, read_blob)
    for name in settings.speech_servers:
        found[name] = partial(_speech_server, settings, name, read_blob)
    return found


def _kokoro(settings: Settings) -> SpeechEngine:
    from resources.engines.kokoro import KokoroEngine

    return KokoroEngine(settings)


def _higgs(settings: Settings, read_blob: ReadBlob | None) -> SpeechEngine:
    from resources.engines.higgs_native import HiggsNativeEngine
    from resources.run_folder import run_folder

    folder = run_folder(settings)
    return HiggsNativeEngine(settings.higgs, settings.root, folder, read_blob)


def _speech_server(
    settings: Settings, name: str, read_blob: ReadBlob | None
) -> SpeechEngine:
    from resources.engines.higgs import HiggsChatEngine, HiggsEngine
    from resources.engines.openai_speech import OpenAISpeechEngine
    from resources.engines.openai_speech_elsewhere import ElsewhereClient
    from resources.run_folder import run_folder

    kinds: dict[str, type[OpenAISpeechEngine]] = {
        "openai": OpenAISpeechEngine,
        "higgs": HiggsEngine,
        "higgs_chat": HiggsChatEngine,
    }
    server, client = settings.speech_servers[name], None
    if is_elsewhere(settings, "openai"):
        python, root = served(settings)[API.name], settings.root
        client = ElsewhereClient(
            name, server, python=python, root=root, folder=run_folder(settings)
        )
    return kinds[server.kind](name, server, read_blob, client=client)


class PersonalVoices(Protocol):
    """What one person has beside the engines' own voices."""

    def voice(self, principal: Principal, voice_id: str) -> Voice | None:
        """Return a custom voice that this person may use, else None."""

    def voices(self, principal: Principal) -> Sequence[Voice]:
        """Return every custom voice that this person may use, own ones first."""

    def default(self, principal: Principal, language: str) -> str | None:
        """Return the id of the voice this person chose for a language (its primary
        code), else None."""


class SpeechEngines:
    """Every engine by name. Cheap to make: an engine starts when it is asked."""

    def __init__(
        self,
        settings: Settings,
        *,
        personal: PersonalVoices | None = None,
        read_blob: ReadBlob | None = None,
    ) -> None:
        self._settings = settings
        self._personal = personal
        self._makers = makers(settings, read_blob)
        self._lock = threading.Lock()
        self._engines: dict[str, SpeechEngine] = {}

    def engine(self, name: str) -> SpeechEngine:
        """Return an engine by its name.

        Raises:
            EngineUnavailable: There is none of that name.
        """
        with self._lock:
            if name not in self._engines:
                if name not in self._makers:
                    raise EngineUnavailable(
                        f"There is no speech engine “{name}”. "
                        f"Configured: {', '.join(self._makers)}."
                    )
                self._engines[name] = self._makers[name]()
            return self._engines[name]

    def add(self, engine: SpeechEngine) -> None:
        """Know one more engine, beside those that are configured."""
        with self._lock:
            self._makers[engine.name] = lambda: engine

    def first(self) -> SpeechEngine:
        """Return the engine that speaks unless a voice of another is chosen."""
        return self.engine(self._settings.speech.engine)

    def names(self) -> Sequence[str]:
        """Return the names of the configured engines, the first one first."""
        first = self._settings.speech.engine
        return sorted(self._makers, key=lambda name: name != first)

    def voices(
        self, language: str | None = None, principal: Principal | None = None
    ) -> Sequence[Voice]:
        """Return the voices, best first within a language; all, or of a language.

        Custom ones that ``principal`` may use come first. An engine that cannot be
        reached now has none now; the others still do.
        """
        return [
            voice
            for voices in (self._custom(principal), *map(self._voices_of, self.names()))
            for voice in voices
            if language is None or speaks(voice, language)
        ]

    def _custom(self, principal: Principal | None) -> Sequence[Voice]:
        if self._personal is None or principal is None:
            return ()
        voices = self._personal.voices(principal)
        return [voice for voice in voices if voice.engine in self._makers]

    def _voices_of(self, name: str) -> Sequence[Voice]:
        try:
            return self.engine(name).voices()
        except EngineUnavailable as error:
            logger.warning("No voices of %s: %s", name, error.message)
            return ()

    def voice(self, voice_id: str, principal: Principal | None = None) -> Voice:
        """Return a voice by its id: an engine's own, or one made by people that
        ``principal`` may use.

        Raises:
            UnknownVoice: There is none of that id; the message lists the nearest.
            EngineUnavailable: Its engine is not configured here any more.
        """
        name = voice_id.partition(":")[0]
        if name == PREFIX:
            return self._custom_voice(voice_id, principal)
        voice = self.engine(name).find(voice_id) if name in self._makers else None
        if voice is None:
            raise UnknownVoice(self._unknown(voice_id, principal))
        return voice

    def _custom_voice(self, voice_id: str, principal: Principal | None) -> Voice:
        voice = None
        if self._personal is not None and principal is not None:
            voice = self._personal.voice(principal, voice_id)
        if voice is None:
            raise UnknownVoice(self._unknown(voice_id, principal))
        if voice.engine not in self._makers:
            raise EngineUnavailable(
                f"The voice “{voice.name}” needs the speech engine “{voice.engine}”, "
                "which is not configured here. Configure it, or choose another voice."
            )
        return voice

    def default_voice(self, language: str, principal: Principal | None = None) -> Voice:
        """Return the voice that reads a language unless another is chosen.

        In order: what ``principal`` chose for the language, what the settings say,
        the first engine's own choice, that of another engine, English.
        """
        chosen = self._chosen_default(language, principal)
        if chosen is not None:
            return chosen
        defaults = self._settings.speech.default_voices
        tag = language.lower()
        for wanted in (tag, tag.split("-")[0]):
            if wanted in defaults:
                return self.voice(defaults[wanted])
        engine = self.first()
        voice = (
            engine.default_voice(language)
            or self._default_of_others(language)
            or engine.default_voice(FALLBACK_LANGUAGE)
        )
        if voice is None:
            raise EngineUnavailable(
                "The speech engine has no voices. Install it again."
            )
        return voice

    def _default_of_others(self, language: str) -> Voice | None:
        """Return who reads a language that the first engine does not speak."""
        for name in self.names()[1:]:
            try:
                voice = self.engine(name).default_voice(language)
            except EngineUnavailable as error:
                logger.info("%s has no default voice: %s", name, error.message)
                continue
            if voice is not None:
                return voice
        return None

    def _chosen_default(
        self, language: str, principal: Principal | None
    ) -> Voice | None:
        if self._personal is None or principal is None:
            return None
        chosen = self._personal.default(principal, primary_language(language))
        if chosen is None:
            return None
        try:
            return self.voice(chosen, principal)
        except (UnknownVoice, EngineUnavailable) as error:
            logger.info("A default voice is gone: %s", error.message)
            return None

    def voice_for(
        self, language: str, chosen: Voice, principal: Principal | None = None
    ) -> Voice:
        """Return who reads a block of this language when ``chosen`` is the reader's.

        A voice reads its own language only: French read by an English voice cannot
        be followed. The other language's voice keeps the chosen variant, so that a
        woman's voice stays one.
        """
        if not language or language == "und" or speaks(chosen, language):
            return chosen
        other = self.default_voice(language, principal)
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

    def _unknown(self, voice_id: str, principal: Principal | None) -> str:
        voices = nearest_voices(
            voice_id, self.voices(principal=principal), most=NEAREST_SHOWN
        )
        listed = "; ".join(f"{voice.id} ({voice.name})" for voice in voices)
        return f"There is no voice “{voice_id}”. The nearest are: {listed}."
