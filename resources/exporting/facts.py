"""What an export says of itself: title, author, narrator, year, language."""

from dataclasses import dataclass

from lectern.documents.interchange import author_in
from lectern.errors import BlobMissing
from lectern.exports.formats import ExportFormat
from lectern.exports.languages import three_letters
from lectern.exports.requests import ExportRequest
from resources.services import Services
from resources.stores.catalog import Document

RECOGNISED = "recognised_pages"
AUDIOBOOK = "2"  # iTunes' kind of media, which makes players keep their place


@dataclass(frozen=True, slots=True)
class Facts:
    """Words about an exported work."""

    title: str
    author: str
    narrator: str
    year: int | None
    language: str  # BCP 47


def facts_of(
    services: Services, document: Document, request: ExportRequest, *, narrator: str
) -> Facts:
    """Return what is known of a document; what the request says counts more."""
    return Facts(
        title=document.title,
        author=request.author or stated_author(services, document),
        narrator=narrator,
        year=request.year,
        language=document.language or "en",
    )


def stated_author(services: Services, document: Document) -> str:
    """Return the author that a document's file states; empty when it states none."""
    artifact = services.catalog.artifact(document.id, RECOGNISED)
    if artifact is None:
        return ""
    try:
        return " ".join(author_in(services.blobs.read(artifact.blob)).split())[:300]
    except BlobMissing:
        return ""


def sound_tags(
    facts: Facts,
    fmt: ExportFormat,
    *,
    part: str = "",
    number: tuple[int, int] | None = None,
) -> dict[str, str]:
    """Return the tags of a sound file.

    ``part`` is the title of a chapter that is a file of its own, ``number`` its place
    and how many there are.
    """
    tags = {
        "title": part or facts.title,
        "album": facts.title,
        "artist": facts.author or facts.narrator,
        "album_artist": facts.author,
        "composer": facts.narrator,  # where audiobooks name who reads
        "date": f"{facts.year:04d}" if facts.year else "",
        "genre": "Audiobook",
        "comment": f"Read by a synthetic voice: {facts.narrator}.",
    }
    if number is not None:
        tags["track"] = f"{number[0]}/{number[1]}"
    if fmt is ExportFormat.M4B:
        tags["media_type"] = AUDIOBOOK
    if fmt in (ExportFormat.FLAC, ExportFormat.OPUS):
        tags["performer"] = tags.pop("composer")
    if fmt is not ExportFormat.M4B:  # there the track itself states it
        tags["language"] = three_letters(facts.language)
    return {name: " ".join(text.split()) for name, text in tags.items() if text.strip()}
