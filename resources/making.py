"""One call of ``Voicing.voice``: the way of each sound from asked for to linked.

    asked ─┬─ exists ───────────────────────────────────────────────→ linked
           ├─ ours by claim → being made → made → stored and complete → linked
           └─ somebody else's → exists, or its claim is free again: asked once more

A claim runs out when its holder dies, and whoever waits takes it over. The token of a
claim keeps a holder that was only slow from overwriting what was made in its place.
"""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait

from lectern.accounts.people import Principal
from lectern.errors import BadEngineReply, EngineCrashed, EngineError, StoreError
from lectern.ids import VariantKey
from lectern.speech.variants import Outcome
from resources.engines.sounds import Sound, make_sound
from resources.reading import Reading, Utterance
from resources.stores.variants import Claim, Completion, Variant
from resources.voicing import OnReady, StopTest, Tally, Voicing

LEASE_SECONDS = 6.0
"""How long a dead holder's claims keep others waiting. Renewed while work goes on."""
RENEW_SECONDS = 2.0
HURRIED_LOOK_SECONDS = 0.04
LOOK_SECONDS = 0.2
"""How often to see whether to stop, and whether what others make is there; more often
where somebody waits for each block."""
BATCH_SECONDS = 2.0
"""How long a finished sound waits for others to be stored with it."""
LINKED_TOGETHER = 256
ATTEMPTS = 2

logger = logging.getLogger(__name__)


