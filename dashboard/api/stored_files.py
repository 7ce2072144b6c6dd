"""Answers that send a stored file, whole or a range of it."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from dashboard.api.answers import blocking
from lectern.errors import BlobMissing
from lectern.ids import BlobHash
from resources.stores.blob_contract import Blobs


class HeldFile(FileResponse):
    """Sends a file that nobody takes away meanwhile."""

    def __init__(self, path: Path, holding: ExitStack, **options: Any) -> None:
        super().__init__(path, **options)
        self._holding = holding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._holding:
            await super().__call__(scope, receive, send)


def held_file(
    blobs: Blobs, name: BlobHash, *, if_missing: str = "", **options: Any
) -> HeldFile:
    """Return the answer with a blob; it is brought to this machine first.

    Raises:
        BlobMissing: It is not stored; ``if_missing`` says so in other words.
        StoreError: The store does not answer.
    """
    holding = ExitStack()
    try:
        path = holding.enter_context(blobs.held(name))
    except BlobMissing as error:
        raise BlobMissing(if_missing or error.message) from error
    return HeldFile(path, holding, **options)


async def stored_file(
    blobs: Blobs, name: BlobHash, *, if_missing: str = "", **options: Any
) -> HeldFile:
    """Do as ``held_file`` in a thread."""
    return await blocking(held_file, blobs, name, if_missing=if_missing, **options)
