"""Hearing a voice before it is chosen: one sentence, made like any other sound.

A preview is an ordinary variant without a document, so hearing it again costs nothing.
"""

import threading
from typing import TYPE_CHECKING

from lectern.accounts.people import Principal
from lectern.errors import EngineCrashed, TookTooLong
from lectern.ids import VariantKey
from lectern.speech.preview_texts import preview_text
from lectern.speech.voices import Voice
from resources.engines.turns import Rank
from resources.loose_texts import blocks_of, no_document
from resources.stores.variants import Variant

if TYPE_CHECKING:
    from resources.services import Services

AT_ONCE = 2
"""Previews made at one time, whoever asks: they must not slow the reading down."""
WAIT_SECONDS = 30.0


class Previews:
    """Makes previews. Safe to share between threads."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def sound(self, principal: Principal, voice: Voice) -> Variant:
        """Return a voice's preview, made if need be.

        Raises:
            EngineError: The engine could not speak it.
            TookTooLong: Too many previews are being made.
        """
        voicing = self._services.voicing()
        blocks = blocks_of(preview_text(voice.language), language=voice.language)
        reading = voicing.reading(no_document(principal, voice), blocks, voice=voice)
        [utterance] = reading.utterances([0])
        found = self._found(utterance.key)
        if found is not None:
            return found
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise TookTooLong("Other previews are being made. Try again in a moment.")
        try:
            tally = voicing.voice(
                principal, reading, [0], batch_blocks=1, rank=Rank.LISTENER
            )
        finally:
            self._places.release()
        for error in tally.failures.values():
            raise error
        found = self._found(utterance.key)
        if found is None:
            raise EngineCrashed("The preview was not made. Try again.")
        return found

    def _found(self, key: VariantKey) -> Variant | None:
        variant = self._services.variants.find([key]).get(key)
        if variant is None or not self._services.blobs.exists(variant.blob):
            return None
        return variant
