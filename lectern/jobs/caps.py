"""How much one job may take, and what is said when it takes more. Pure.

Who watches is elsewhere: whoever started the process counts its processor time and
memory, with those of all its children; the reconciler looks at the clock and at how
long nothing came of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from lectern.errors import (
    CpuLimitReached,
    LimitReached,
    MemoryLimitReached,
    TimeLimitReached,
    WorkStalled,
)
from lectern.jobs.states import JobKind
from lectern.units import size

HOUR = 3600


class JobCaps(BaseModel):
    """What one job of a kind may take. What was made until then is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu_seconds: float = Field(48 * HOUR, gt=0)
    """Processor time of its run and of all that the run starts."""
    memory_bytes: int = Field(6 * 1024**3, ge=64 * 1024**2)
    """Memory that these fill together, without what they share."""
    seconds: float = Field(72 * HOUR, gt=0)
    """Time on the clock since its run began."""
    stall_seconds: float = Field(HOUR, gt=0)
    """Time in which nothing came of it: no page, no block. Waiting for a reader, or for
    a batch of an engine elsewhere, is not counted."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a run has taken until now."""

    cpu_seconds: float
    memory_bytes: int


def over_caps(kind: JobKind, caps: JobCaps, taken: Taken) -> LimitReached | None:
    """Return the error of a run that took too much; None while it has not."""
    if taken.memory_bytes > caps.memory_bytes:
        return MemoryLimitReached(
            f"This work filled {size(taken.memory_bytes)} of memory; "
            f"{size(caps.memory_bytes)} are allowed. What was made is kept. Split the "
            f"document, or have an operator raise {_setting(kind, 'memory_bytes')}.",
            used=taken.memory_bytes,
            limit=caps.memory_bytes,
        )
    if taken.cpu_seconds > caps.cpu_seconds:
        return CpuLimitReached(
            f"This work took {_time(taken.cpu_seconds)} of processor time, as much as "
            "is allowed. What was made is kept. Try again to go on from there, or have "
            f"an operator raise {_setting(kind, 'cpu_seconds')}.",
            used=taken.cpu_seconds,
            limit=caps.cpu_seconds,
        )
    return None


def overdue(
    kind: JobKind,
    caps: JobCaps,
    *,
    started_at: datetime,
    progressed_at: datetime | None,
    now: datetime,
    may_stall: bool = True,
) -> LimitReached | None:
    """Return the error of a running job that took too long, or got nowhere."""
    took, still = now - started_at, now - max(started_at, progressed_at or started_at)
    if took > timedelta(seconds=caps.seconds):
        return TimeLimitReached(
            f"This work was stopped after {_time(took.total_seconds())}, as much as is "
            "allowed. What was made is kept. Try again to go on from there, or have an "
            f"operator raise {_setting(kind, 'seconds')}.",
            used=took.total_seconds(),
            limit=caps.seconds,
        )
    if may_stall and still > timedelta(seconds=caps.stall_seconds):
        return WorkStalled(
            f"Nothing came of this work for {_time(still.total_seconds())}, so it was "
            "stopped. What was made is kept. Try again; if it stops at the same place, "
            "its log shows what hangs.",
            used=still.total_seconds(),
            limit=caps.stall_seconds,
        )
    return None


def _setting(kind: JobKind, name: str) -> str:
    return f"LECTERN_JOB_LIMITS__{kind.value.upper()}__{name.upper()}"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