class Making:
    """The sounds of one call, by where they stand."""

    def __init__(
        self,
        voicing: Voicing,
        principal: Principal,
        reading: Reading,
        *,
        on_ready: OnReady,
        batch_blocks: int,
    ) -> None:
        self._voicing = voicing
        self._variants = voicing.services.variants
        self._blobs = voicing.services.blobs
        self._settings = voicing.services.settings.speech
        self._principal = principal
        self._reading = reading
        self._on_ready = on_ready
        self._batch_blocks = batch_blocks
        self._look_seconds = LOOK_SECONDS if batch_blocks > 1 else HURRIED_LOOK_SECONDS
        self._tally = Tally()
        self._asked: dict[VariantKey, list[Utterance]] = {}  # until they are linked
        self._free: deque[VariantKey] = deque()  # to be claimed
        self._claims: dict[VariantKey, Claim] = {}  # ours
        self._to_make: deque[VariantKey] = deque()  # claimed, not begun
        self._futures: dict[Future[Sound], VariantKey] = {}
        self._made: dict[VariantKey, Sound] = {}  # not stored yet
        self._others: set[VariantKey] = set()
        self._lost: set[VariantKey] = set()  # there was a row without its audio
        now = time.monotonic()
        self._looked_at = self._renewed_at = self._stored_at = now

    def run(self, utterances: Iterable[Utterance], should_stop: StopTest) -> Tally:
        """Bring every utterance to its end, or stop after what is in hand."""
        for utterance in utterances:
            self._asked.setdefault(utterance.key, []).append(utterance)
        try:
            self._free.extend(self._link_existing(list(self._asked)))
            while self._asked and not should_stop():
                self._claim()
                self._begin()
                self._wait()
                self._collect()
                self._store_when_due()
                self._look_at_others()
                self._renew()
            self._finish_in_hand()
        finally:
            self._let_go()
        return self._tally

    def _link_existing(
        self, keys: Collection[VariantKey], *, joined: bool = False
    ) -> list[VariantKey]:
        """Link the blocks whose sound exists; return the other keys, in order."""
        found = {
            key: variant
            for key, variant in self._variants.find(keys).items()
            if self._has_audio(variant)
        }
        existing = [key for key in keys if key in found]
        for start in range(0, len(existing), LINKED_TOGETHER):
            some = existing[start : start + LINKED_TOGETHER]
            self._link({key: found[key].duration_ms for key in some}, joined=joined)
        return [key for key in keys if key not in found]

    def _has_audio(self, variant: Variant) -> bool:
        if self._blobs.exists(variant.blob):
            return True
        logger.warning("Audio of variant %s is lost: it is made again", variant.key)
        self._variants.forget(variant.key, variant.blob)
        self._lost.add(variant.key)
        return False

    def _link(self, durations_ms: dict[VariantKey, int], *, joined: bool) -> None:
        links = [
            utterance.link(duration_ms)
            for key, duration_ms in durations_ms.items()
            for utterance in self._asked.pop(key, [])
        ]
        outcomes = self._variants.link(
            self._principal,
            self._reading.document,
            voice_id=self._reading.voice.id,
            links=links,
            joined=list(durations_ms) if joined else (),
        )
        self._tally.count(outcomes)
        self._on_ready(links)

    def _claim(self) -> None:
        """Claim the next keys, once the claimed ones are nearly used up."""
        if not self._free or len(self._to_make) >= self._voicing.processes:
            return
        count = min(len(self._free), self._batch_blocks)
        wanted = [self._free.popleft() for _ in range(count)]
        claims = self._variants.claim_many(wanted, self._voicing.holder, LEASE_SECONDS)
        granted = {claim.key: claim for claim in claims}
        self._claims |= granted
        self._to_make.extend(key for key in wanted if key in granted)
        self._others.update(key for key in wanted if key not in granted)

    def _begin(self) -> None:
        """Keep every thread busy, and one text waiting for each."""
        while self._to_make and len(self._futures) < 2 * self._voicing.processes:
            key = self._to_make.popleft()
            utterance = self._asked[key][0]
            self._futures[self._voicing.pool.submit(self._make, utterance)] = key

    def _make(self, utterance: Utterance) -> Sound:
        """Make one sound, on a thread of the pool."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return make_sound(
                    utterance.engine,
                    utterance.text,
                    utterance.voice,
                    pause_ms=utterance.pause_ms,
                    loudness_lufs=self._settings.loudness_lufs,
                    bit_rate=self._settings.bit_rate,
                )
            except (EngineCrashed, BadEngineReply):
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError  # the loop returns or raises

    def _wait(self) -> None:
        if self._futures:
            wait(self._futures, self._look_seconds, return_when=FIRST_COMPLETED)
        elif self._others:
            time.sleep(self._look_seconds)

    def _collect(self) -> None:
        """Take over what the threads have finished."""
        for future in [future for future in self._futures if future.done()]:
            key = self._futures.pop(future)
            if future.cancelled():
                continue
            try:
                self._made[key] = future.result()
            except EngineError as error:
                if not error.retryable:
                    raise
                self._fail(key, error)

    def _fail(self, key: VariantKey, error: EngineError) -> None:
        for utterance in self._asked.pop(key):
            self._tally.failures[utterance.block.index] = error
            logger.warning("Block %s: %s", utterance.block.index, error.message)
        self._variants.release([self._claims.pop(key)])

    def _store_when_due(self) -> None:
        idle = not (self._futures or self._to_make or self._free)
        waited_seconds = time.monotonic() - self._stored_at
        is_due = len(self._made) >= self._batch_blocks or waited_seconds > BATCH_SECONDS
        if self._made and (is_due or idle):
            self._store()

    def _store(self) -> None:
        """Make sounds durable, then make them exist, then link the repeats."""
        made, self._made = self._made, {}
        blobs = self._blobs.put_many([sound.data for sound in made.values()])
        completions = [
            Completion(
                claim=self._claims.pop(key),
                link=self._asked[key][0].link(sound.duration_ms),
                blob=blob,
                size_bytes=len(sound.data),
                words=sound.words,
                engine=self._asked[key][0].engine.name,
                elapsed_ms=sound.elapsed_ms,
                outcome=self._outcome(key),
            )
            for (key, sound), blob in zip(made.items(), blobs, strict=True)
        ]
        accepted = self._variants.complete(
            self._principal,
            self._reading.document,
            voice_id=self._reading.voice.id,
            completions=completions,
        )
        self._stored_at = time.monotonic()
        self._others |= made.keys() - accepted  # somebody took them over meanwhile
        self._settle([one for one in completions if one.claim.key in accepted])

    def _outcome(self, key: VariantKey) -> Outcome:
        return Outcome.LOST if key in self._lost else Outcome.SYNTHESISED

    def _settle(self, completions: list[Completion]) -> None:
        """Count what was completed, and link the other blocks of the same sound."""
        repeats: dict[VariantKey, int] = {}
        for completion in completions:
            key, duration_ms = completion.claim.key, completion.link.duration_ms
            self._tally.count({completion.outcome: 1})
            self._tally.made_ms += duration_ms
            del self._asked[key][0]
            if self._asked[key]:
                repeats[key] = duration_ms
            else:
                del self._asked[key]
        self._on_ready([completion.link for completion in completions])
        if repeats:
            self._link(repeats, joined=False)

    def _look_at_others(self) -> None:
        """Link what others have made; claim what they have given up."""
        now = time.monotonic()
        if not self._others or now - self._looked_at < self._look_seconds:
            return
        self._looked_at = now
        missing = self._link_existing(
            [key for key in self._asked if key in self._others], joined=True
        )
        still_theirs = self._variants.claimed(missing)
        self._others = set(missing) & still_theirs
        self._free.extendleft(
            reversed([key for key in missing if key not in still_theirs])
        )

    def _renew(self) -> None:
        now = time.monotonic()
        if self._claims and now - self._renewed_at >= RENEW_SECONDS:
            self._renewed_at = now
            self._variants.renew(list(self._claims.values()), LEASE_SECONDS)

    def _finish_in_hand(self) -> None:
        """When stopped: begin nothing new, and keep what is made or being made."""
        for future in self._futures:
            future.cancel()
        wait(self._futures)
        self._collect()
        if self._made:
            self._store()

    def _let_go(self) -> None:
        """Leave no claim behind, however the call ends."""
        for future in self._futures:
            future.cancel()
        if self._claims:
            # A failing store is the likely reason to be here; claims expire anyway.
            with contextlib.suppress(StoreError):
                self._variants.release(list(self._claims.values()))
