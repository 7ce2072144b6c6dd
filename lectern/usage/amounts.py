"""Amounts of units in words, the same in messages, pages and on the command line."""

from lectern.accounts.units import Unit
from lectern.units import size

WORDS = {
    Unit.TTS_CHARS: "spoken characters",
    Unit.TTS_MS: "speech",
    Unit.OCR_PAGES: "recognised pages",
    Unit.ASR_MS: "transcription",
    Unit.STORAGE_BYTES: "storage",
    Unit.MICROS: "paid engines",
}
_TIMES = (Unit.TTS_MS, Unit.ASR_MS)
_MICROS = 1_000_000


def unit_text(unit: Unit) -> str:
    """Return what a unit counts: "spoken characters"."""
    return WORDS[unit]


def amount_text(unit: Unit, amount: int) -> str:
    """Return an amount for people: "1,200 characters", "3 h 20 min", "$0.24"."""
    sign, amount = ("−" if amount < 0 else ""), abs(amount)
    if unit in _TIMES:
        return sign + _time_text(amount)
    if unit is Unit.STORAGE_BYTES:
        return sign + size(amount)
    if unit is Unit.MICROS:
        return f"{sign}${amount / _MICROS:,.2f}"
    noun = "character" if unit is Unit.TTS_CHARS else "page"
    return f"{sign}{amount:,} {noun}{'' if amount == 1 else 's'}"


def _time_text(amount_ms: int) -> str:
    seconds = round(amount_ms / 1000)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
