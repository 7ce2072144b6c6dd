"""What is left of an allowance, beside what work will take: said before it begins."""

from collections.abc import Mapping
from dataclasses import dataclass

from lectern.accounts.ledger import Amounts, Balance
from lectern.accounts.units import Unit
from lectern.usage.amounts import amount_text
from lectern.usage.quotes import MS_PER_CHAR, Quote


@dataclass(frozen=True, slots=True)
class Remaining:
    """One bounded unit that work takes."""

    unit: Unit
    wanted: int
    left: int  # before the work

    @property
    def is_enough(self) -> bool:
        """Whether all of the work can be done."""
        return self.wanted <= self.left

    @property
    def text(self) -> str:
        """Return it in words: "7 pages of the 300 pages you have left"."""
        wanted = amount_text(self.unit, self.wanted)
        left = amount_text(self.unit, self.left)
        if self.is_enough:
            return f"{wanted} of the {left} you have left"
        return f"{wanted} are needed, {left} left"


def amounts_of(quote: Quote, *, stored_bytes: int = 0) -> Amounts:
    """Return what quoted work takes of each unit; a price not known is none."""
    return {
        Unit.TTS_CHARS: quote.chars,
        Unit.TTS_MS: quote.chars * MS_PER_CHAR,
        Unit.OCR_PAGES: quote.pages,
        Unit.MICROS: quote.price_micros or 0,
        Unit.STORAGE_BYTES: stored_bytes,
    }


def remaining(wanted: Amounts, balances: Mapping[Unit, Balance]) -> list[Remaining]:
    """Return what is taken of units that have a bound, what is short first."""
    found = [
        Remaining(unit, amount, left)
        for unit, amount in wanted.items()
        if amount and (left := balances[unit].left) is not None
    ]
    return sorted(found, key=lambda one: one.is_enough)
