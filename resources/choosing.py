"""Which voice reads a document, also when the one that was chosen is gone.

A custom voice may be deleted, or no longer be shared. What a document already sounds
like stays: those sounds are found under the voice they were made with. What is not
voiced yet is read by the document's default voice, under the chosen one's id, so that
the player goes on without a break.
"""

from dataclasses import dataclass

from lectern.errors import EngineUnavailable, UnknownVoice
from lectern.speech.custom_voices import hex_of
from lectern.speech.voices import Voice
from resources.services import Services
from resources.stores.catalog import Document

FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Choice:
    """Who reads a document."""

    voice: Voice
    stand_in: Voice | None = None  # reads what is new; ``voice`` is gone
    remark: str = ""  # for the reader of the document; empty when all is as chosen

    @property
    def speaks_now(self) -> Voice:
        """Return the voice that reads what is not voiced yet."""
        return self.stand_in or self.voice


def choose_voice(
    services: Services, document: Document, *, asked: str | None = None
) -> Choice:
    """Return who reads a document, on behalf of its reader.

    In order: the voice asked for, the one chosen for this document, the default voice
    of its language.

    Raises:
        UnknownVoice: The voice asked for is none, and never was one of this document.
        EngineUnavailable: There is no voice at all.
    """
    engines, principal = services.speech_engines(), document.reader
    wanted = asked or document.voice_id
    language = document.language or FALLBACK_LANGUAGE
    if not wanted:
        return Choice(engines.default_voice(language, principal))
    try:
        return Choice(engines.voice(wanted, principal))
    except (UnknownVoice, EngineUnavailable) as error:
        default = engines.default_voice(language, principal)
        gone = _once_used(services, document, wanted)
        if gone is not None:
            return Choice(gone, stand_in=default, remark=_remark(gone.name, default))
        if asked and asked != document.voice_id:
            raise
        return Choice(default, remark=_remark(_name_in(error), default))


def _once_used(services: Services, document: Document, voice_id: str) -> Voice | None:
    id_ = hex_of(voice_id)
    if id_ is None:
        return None
    found = services.voices.once_used(document.reader, document.id, id_)
    return found.voice() if found else None


def _name_in(error: Exception) -> str:
    return str(error).partition("“")[2].partition("”")[0]


def _remark(name: str, default: Voice) -> str:
    of_it = f"“{name}”" if name and not hex_of(name) else "chosen for this document"
    return (
        f"The voice {of_it} is no longer yours to use. What it has spoken stays; the "
        f"rest is read by {default.name}."
    )
