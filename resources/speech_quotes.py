"""What speaking some blocks will cost and take, said before it is begun."""

from collections.abc import Sequence

from lectern.accounts.people import Principal
from lectern.usage.quotes import Quote
from resources.reading import Utterance
from resources.services import Services

GUESSED_CHARS_A_SECOND = 500.0
"""Spoken by one engine that nobody has measured yet."""
ENOUGH_CHARS = 2000
"""Spoken before anything is foretold from an engine's speed."""


def quote_speaking(
    services: Services, principal: Principal, missing: Sequence[Utterance]
) -> Quote:
    """Return what it costs and takes to speak blocks that have no sound yet."""
    chars: dict[str, int] = {}
    for one in missing:
        chars[one.engine.name] = chars.get(one.engine.name, 0) + len(one.text)
    engines = {one.engine.name: one.engine for one in missing}
    prices = [engines[name].price_micros(count) for name, count in chars.items()]
    known = [price for price in prices if price is not None]
    seconds = sum(
        count / _chars_a_second(services, principal, name)
        for name, count in chars.items()
    )
    return Quote(
        engine=", ".join(sorted(chars)),
        chars=sum(chars.values()),
        price_micros=sum(known) if len(known) == len(prices) else None,
        seconds=seconds,
    )


def _chars_a_second(services: Services, principal: Principal, engine: str) -> float:
    """Return how fast an engine has spoken for this person, else a guess."""
    uses = [
        use for use in services.statistics().by_voice(principal) if use.engine == engine
    ]
    chars = sum(use.synthesised_chars for use in uses)
    seconds = sum(use.synthesis_seconds for use in uses)
    if chars < ENOUGH_CHARS or seconds <= 0:
        return GUESSED_CHARS_A_SECOND
    return chars / seconds * services.voicing().processes
