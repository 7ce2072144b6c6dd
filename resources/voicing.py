"""Turning blocks into audio: found, waited for, or made; each sound made once.

One call of ``Voicing.voice`` takes some blocks of one document and sees each of them
through. A sound that exists is linked. One that somebody else is making is waited
for. The rest is claimed and made (``resources/making.py``), stored, and only then
made to exist, a batch in one transaction.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING

from lectern.accounts.people import Principal
from lectern.documents.blocks import Block
from lectern.documents.spoken import Policy
from lectern.errors import (
    AllowanceUsedUp,
    DailyLimitReached,
    EngineError,
    NotFound,
)
from lectern.ids import VariantKey
from lectern.speech.privacy import AudioScope, sound_owner
from lectern.speech.variants import Outcome
from lectern.speech.voices import Voice
from resources.engines.speech import SpeechEngine
from resources.engines.turns import Rank, Turns, Urgency
from resources.reading import Reading
from resources.run_folder import run_folder
from resources.stores.catalog import Document
from resources.stores.variants import Link

if TYPE_CHECKING:
    from resources.services import Services

USED_UP = (AllowanceUsedUp, DailyLimitReached)
"""Why no new sound may be made for somebody."""

BATCH_BLOCKS = 16
"""Sounds stored together where nobody waits: 3 ms a block then, not 15."""

StopTest = Callable[[], bool]
OnReady = Callable[[Sequence[Link]], None]
NeededIn = Callable[[int], float]
"""In how many seconds the block with this index will be heard."""


@dataclass(slots=True)
class Tally:
    """What became of the blocks of one or more calls."""

    outcomes: dict[Outcome, int] = field(default_factory=dict)
    failures: dict[int, EngineError] = field(default_factory=dict)  # by block index
    made_ms: int = 0  # of sound, by us

    def count(self, outcomes: dict[Outcome, int]) -> None:
        """Add outcomes."""
        for outcome, count in outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def add(self, other: "Tally") -> None:
        """Add another tally."""
        self.count(other.outcomes)
        self.failures |= other.failures
        self.made_ms += other.made_ms

    @property
    def done(self) -> int:
        """How many blocks have their sound."""
        return sum(self.outcomes.values())

    def summary(self) -> dict[str, int]:
        """Return the numbers by name, for a run's metadata."""
        counts = {outcome.value: count for outcome, count in self.outcomes.items()}
        return counts | {"failed": len(self.failures), "made_ms": self.made_ms}


