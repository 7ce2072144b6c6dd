"""What an export will cost and take, said before it is begun."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lectern.accounts.people import Principal
from lectern.errors import InvalidRequest, NothingToRead
from lectern.exports.formats import expected_bytes, expected_seconds
from lectern.exports.requests import ExportRequest, chosen_blocks
from lectern.ids import DocumentId, VariantKey
from lectern.jobs.states import DocumentState
from lectern.usage.quotes import MS_PER_CHAR, Quote
from resources.choosing import choose_voice
from resources.exporting.facts import facts_of
from resources.exporting.sources import export_id
from resources.reading import Reading, Utterance
from resources.services import Services
from resources.speech_quotes import quote_speaking
from resources.stores.catalog import Document
from resources.stores.exports import Export
from resources.stores.variants import Variant
from resources.texts import text_of


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export would do."""

    request: ExportRequest
    voice_id: str
    quote: Quote  # of what is still to be spoken and written
    size_bytes: int  # about
    blocks: int  # that are heard
    ready: Export | None  # the same file, made before


def plan_export(
    services: Services,
    principal: Principal,
    document_id: DocumentId,
    request: ExportRequest,
) -> ExportPlan:
    """Return what an export of a document would cost; what is voiced costs nothing.

    Raises:
        NotFound: There is no such document of this person.
        InvalidRequest: It is not ready, or has no such chapters or blocks.
        NothingToRead: Nothing of what was chosen is spoken.
    """
    document = services.catalog.get(principal, document_id)
    text = text_of(services, document)
    if document.state is not DocumentState.READY or text is None:
        raise InvalidRequest(
            f"“{document.title}” is not ready yet. Wait until it can be played."
        )
    choice = choose_voice(services, document)
    reading = services.voicing().reading(
        document, text.blocks, voice=choice.voice, stand_in=choice.stand_in
    )
    indices = chosen_blocks(request, count=len(text.blocks), chapters=text.chapters)
    said = reading.utterances(indices)
    if not said:
        raise NothingToRead(
            f"Nothing of what you chose of “{document.title}” is spoken. Choose more, "
            "or choose in the reader what to speak."
        )
    found = services.variants.find([utterance.key for utterance in said])
    missing = {one.key: one for one in said if one.key not in found}
    ready = (
        None if missing else _ready(services, document, request, reading, said, found)
    )
    audio_ms = sum(_duration_ms(one, found.get(one.key)) for one in said)
    return ExportPlan(
        request=request,
        voice_id=choice.voice.id,
        quote=_quote(services, principal, list(missing.values()), request, audio_ms),
        size_bytes=ready.size_bytes
        if ready
        else expected_bytes(request.format, audio_ms),
        blocks=len(said),
        ready=ready,
    )


def _ready(
    services: Services,
    document: Document,
    request: ExportRequest,
    reading: Reading,
    said: list[Utterance],
    found: Mapping[VariantKey, Variant],
) -> Export | None:
    """Return the file that the same request has given before, if it is still there."""
    facts = facts_of(services, document, request, narrator=reading.voice.name)
    blobs = [found[one.key].blob for one in said]
    id_ = export_id(document, request, facts, blobs)
    for export in services.exports.list(document.principal, document.id):
        if export.id == id_ and services.blobs.exists(export.blob):
            return export
    return None


def _quote(
    services: Services,
    principal: Principal,
    missing: list[Utterance],
    request: ExportRequest,
    audio_ms: int,
) -> Quote:
    speaking = quote_speaking(services, principal, missing)
    return replace(
        speaking,
        audio_ms=audio_ms,
        seconds=(speaking.seconds or 0.0) + expected_seconds(request.format, audio_ms),
    )


def _duration_ms(utterance: Utterance, variant: Variant | None) -> int:
    if variant is not None:
        return variant.duration_ms
    return len(utterance.text) * MS_PER_CHAR + utterance.pause_ms
