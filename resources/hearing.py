"""Blocks that hear the ones before them: what each waits for, and what it then hears.

An engine whose voice goes on from what it said is given the blocks before a block. They
decide its sound and are part of its key, so they have to be there first: made if they
are missing, whoever asked for them or not.
"""

from collections.abc import Collection, Iterable, Mapping

from lectern.ids import VariantKey
from resources.engines.speech import Heard
from resources.reading import Utterance
from resources.stores.blob_contract import Blobs
from resources.stores.variants import Variants


class Hearing:
    """What waits for what, in one call of ``Making``."""

    def __init__(self, variants: Variants, blobs: Blobs) -> None:
        self._variants = variants
        self._blobs = blobs
        self._missing: dict[VariantKey, set[VariantKey]] = {}  # by who waits

    def hold_back(self, utterances: Mapping[VariantKey, Utterance]) -> None:
        """Note which of these, all of them to be made, wait for others of them."""
        for key, utterance in utterances.items():
            awaited = {heard.key for heard in utterance.heard} & utterances.keys()
            if awaited:
                self._missing[key] = awaited

    def is_held_back(self, key: VariantKey) -> bool:
        """Whether what a block hears is not there yet."""
        return key in self._missing

    def is_awaited(self, keys: Collection[VariantKey]) -> bool:
        """Whether some block waits for one of these."""
        return any(not awaited.isdisjoint(keys) for awaited in self._missing.values())

    def waiting_for(self, key: VariantKey) -> list[VariantKey]:
        """Return who waits for a block."""
        return [waiting for waiting, for_ in self._missing.items() if key in for_]

    def arrived(self, key: VariantKey) -> list[VariantKey]:
        """Take note that a block is there; return those that wait no longer."""
        ready: list[VariantKey] = []
        for waiting in self.waiting_for(key):
            self._missing[waiting].discard(key)
            if not self._missing[waiting]:
                del self._missing[waiting]
                ready.append(waiting)
        return ready

    def gave_up(self, key: VariantKey) -> None:
        """Forget a block that will not be made."""
        self._missing.pop(key, None)

    def sounds(self, utterance: Utterance) -> list[Heard]:
        """Return what an utterance hears, oldest first; all of it is there.

        Raises:
            StoreError: A sound was lost since.
        """
        found = self._variants.find([heard.key for heard in utterance.heard])
        return [
            Heard(heard.text, self._blobs.read(found[heard.key].blob))
            for heard in utterance.heard
        ]


def all_heard(utterances: Iterable[Utterance]) -> dict[VariantKey, Utterance]:
    """Return everything that these hear, and what that hears in turn."""
    found: dict[VariantKey, Utterance] = {}
    waiting = [heard for utterance in utterances for heard in utterance.heard]
    while waiting:
        utterance = waiting.pop()
        if utterance.key not in found:
            found[utterance.key] = utterance
            waiting += utterance.heard
    return found


def needed(
    wanted: Iterable[Utterance], existing: Collection[VariantKey]
) -> list[Utterance]:
    """Return what must be made before these can be, in reading order."""
    found: dict[VariantKey, Utterance] = {}
    waiting = list(wanted)
    while waiting:
        for heard in waiting.pop().heard:
            if heard.key not in existing and heard.key not in found:
                found[heard.key] = heard
                waiting.append(heard)
    return sorted(found.values(), key=lambda utterance: utterance.block.index)