class Voicing:
    """Makes blocks heard. Safe to share between threads; made anew after a fork."""

    def __init__(self, services: "Services") -> None:
        self.services = services
        cores = os.cpu_count() or 1
        self.processes = services.settings.speech.processes or cores
        # Each waits now and then for the interpreter or for its engine to wake up:
        # where every core is to be used, one more keeps them all busy (4 % sooner).
        self.threads = self.processes + (1 < cores <= self.processes)
        self.holder = f"{socket.gethostname()[:60]}:{os.getpid()}"
        self._lock = Lock()
        self._pools: dict[str, ThreadPoolExecutor] = {}  # by engine; "" for the others
        self._turns: dict[str, Turns] = {}  # by engine

    def pool(self, engine: SpeechEngine) -> ThreadPoolExecutor:
        """Return the threads that make the sounds of an engine.

        Threads do: the engine is another process and the encoder lets go of the
        interpreter, though it takes it up again for each packet. An engine that says
        how many texts it takes at once has threads of its own: some more than that, so
        that it need not wait until a sound is encoded (see ``turn``).
        """
        at_once = engine.texts_at_once
        name = engine.name if at_once else ""
        threads = at_once + min(at_once, self.processes) if at_once else self.threads
        with self._lock:
            if name not in self._pools:
                self._pools[name] = ThreadPoolExecutor(
                    threads, thread_name_prefix="voice"
                )
            return self._pools[name]

    def turn(
        self, engine: SpeechEngine, urgency: Urgency, stopping: Event
    ) -> AbstractContextManager[object]:
        """Return what a thread holds while the engine speaks for it.

        An engine that says how many texts it takes at once is asked for no more by all
        processes of this machine together. The others are many processes of their own,
        and the system shares the cores.
        """
        if not engine.texts_at_once:
            return nullcontext()
        with self._lock:
            if engine.name not in self._turns:
                folder = run_folder(self.services.settings)
                path = folder / f"turns-{engine.name}.json"
                self._turns[engine.name] = Turns(path, engine.texts_at_once)
            turns = self._turns[engine.name]
        return turns.turn(urgency, stopping)

    def texts_at_once(self, engine: SpeechEngine, *, is_hurried: bool) -> int:
        """Return how many texts of an engine to have in hand at one time.

        A text that waits keeps a thread from running dry; where somebody waits for
        each block, a text more at a time makes the first of them later.
        """
        if is_hurried:
            return engine.texts_at_once or self.processes
        return 2 * (engine.texts_at_once or self.threads)

    def reading(
        self,
        document: Document,
        blocks: Sequence[Block],
        *,
        voice: Voice,
        policy: Policy | None = None,
        stand_in: Voice | None = None,
    ) -> Reading:
        """Return a document as a voice reads it, by its own policy unless another.

        With ``stand_in`` the voice is gone: the other one reads what is not voiced.
        """
        kept: set[VariantKey] = set()
        if stand_in is not None:
            links = self.services.variants.keys_of(
                document.reader, document.id, voice.id
            )
            kept = {key for key, _duration_ms in links.values()}
        return Reading(
            document,
            blocks,
            voice=voice,
            stand_in=stand_in,
            kept=kept,
            sound_owner=self._sound_owner(document),
            policy=document.policy if policy is None else policy,
            engines=self.services.speech_engines(),
            settings=self.services.settings.speech,
        )

    def _sound_owner(self, document: Document) -> str:
        """Return who alone may meet with the sounds of a document; mostly nobody."""
        scope = self.services.settings.speech.share_audio
        owner = document.principal
        if scope is AudioScope.WORKSPACE:  # a guest is told apart by their role
            with contextlib.suppress(NotFound):
                owner = self.services.people.get(owner.owner_id).principal
        return sound_owner(scope, owner)

    def keys(
        self,
        document: Document,
        blocks: Sequence[Block],
        *,
        voice: Voice,
        policy: Policy | None = None,
    ) -> list[VariantKey | None]:
        """Return the key of each block; None where nothing is said."""
        reading = self.reading(document, blocks, voice=voice, policy=policy)
        said = (reading.utterance(index) for index in range(len(reading)))
        return [None if one is None else one.key for one in said]

    def voice(
        self,
        principal: Principal,
        reading: Reading,
        indices: Sequence[int],
        *,
        should_stop: StopTest = lambda: False,
        on_ready: OnReady = lambda _links: None,
        batch_blocks: int = BATCH_BLOCKS,
        rank: Rank = Rank.WORK,
        needed_in: NeededIn = lambda _index: 0.0,
    ) -> Tally:
        """See blocks through until each has its sound, failed, or ``should_stop``.

        Earlier indices come first. A block whose engine fails twice is left out and
        told in the tally; the others go on. An engine that is busy is waited for; of
        all who wait for it, ``rank`` and ``needed_in`` tell who comes first.

        Raises:
            EngineUnavailable: The engine does not work at all; what it had made by
                then is kept.
            AllowanceUsedUp: Nothing is left of an allowance; the same.
            DailyLimitReached: Nothing is left of today; the same.
            StoreError: The sounds could not be kept.
        """
        from resources.making import Making

        def urgency(index: int) -> Urgency:
            now = time.monotonic()
            return Urgency(rank, principal.owner_id, now + needed_in(index), now)

        making = Making(
            self,
            principal,
            reading,
            on_ready=on_ready,
            batch_blocks=batch_blocks,
            urgency=urgency,
        )
        return making.run(reading.utterances(indices), should_stop)

    def close(self) -> None:
        """End the threads."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.shutdown()
