"""What somebody may use and how much of it they do, for showing it before they act.

Nothing is decided here: what is met is met in the transaction that adds something
(``stores/allowed.py``, ``stores/speech_days.py``, ``counted_pages.py``).
"""

from dataclasses import dataclass

from lectern.accounts.limits import Limits
from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.units import size
from resources.services import Services
from resources.stores.measuring import (
    announced_bytes,
    count_documents,
    count_exports,
    count_jobs,
    count_voices,
    stored_bytes,
)

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of what is limited a person uses now."""

    documents: int
    stored_bytes: int  # with what is being sent
    voices: int
    jobs: int  # not finished
    speech_ms: int  # made today
    ocr_pages: int  # read today
    exports: int  # asked for today


@dataclass(frozen=True, slots=True)
class Meter:
    """One limit, and how much of it is used."""

    name: str  # of the limit
    label: str  # for people
    used: int
    limit: int
    text: str  # "3 of 100 documents"

    @property
    def share(self) -> float:
        """Return how much is used, 0…1."""
        return min(1.0, self.used / self.limit) if self.limit else 1.0

    @property
    def is_full(self) -> bool:
        """Whether nothing more fits."""
        return self.used >= self.limit


def usage_of(services: Services, principal: Principal) -> Usage:
    """Return how much of what is limited a person uses now."""
    id_, daily = principal.owner_id, services.daily
    with services.database.read() as connection:
        today = daily.used(id_, connection=connection)
        return Usage(
            documents=count_documents(connection, id_),
            stored_bytes=stored_bytes(connection, id_)
            + announced_bytes(connection, id_),
            voices=count_voices(connection, id_),
            jobs=count_jobs(connection, id_),
            speech_ms=today.get(Unit.TTS_MS, 0),
            ocr_pages=today.get(Unit.OCR_PAGES, 0),
            exports=count_exports(connection, id_, since=daily.began_at()),
        )


def meters(limits: Limits, usage: Usage) -> list[Meter]:
    """Return every limit that bounds something, with what is used of it."""
    minutes = -(-usage.speech_ms // MINUTE_MS)
    found = [
        _counted("documents", "Documents", usage.documents, limits.documents),
        _of_bytes(usage.stored_bytes, limits.stored_bytes),
        _counted("voices", "Your own voices", usage.voices, limits.voices, "voices"),
        _counted("jobs", "Work not finished", usage.jobs, limits.jobs, "jobs"),
        _counted(
            "daily_speech_minutes",
            "Speech made today",
            minutes,
            limits.daily_speech_minutes,
            "minutes",
        ),
        _counted(
            "daily_ocr_pages",
            "Pages read from their picture today",
            usage.ocr_pages,
            limits.daily_ocr_pages,
            "pages",
        ),
        _counted(
            "daily_exports",
            "Exports today",
            usage.exports,
            limits.daily_exports,
            "exports",
        ),
    ]
    return [meter for meter in found if meter is not None]


def _counted(
    name: str, label: str, used: int, limit: int | None, noun: str = ""
) -> Meter | None:
    if limit is None:
        return None
    text = f"{used:,} of {limit:,} {noun or label.lower()}"
    return Meter(name, label, used, limit, text)


def _of_bytes(used: int, limit: int | None) -> Meter | None:
    if limit is None:
        return None
    text = f"{size(used)} of {size(limit)}"
    return Meter("stored_bytes", "Files and exports", used, limit, text)
