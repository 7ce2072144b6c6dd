"""Sounds that threads are making right now, as many of each engine as it takes."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import TYPE_CHECKING

from lectern.errors import BadEngineReply, EngineBusy, EngineCrashed
from lectern.ids import VariantKey
from lectern.settings import Speech
from resources.engines.sounds import Sound, make_sound
from resources.engines.speech import SpeechEngine
from resources.engines.turns import Urgency
from resources.hearing import Hearing
from resources.patience import Patience
from resources.reading import Utterance

if TYPE_CHECKING:
    from resources.voicing import Voicing

ATTEMPTS = 2


class InHand:
    """The texts of one call that engines are speaking."""

    def __init__(
        self,
        voicing: "Voicing",
        hearing: Hearing,
        settings: Speech,
        *,
        is_hurried: bool,
        urgency: Callable[[int], Urgency],
    ) -> None:
        self._voicing = voicing
        self._hearing = hearing
        self._settings = settings
        self._is_hurried = is_hurried
        self._urgency = urgency  # of a block, by its index
        self._futures: dict[Future[Sound], tuple[VariantKey, str]] = {}
        self._under_way: Counter[str] = Counter()  # texts by engine
        self._patience = Patience()
        self._stopping = threading.Event()

    def __len__(self) -> int:
        return len(self._futures)

    def has_room(self, engine: SpeechEngine) -> bool:
        """Whether the engine takes one more text now."""
        most = self._voicing.texts_at_once(engine, is_hurried=self._is_hurried)
        is_free = self._under_way[engine.name] < most
        return is_free and self._patience.is_over(engine.name)

    def begin(self, utterance: Utterance) -> None:
        """Have a sound made."""
        engine = utterance.engine
        self._under_way[engine.name] += 1
        urgency = self._urgency(utterance.block.index)
        future = self._voicing.pool(engine).submit(self._make, utterance, urgency)
        self._futures[future] = utterance.key, engine.name

    def wait(self, seconds: float) -> None:
        """Wait until one is finished, so long at most."""
        if self._futures:
            wait(self._futures, seconds, return_when=FIRST_COMPLETED)
        else:
            time.sleep(seconds)

    def finished(self) -> Iterator[tuple[VariantKey, Future[Sound]]]:
        """Yield what the threads have finished since the last look."""
        for future in [future for future in self._futures if future.done()]:
            key, engine = self._futures.pop(future)
            self._under_way[engine] -= 1
            if future.cancelled() or isinstance(future.exception(), CancelledError):
                continue
            if future.exception() is None:
                self._patience.answered(engine)
            yield key, future

    def put_off(self, engine: SpeechEngine, error: EngineBusy) -> bool:
        """Leave an engine alone for as long as it asks; False when it asks too much."""
        return self._patience.ask(engine.name, error)

    def stop(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        self.cancel()
        wait(self._futures)

    def cancel(self) -> None:
        """Begin nothing more."""
        self._stopping.set()
        for future in self._futures:
            future.cancel()

    def _make(self, utterance: Utterance, urgency: Urgency) -> Sound:
        """Make one sound, on a thread of the pool."""
        context = self._hearing.sounds(utterance) if utterance.heard else ()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return make_sound(
                    utterance.engine,
                    utterance.text,
                    utterance.voice,
                    pause_ms=utterance.pause_ms,
                    loudness_lufs=self._settings.loudness_lufs,
                    bit_rate=self._settings.bit_rate,
                    context=context,
                    turn=self._voicing.turn(utterance.engine, urgency, self._stopping),
                )
            except (EngineCrashed, BadEngineReply):
                if attempt == ATTEMPTS or self._stopping.is_set():
                    raise
        raise AssertionError  # the loop returns or raises
