"""Batches: work on many documents that nobody waits for. Pure; no store, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lectern.ids import DocumentId, OwnerId
from lectern.jobs.hours import OffPeak, zone_of
from lectern.jobs.states import JobState
from lectern.settings import Batch as BatchSettings

PRIORITY = -10
"""Of a batch's jobs. Everything else has 0: a person waits for it."""
OFF_PEAK = "off_peak"
"""Parameter of a job that works in off-peak hours only."""
CHARS, PAGES = "chars", "pages"
"""Parameters of a job: how much there was to do when it was made."""

TIMED = (JobState.RUNNING, JobState.DONE)
ENOUGH_DONE = 0.05
"""Of a running job, before anything is foretold from how long it took."""
GUESSED_CHARS_A_SECOND = 500.0
GUESSED_PAGES_A_SECOND = 2.0
"""Where nobody has measured an engine. Batches correct it by what they see."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of one person."""

    id: str
    owner_id: OwnerId
    name: str
    recogniser: str  # empty: nothing is recognised that was before
    voice_id: str  # empty: each document's own
    is_off_peak: bool
    documents: int
    chars: int  # to be spoken, as far as it was known when the batch was begun
    pages: int
    price_micros: int | None  # as quoted; None: not known
    created_at: datetime
    cancelled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Task:
    """What a batch does to one document."""

    document_id: DocumentId
    prepare: bool
    chars: int  # to be spoken; 0 while the text is not known
    pages: int  # to be recognised
    voice_id: str = ""


class BatchState(StrEnum):
    """Where a batch stands; worked out from its jobs."""

    WAITING = "waiting"  # for its hours, or behind other batches
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # some of it was not done, and nothing is left to do
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Piece:
    """A job of a batch, as far as its progress goes."""

    state: JobState
    chars: int = 0
    pages: int = 0
    fraction: float = 0.0  # of the present step, 0…1
    seconds: float | None = None  # on the clock, that it has taken so far

    @property
    def done(self) -> float:
        """Return how much of it is done, 0…1."""
        if self.state.is_final:
            return 1.0
        return self.fraction if self.state is JobState.RUNNING else 0.0


@dataclass(frozen=True, slots=True)
class Speed:
    """How much an installation gets done in a second, all its threads together."""

    chars_a_second: float = GUESSED_CHARS_A_SECOND
    pages_a_second: float = GUESSED_PAGES_A_SECOND


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is."""

    state: BatchState
    done: float  # 0…1, by the time it takes
    seconds_left: float | None  # of work; None when nothing is left
    jobs: int
    jobs_done: int
    jobs_failed: int


def off_peak(settings: BatchSettings) -> OffPeak:
    """Return the off-peak hours that are set."""
    return OffPeak.parse(settings.off_peak, zone_of(settings.time_zone))


def progress_of(
    pieces: Sequence[Piece], speed: Speed, *, is_cancelled: bool, places: int
) -> Progress:
    """Return how far a batch is, and how long it still works.

    What is foretold from the engine's speed is corrected by what the batch's own
    jobs have taken.
    """
    weights = [_seconds(piece, speed) for piece in pieces]
    total = sum(weights) or 1.0
    worked = zip(pieces, weights, strict=True)
    done = sum(piece.done * weight for piece, weight in worked) / total
    left = sum(
        (1 - piece.done) * weight for piece, weight in zip(pieces, weights, strict=True)
    )
    factor = _correction(pieces, weights)
    failed = sum(piece.state is JobState.FAILED for piece in pieces)
    return Progress(
        state=_state(pieces, is_cancelled=is_cancelled),
        done=min(1.0, done),
        seconds_left=left * factor / places if left else None,
        jobs=len(pieces),
        jobs_done=sum(piece.state is JobState.DONE for piece in pieces),
        jobs_failed=failed,
    )


def _seconds(piece: Piece, speed: Speed) -> float:
    """Return how long a job should take; a moment at least, as a run costs that."""
    return 0.5 + piece.chars / speed.chars_a_second + piece.pages / speed.pages_a_second


def _correction(pieces: Sequence[Piece], weights: Sequence[float]) -> float:
    """Return how much longer things take than was foretold."""
    seen = [
        (piece.seconds, piece.done * weight)
        for piece, weight in zip(pieces, weights, strict=True)
        if piece.state in TIMED and piece.seconds and piece.done >= ENOUGH_DONE
    ]
    if not seen:
        return 1.0
    return sum(seconds for seconds, _ in seen) / sum(weight for _, weight in seen)


def _state(pieces: Sequence[Piece], *, is_cancelled: bool) -> BatchState:
    states = {piece.state for piece in pieces}
    if JobState.RUNNING in states:
        return BatchState.RUNNING
    if JobState.QUEUED in states:
        return BatchState.WAITING
    if is_cancelled or JobState.CANCELLED in states:
        return BatchState.CANCELLED
    return BatchState.FAILED if JobState.FAILED in states else BatchState.DONE


def piece_of(
    state: JobState,
    parameters: Mapping[str, object],
    *,
    fraction: float,
    seconds: float | None,
) -> Piece:
    """Return a job's progress, from what its row says."""
    return Piece(
        state=state,
        chars=_number(parameters.get(CHARS)),
        pages=_number(parameters.get(PAGES)),
        fraction=fraction,
        seconds=seconds,
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
