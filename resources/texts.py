"""The text of documents, read once and kept for as long as it is in use."""

from functools import lru_cache
from pathlib import Path

from lectern.documents.blocks import DocumentText
from lectern.errors import BlobMissing
from resources.services import Services
from resources.stores.blocks_file import read_blocks
from resources.stores.catalog import Document


def text_of(services: Services, document: Document) -> DocumentText | None:
    """Return a document's text; None while it has none."""
    if document.blocks_blob is None:
        return None
    return _text_at(services.blobs.path(document.blocks_blob))


@lru_cache(maxsize=4)
def _text_at(path: Path) -> DocumentText:
    # A blob's path is named by its content, so what was read there stays true.
    try:
        return read_blocks(path.read_bytes())
    except FileNotFoundError as error:
        raise BlobMissing(
            "The blocks of this document are missing. Run `lectern doctor`."
        ) from error
