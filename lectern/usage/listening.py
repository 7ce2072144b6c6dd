"""How much of what a player says it played is believed."""

from dataclasses import dataclass
from datetime import timedelta

LONGEST_GAP = timedelta(seconds=60)
"""Players report every five seconds; what a longer silence claims was not heard."""
SLACK = timedelta(seconds=1)
MOST_WORDS_A_SECOND = 15.0
"""Of sound. Fast speech has five; digits spelled out by an engine stay below ten."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Listening that counts in the statistics."""

    media_ms: int  # sound, at its own speed
    wall_ms: int  # on the listener's clock
    words: int


def believable(
    *, claimed_ms: int, claimed_words: int, rate: float, since_last: timedelta | None
) -> Heard:
    """Return how much of a claim can be true.

    Nobody hears more sound than the time since the last report allows at the stated
    speed, so two tabs at once, a replayed request or a wrong clock add nothing.
    ``since_last`` is None for a first report, which claims nothing.
    """
    if since_last is None or claimed_ms <= 0:
        return Heard(0, 0, 0)
    wall = min(max(since_last, timedelta(0)), LONGEST_GAP) + SLACK
    media_ms = min(claimed_ms, int(wall / timedelta(milliseconds=1) * rate))
    most_words = int(media_ms / 1000 * MOST_WORDS_A_SECOND)
    return Heard(
        media_ms=media_ms,
        wall_ms=int(media_ms / rate),
        words=max(0, min(claimed_words, most_words)),
    )
