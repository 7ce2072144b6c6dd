"""Which voice speaks for a program, by the names that programs use."""

from collections.abc import Sequence

from dashboard.api.openai_answers import Refused
from dashboard.backend import Backend
from lectern.accounts.people import Principal
from lectern.errors import UnknownVoice
from lectern.speech.voices import Voice

ALIASES = ("lectern", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Models that stand for whatever engine a voice belongs to."""
DEFAULT = "default"
NAMES_OF_OPENAI = {
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin"),
    *("nova", "onyx", "sage", "shimmer", "verse"),
}
"""Names that programs have built in."""


def models(here: Backend) -> list[str]:
    """Return every name that may be given as the model."""
    return [*ALIASES[:2], *here.services.speech_engines().names()]


def served_voices(here: Backend, principal: Principal) -> Sequence[Voice]:
    """Return the voices a program may use on behalf of this person."""
    return here.services.speech_engines().voices(principal=principal)


def speaker(
    here: Backend, principal: Principal, *, model: str, name: str, text: str
) -> Voice:
    """Return the voice that a program asks for.

    By its id, by a name from the settings, by the engine's own name for it, or by the
    name that people see; ``default`` is whoever reads the text's language.

    Raises:
        Refused: There is no such model, or the voice is of another.
        UnknownVoice: There is no such voice; the message lists the nearest.
    """
    engines = here.services.speech_engines()
    if model not in (*ALIASES, *engines.names()):
        raise Refused(
            f"There is no model “{model}”. There are: {', '.join(models(here))}.",
            status=404,
            code="model_not_found",
            param="model",
        )
    engine = None if model in ALIASES else model
    voice = _named(here, principal, name=name, engine=engine, text=text)
    if engine is not None and voice.engine != engine:
        raise Refused(
            f"The voice “{voice.id}” belongs to the model “{voice.engine}”, and not to "
            f"“{engine}”.",
            status=400,
            code="invalid_value",
            param="voice",
        )
    return voice


def _named(
    here: Backend, principal: Principal, *, name: str, engine: str | None, text: str
) -> Voice:
    engines = here.services.speech_engines()
    if name == DEFAULT:
        return engines.default_voice(language_of(text), principal)
    name = here.settings.api.voices.get(name, name)
    if ":" in name:
        return engines.voice(name, principal)
    folded = name.casefold()
    wanted = [engine] if engine else engines.names()
    voices = [v for v in engines.voices(principal=principal) if v.engine in wanted]
    for id_ in (f"{each}:{name}".casefold() for each in wanted):
        for voice in voices:
            if voice.id.casefold() == id_:
                return voice
    for voice in voices:
        if voice.name.casefold() == folded:
            return voice
    if folded in NAMES_OF_OPENAI:
        raise UnknownVoice(
            f"There is no voice “{name}” here. Ask for one of /v1/audio/voices or for "
            f"“{DEFAULT}”, or give it a voice with LECTERN_API__VOICES."
        )
    return engines.voice(name, principal)  # tells the nearest


def language_of(text: str) -> str:
    """Return the language that a text is written in, as far as can be told."""
    from resources.text_models import language_finder

    [language] = language_finder().of_paragraphs([text], stated=[None], document=None)
    return language
