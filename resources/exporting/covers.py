"""The cover of an exported book: the document's own, else one that is drawn.

Whatever opens the uploaded file runs in a child process (``cover_child``). A cover is
never worth a failed export: where none can be had, one is drawn.
"""

import logging
import os
from dataclasses import fields
from pathlib import Path

from lectern.errors import LecternError
from lectern.ids import digest
from resources.engines.recognition.guards import Caps
from resources.engines.recognition.sandbox import ReadingChild, follow
from resources.exporting.cover_drawing import DRAWING, draw_cover
from resources.services import Services
from resources.stores.catalog import Document

CHILD_MODULE = "resources.exporting.cover_child"
ARTIFACT = "cover"
VERSION = f"1 {DRAWING}"
JPEG_BEGINS = b"\xff\xd8\xff"
MOST_BYTES = 4 * 1024**2
"""Of a picture of 1400 px a side; more is not what was asked for."""

logger = logging.getLogger(__name__)


def cover_of(services: Services, document: Document, *, author: str) -> bytes:
    """Return a document's cover as a JPEG; found or drawn once, then kept."""
    made_from = digest(VERSION, document.blob, document.title, author)
    kept = services.catalog.artifact(document.id, ARTIFACT)
    if (
        kept is not None
        and kept.metadata.get("made_from") == made_from
        and services.blobs.exists(kept.blob)
    ):
        return services.blobs.read(kept.blob)
    own = own_cover(services, document)
    picture = own or draw_cover(document.title, author)
    services.catalog.put_artifact(
        document.id,
        ARTIFACT,
        services.blobs.put(picture),
        {"made_from": made_from, "is_own": own is not None},
    )
    return picture


def own_cover(services: Services, document: Document) -> bytes | None:
    """Return the cover that a document's file brings, if it does."""
    limits = services.settings.limits.model_dump()
    try:
        with (
            services.blobs.held(document.blob) as path,
            ReadingChild(
                {
                    "path": str(path.absolute()),
                    "format": document.format.value,
                    "caps": {field.name: limits[field.name] for field in fields(Caps)},
                },
                module=CHILD_MODULE,
            ) as child,
        ):
            name = _said_by(child, 2.0 * services.settings.limits.child_cpu_seconds)
            return _taken(child.folder / name) if name else None
    except (LecternError, OSError) as error:
        logger.info("No cover in document %s: %s", document.id, error)
        return None


def _said_by(child: ReadingChild, timeout_seconds: float) -> str | None:
    """Return the name of the picture that a child has written."""
    for event in follow([child], timeout_seconds=timeout_seconds):
        if event is not None and event[1] is not None and "cover" in event[1]:
            name = event[1]["cover"]
            return Path(name).name if isinstance(name, str) else None
    return None


def _taken(path: Path) -> bytes | None:
    """Return what a child wrote, if it is a picture. A link is no file of its."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    is_picture = data.startswith(JPEG_BEGINS) and len(data) <= MOST_BYTES
    return data if is_picture else None
