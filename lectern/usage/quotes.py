"""What a piece of work will cost, said before it is begun."""

from dataclasses import dataclass

MS_PER_CHAR = 62
"""Of sound, until a text is spoken: 175 words a minute."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Cost and time of work that has not been begun.

    Counts are of what remains to be done: pages recognised and characters spoken
    before cost nothing again.
    """

    engine: str
    pages: int = 0  # to be recognised
    chars: int = 0  # to be spoken
    audio_ms: int = 0  # to be encoded
    price_micros: int | None = 0  # millionths of the unit of money; None: not known
    seconds: float | None = None  # on the clock; None: nobody has measured it yet
    currency: str = "USD"

    @property
    def is_free(self) -> bool:
        """Whether no money is asked for it."""
        return self.price_micros == 0


def price_text(quote: Quote) -> str:
    """Return the price as people read it: "free", "$0.24", "price not known"."""
    if quote.price_micros is None:
        return "price not known"
    if quote.is_free:
        return "free"
    amount = quote.price_micros / 1_000_000
    sign = "$" if quote.currency == "USD" else f"{quote.currency} "
    return f"{sign}{amount:.2f}" if amount >= 0.01 else f"less than {sign}0.01"
