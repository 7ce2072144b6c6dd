"""What is recorded about use, one class a kind. Nothing here can be undone.

Events outlive the documents they tell of: they carry ids and numbers, and never a
word of anybody's text.
"""

from enum import StrEnum

from lectern.contracts import Contract
from lectern.speech.variants import Outcome


class EventKind(StrEnum):
    """The kinds of event."""

    DOCUMENT_ADDED = "document_added"
    DOCUMENT_READ = "document_read"
    RECOGNISED = "recognised"
    SYNTHESISED = "synthesised"
    REQUESTED = "requested"
    LISTENED = "listened"
    SERVED = "served"


class DocumentAdded(Contract):
    """A document entered the library."""

    document_id: str
    format: str
    size_bytes: int


class DocumentRead(Contract):
    """A version of a document became readable."""

    document_id: str
    version: int
    pages: int
    blocks: int
    words: int
    chars: int


class Recognised(Contract):
    """An engine read pages."""

    document_id: str
    pages: int
    method: str
    elapsed_ms: int
    engine: str = "local"  # name of the recogniser that was asked for


class Synthesised(Contract):
    """An engine spoke a text."""

    document_id: str
    variant: str
    chars: int
    words: int
    audio_ms: int
    voice: str
    engine: str
    elapsed_ms: int


class Requested(Contract):
    """Somebody wanted a variant, and got it in one of the ways of ``Outcome``."""

    outcome: Outcome
    document_id: str
    variant: str
    voice: str
    block_kind: str
    chars: int
    audio_ms: int
    legacy_owner_flip: bool
    """Whether the ancestor's design, in which one block owned a variant, would have
    moved the variant from one block to another for this request."""


class Listened(Contract):
    """Somebody really listened, for a stretch of a few seconds."""

    document_id: str
    voice: str
    media_ms: int
    wall_ms: int
    words: int
    rate: float


class Served(Contract):
    """Somebody was given a sound without a document: a program, or a preview."""

    outcome: Outcome
    variant: str
    voice: str
    chars: int
    audio_ms: int


EVENTS: dict[EventKind, type[Contract]] = {
    EventKind.DOCUMENT_ADDED: DocumentAdded,
    EventKind.DOCUMENT_READ: DocumentRead,
    EventKind.RECOGNISED: Recognised,
    EventKind.SYNTHESISED: Synthesised,
    EventKind.REQUESTED: Requested,
    EventKind.LISTENED: Listened,
    EventKind.SERVED: Served,
}
"""The class of each kind."""
