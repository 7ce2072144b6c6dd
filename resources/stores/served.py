"""Sounds given to programs over the API, as events."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lectern.speech.variants import Outcome
from lectern.usage.events import Served

if TYPE_CHECKING:
    from resources.stores.variants import Link


def served_events(voice_id: str, met: Mapping["Link", Outcome]) -> list[Served]:
    """Return one event for each sound, by how it was come by."""
    return [
        Served(
            outcome=outcome,
            variant=link.key,
            voice=voice_id,
            chars=link.chars,
            audio_ms=link.duration_ms,
        )
        for link, outcome in met.items()
    ]
