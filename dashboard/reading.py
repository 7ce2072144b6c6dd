"""Which voice reads a document."""

from lectern.speech.voices import Voice
from resources.services import Services
from resources.stores.catalog import Document


def voice_of(
    services: Services, document: Document, *, asked: str | None = None
) -> Voice:
    """Return the voice to read a document with.

    In order: the one asked for, the one chosen for this document, the default voice of
    its language.

    Raises:
        UnknownVoice: No engine has the voice that was asked for.
    """
    engines = services.speech_engines()
    chosen = asked or document.voice_id
    if chosen:
        return engines.voice(chosen)
    return engines.default_voice(document.language or "en")
