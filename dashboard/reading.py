"""As what a document is read: by which voice, and as its filters leave it."""

from lectern.accounts.people import Principal
from lectern.ids import DocumentId
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


def opened(
    services: Services, principal: Principal, document_id: DocumentId
) -> Document:
    """Return a document to be read; filters that have changed are carried out first.

    Raises:
        NotFound: There is no such document that this person may read.
    """
    document = services.catalog.readable(principal, document_id)
    if services.filtering().refresh(document) is document:
        return document
    return services.catalog.readable(principal, document_id)
