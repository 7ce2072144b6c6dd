"""A text that comes without a document: voiced, and heard in order.

Nothing links to its sounds; they are kept for some days.
"""

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from lectern.accounts.people import Principal
from lectern.errors import BlobMissing, Cancelled, InvalidRequest, LecternError
from lectern.ids import VariantKey
from lectern.speech.voices import Voice, primary_language
from resources.engines.opus import Encoded
from resources.engines.turns import Rank
from resources.loose_texts import blocks_of, no_document
from resources.reading import Reading
from resources.services import Services
from resources.stores.variants import Link
from resources.voicing import Tally

Said = Sequence[Link] | Tally | Exception
"""Blocks that are ready; at last what became of all, or what went wrong."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A text on its way to sound."""

    services: Services
    principal: Principal
    reading: Reading
    indices: Sequence[int]  # of the blocks that are spoken

    @property
    def chars(self) -> int:
        """Return how many characters are spoken."""
        said = self.reading.utterances(self.indices)
        return sum(len(utterance.text) for utterance in said)

    def missing(self) -> set[VariantKey]:
        """Return the sounds that are not there yet."""
        keys = {one.key for one in self.reading.utterances(self.indices)}
        return keys - self.services.variants.existing(keys)

    def sounds(self, stop: threading.Event) -> Generator[Encoded]:
        """Yield the sound of each block, in order, as soon as it is there.

        When nobody takes any more of them, or ``stop`` is set, what is being made is
        finished and kept, and nothing more is begun.

        Raises:
            EngineError: A block could not be spoken.
            Cancelled: ``stop`` was set.
            StoreError: A sound could not be kept, or was lost.
        """
        ready: queue.SimpleQueue[Said] = queue.SimpleQueue()
        voicing = threading.Thread(
            target=self._voice, args=(ready.put, stop), name="saying", daemon=True
        )
        voicing.start()
        links: dict[int, Link] = {}
        try:
            for index in self.indices:
                while index not in links:
                    links |= _linked(ready.get(), stop)
                yield self._sound(links[index])
        finally:
            stop.set()
            voicing.join()

    def _voice(self, say: Callable[[Said], None], stop: threading.Event) -> None:
        """Voice everything, on a thread of its own: the one boundary of its errors."""
        try:
            tally = self.services.voicing().voice(
                self.principal,
                self.reading,
                self.indices,
                should_stop=stop.is_set,
                on_ready=say,
                batch_blocks=1,  # somebody waits for each of them
                rank=Rank.LISTENER,
            )
        except Exception as error:  # noqa: BLE001  (raised again where it is waited for)
            say(error)
        else:
            say(tally)

    def _sound(self, link: Link) -> Encoded:
        variant = self.services.variants.find([link.key]).get(link.key)
        if variant is None:
            raise BlobMissing("A sound was deleted while it was sent. Ask again.")
        return Encoded(self.services.blobs.read(variant.blob), variant.duration_ms)


def _linked(said: Said, stop: threading.Event) -> dict[int, Link]:
    """Return new links by block; what ends the voicing early ends the waiting too."""
    if isinstance(said, Exception):
        raise said
    if not isinstance(said, Tally):
        return {link.block_index: link for link in said}
    if said.failures:
        raise said.failures[min(said.failures)]
    if stop.is_set():
        raise Cancelled("Nobody waits for the sound any more.")
    raise LecternError("A block was neither spoken nor given up.")


def say_text(
    services: Services, principal: Principal, text: str, *, voice: Voice
) -> Saying:
    """Return a text as this voice says it: all of it, in the voice's own language.

    Raises:
        InvalidRequest: There is nothing in it that can be spoken.
        EngineUnavailable: The voice's engine is not configured.
    """
    blocks = blocks_of(text, language=primary_language(voice.language))
    reading = services.voicing().reading(
        no_document(principal, voice), blocks, voice=voice
    )
    indices = [block.index for block in blocks if reading.is_spoken(block.index)]
    if not indices:
        raise InvalidRequest("There is nothing to speak in this text.")
    return Saying(services, principal, reading, indices)
