"""Identifiers and content digests. Values only: nothing here reads or writes."""

import hashlib
import uuid
from typing import NewType

DocumentId = NewType("DocumentId", str)
"""A document; UUID4 as 32 lower-case hex digits."""

NO_DOCUMENT = DocumentId("")
"""What stands for a document where a text came without one, over the API."""

BlockId = NewType("BlockId", str)
"""A block; UUID5 of its document, its text and how often that text came before."""

JobId = NewType("JobId", str)
"""A job; UUID4 with hyphens, and the id of its first Dagster run."""

UploadId = NewType("UploadId", str)
"""An upload in progress; 32 lower-case hex digits."""

VariantKey = NewType("VariantKey", str)
"""A speech variant; SHA-256 of everything that decides its sound, 64 hex digits."""

BlobHash = NewType("BlobHash", str)
"""A blob; SHA-256 of its bytes, 64 hex digits."""

OwnerId = NewType("OwnerId", str)
"""A person who owns documents."""

BLOCK_NAMESPACE = uuid.UUID("6f1f8a0e-5c7b-4f0e-9a55-2f6c0d1b7c11")


def new_document_id() -> DocumentId:
    """Return an unused document id."""
    return DocumentId(uuid.uuid4().hex)


def new_job_id() -> JobId:
    """Return an unused job id."""
    return JobId(str(uuid.uuid4()))


def new_upload_id() -> UploadId:
    """Return an unused upload id."""
    return UploadId(uuid.uuid4().hex)


def block_id(document_id: DocumentId, shown: str, repeat: int) -> BlockId:
    """Return the id of the ``repeat``-th block (from 0) of a document with this text.

    It depends on text and not on place, so that bookmarks and positions survive
    an edit elsewhere in the document.
    """
    name = f"{document_id}\x00{repeat}\x00{shown}"
    # As ``uuid.uuid5`` makes it, which takes three times as long for a book's blocks.
    hashed = hashlib.sha1(BLOCK_NAMESPACE.bytes + name.encode()).hexdigest()  # noqa: S324
    variant = "89ab"[int(hashed[16], 16) & 3]
    return BlockId(
        f"{hashed[:8]}-{hashed[8:12]}-5{hashed[13:16]}-"
        f"{variant}{hashed[17:20]}-{hashed[20:32]}"
    )


def digest(*parts: str | bytes) -> str:
    """Return one SHA-256 over the parts, each preceded by its length."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)
    return hasher.hexdigest()
