"""What the statistics say, and what each number means.

*Listened* is time on the listener's clock while sound was heard; *heard* is the
length of the audio in that time, longer at higher speed. *Synthesised* is audio that
an engine made, once, however often it is heard.
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from lectern.documents.pages import BlockKind
from lectern.ids import DocumentId, VariantKey
from lectern.speech.variants import Outcome


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over some stretch of time."""

    documents: int = 0  # added
    pages: int = 0  # of documents that became readable, newest version of each
    words: int = 0
    listened_seconds: float = 0.0
    heard_seconds: float = 0.0
    listened_words: int = 0
    synthesised_seconds: float = 0.0
    synthesised_chars: int = 0


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Everything so far, and the last seven days against the seven before."""

    total: Totals = Totals()
    this_week: Totals = Totals()
    last_week: Totals = Totals()
    voices: int = 0  # that were ever listened to
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """One day, in the listener's own time zone."""

    date: date
    totals: Totals = Totals()


@dataclass(frozen=True, slots=True)
class VoiceUse:
    """How much one voice was used."""

    voice: str
    engine: str
    listened_seconds: float
    heard_seconds: float
    synthesised_seconds: float
    synthesised_chars: int
    synthesis_seconds: float  # that the engine took


@dataclass(frozen=True, slots=True)
class RecognitionUse:
    """How much one recogniser read in one way."""

    engine: str
    method: str
    pages: int
    seconds: float  # on the clock


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests for variants that were met in one way."""

    requests: int = 0
    chars: int = 0
    audio_seconds: float = 0.0
    legacy_owner_flips: int = 0  # that the ancestor's design would have made


@dataclass(frozen=True, slots=True)
class Reuse:
    """How often audio was made, and how often it was there already."""

    by_outcome: dict[Outcome, Requests] = field(default_factory=dict)
    by_day: dict[date, dict[Outcome, Requests]] = field(default_factory=dict)
    by_kind: dict[BlockKind, dict[Outcome, Requests]] = field(default_factory=dict)

    @property
    def saved(self) -> Requests:
        """Return what nobody had to make, as the same text had been spoken before.

        Asking for the same block again is left out: any cache saves that.
        """
        made = (Outcome.SYNTHESISED, Outcome.LOST, Outcome.REPLAYED)
        parts = [part for way, part in self.by_outcome.items() if way not in made]
        return Requests(
            requests=sum(part.requests for part in parts),
            chars=sum(part.chars for part in parts),
            audio_seconds=sum(part.audio_seconds for part in parts),
            legacy_owner_flips=sum(part.legacy_owner_flips for part in parts),
        )

    @property
    def merge_share(self) -> float:
        """Return which share of first requests found its text spoken, 0…1."""
        asked = sum(
            part.requests
            for way, part in self.by_outcome.items()
            if way is not Outcome.REPLAYED
        )
        return self.saved.requests / asked if asked else 0.0


@dataclass(frozen=True, slots=True)
class DocumentUse:
    """How much one document was used; it may have been deleted since."""

    document_id: DocumentId
    pages: int
    words: int
    listened_seconds: float
    heard_seconds: float
    synthesised_seconds: float
    last_listened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A text that stands in several places, by its variant: often furniture."""

    variant: VariantKey
    block_kind: BlockKind
    requests: int  # that found it spoken already, in another place
    chars: int  # of the text, once
    audio_seconds: float  # saved in all
