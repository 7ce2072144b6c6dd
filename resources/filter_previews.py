"""What a filter would change, said before it is kept: places, blocks, cost and time."""

from collections.abc import Sequence
from dataclasses import dataclass

from lectern.accounts.people import Principal
from lectern.documents.blocks import Block, DocumentText
from lectern.documents.filtering import filtered
from lectern.documents.filters import Filter, active_rules, cleaned
from lectern.documents.spoken import speak
from lectern.ids import BlockId, DocumentId
from lectern.jobs.states import DocumentState
from lectern.speech.variants import normalise
from lectern.usage.quotes import Quote
from resources.choosing import choose_voice
from resources.services import Services
from resources.speech_quotes import quote_speaking
from resources.stores.catalog import Document
from resources.texts import text_of

MOST_DOCUMENTS = 100
"""Looked through for a filter that is for all documents, the newest first."""


@dataclass(frozen=True, slots=True)
class ChangedBlock:
    """A block before and after; empty where nothing is said or shown."""

    page: int
    shown_before: str
    shown_after: str
    said_before: str
    said_after: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What filters would change of one document."""

    places: int  # that all of them together replace
    changed: tuple[ChangedBlock, ...]  # against how it is read now
    spoken_anew: int  # blocks that have no sound yet, of those that are said otherwise
    left_out: int  # replacements that would have made too much of the text
    quote: Quote


@dataclass(frozen=True, slots=True)
class Reach:
    """What filters for all documents would change."""

    documents: int  # in which something changes
    blocks: int
    looked_through: int
    not_looked_through: int


def proposed(
    services: Services,
    principal: Principal,
    document_id: DocumentId,
    wanted: Filter,
    *,
    filter_id: str | None = None,
    is_general: bool = False,
) -> list[Filter]:
    """Return the filters of a document as they would be with one more, or another.

    Raises:
        InvalidRequest: Something is missing in it.
        LimitReached: It is too large.
    """
    clean = cleaned(wanted, services.limits.of(principal))
    kept = services.filters.bearing_on(principal, document_id)
    if filter_id is not None:
        return [clean if one.id == filter_id else one.filter for one in kept]
    general = [one.filter for one in kept if one.document_id is None]
    own = [one.filter for one in kept if one.document_id is not None]
    return [*general, clean, *own] if is_general else [*general, *own, clean]


def preview(
    services: Services,
    principal: Principal,
    document_id: DocumentId,
    filters: Sequence[Filter],
) -> Preview | None:
    """Return what filters would change of a document; None while it has no text.

    Raises:
        NotFound: There is no such document of this person.
        BadPattern: A pattern cannot be used.
    """
    document = services.catalog.get(principal, document_id)
    source, now = (
        services.filtering().source_text(document),
        text_of(services, document),
    )
    if source is None or now is None:
        return None
    result = filtered(source, list(active_rules(filters)))
    changed = changed_blocks(document, now, result.text)
    missing = _without_sound(services, document, result.text, set(changed))
    return Preview(
        places=result.places,
        changed=tuple(changed.values()),
        spoken_anew=missing[0],
        left_out=result.work.left_out,
        quote=missing[1],
    )


def reach(services: Services, principal: Principal, filters: Sequence[Filter]) -> Reach:
    """Return what filters for all documents would change of those there are.

    Raises:
        BadPattern: A pattern cannot be used.
    """
    rules = list(active_rules(filters))
    documents = services.catalog.documents(principal, state=DocumentState.READY)
    blocks = touched = 0
    for document in documents[:MOST_DOCUMENTS]:
        source = services.filtering().source_text(document)
        if source is None:
            continue
        own = services.filters.all(principal, document.id)
        own_rules = active_rules(one.filter for one in own)
        after = filtered(source, [*rules, *own_rules]).text
        now = text_of(services, document) or source
        changed = len(changed_blocks(document, now, after))
        blocks += changed
        touched += changed > 0
    looked = min(len(documents), MOST_DOCUMENTS)
    return Reach(touched, blocks, looked, len(documents) - looked)


def changed_blocks(
    document: Document, before: DocumentText, after: DocumentText
) -> dict[BlockId, ChangedBlock]:
    """Return the blocks that are shown or said otherwise, in order."""
    there = {block.id: block for block in after.blocks}
    found: dict[BlockId, ChangedBlock] = {}
    known = set()
    for block in before.blocks:
        known.add(block.id)
        new = there.get(block.id)
        if new is not None and (new.shown, new.spans) == (block.shown, block.spans):
            continue
        entry = _entry(document, block, new)
        if entry is not None:
            found[block.id] = entry
    for block in after.blocks:  # come back, as nothing leaves them out any more
        if block.id not in known and (entry := _entry(document, None, block)):
            found[block.id] = entry
    return found


def _entry(
    document: Document, before: Block | None, after: Block | None
) -> ChangedBlock | None:
    page = (before or after).page if before or after else 0  # type: ignore[union-attr]
    shown = ["" if one is None else one.shown for one in (before, after)]
    said = [
        "" if one is None else normalise(speak(one, document.policy).text)
        for one in (before, after)
    ]
    if shown[0] == shown[1] and said[0] == said[1]:
        return None
    return ChangedBlock(page, shown[0], shown[1], said[0], said[1])


def _without_sound(
    services: Services, document: Document, text: DocumentText, ids: set[BlockId]
) -> tuple[int, Quote]:
    """Return how many of some blocks have no sound, and what it costs to make it."""
    choice = choose_voice(services, document)
    reading = services.voicing().reading(
        document, text.blocks, voice=choice.voice, stand_in=choice.stand_in
    )
    indices = [block.index for block in text.blocks if block.id in ids]
    said = reading.utterances(indices)
    voiced = services.variants.existing(one.key for one in said)
    missing = {one.key: one for one in said if one.key not in voiced}
    speaking = quote_speaking(services, document.principal, list(missing.values()))
    return len([one for one in said if one.key not in voiced]), speaking
