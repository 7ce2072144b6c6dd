"""Which voice reads a document."""

from lectern.speech.voices import Voice
from resources.choosing import choose_voice
from resources.services import Services
from resources.stores.catalog import Document


def voice_of(
    services: Services, document: Document, *, asked: str | None = None
) -> Voice:
    """Return the voice under whose id a document is read (see choose_voice).

    Raises:
        UnknownVoice: The voice that was asked for is none, and never was one here.
    """
    return choose_voice(services, document, asked=asked).voice
