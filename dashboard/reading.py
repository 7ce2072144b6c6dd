"""Documents as the web app needs them: their text, their voice, read once and kept."""

from functools import lru_cache
from pathlib import Path

from lectern.documents.blocks import DocumentText
from lectern.errors import BlobMissing
from lectern.speech.voices import Voice
from resources.services import Services
from resources.stores.blocks_file import read_blocks
from resources.stores.catalog import Document


@lru_cache(maxsize=6)
def _text_at(path: Path) -> DocumentText:
    try:
        return read_blocks(path.read_bytes())
    except FileNotFoundError as error:
        raise BlobMissing(
            "The blocks of this document are missing. Run `lectern doctor`."
        ) from error


def text_of(services: Services, document: Document) -> DocumentText | None:
    """Return a document's text, or None while it has none.

    A blob's path is named by its content, so what was read from it stays true.
    """
    if document.blocks_blob is None:
        return None
    return _text_at(services.blobs.path(document.blocks_blob))


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
