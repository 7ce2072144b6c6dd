"""The text of documents, read once and kept for as long as it is in use."""

from functools import lru_cache

from lectern.documents.blocks import DocumentText
from lectern.errors import BlobMissing
from lectern.ids import BlobHash
from resources.services import Services
from resources.stores.blob_contract import Blobs
from resources.stores.blocks_file import read_blocks
from resources.stores.catalog import Document


def text_of(services: Services, document: Document) -> DocumentText | None:
    """Return a document's text; None while it has none."""
    if document.blocks_blob is None:
        return None
    return _text_of(services.blobs, document.blocks_blob)


@lru_cache(maxsize=4)
def _text_of(blobs: Blobs, name: BlobHash) -> DocumentText:
    # A blob is named by its content, so what was read there stays true.
    try:
        return read_blocks(blobs.read(name))
    except BlobMissing as error:
        raise BlobMissing(
            "The blocks of this document are missing. Run `lectern doctor`."
        ) from error
