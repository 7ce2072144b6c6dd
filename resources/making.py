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
from collections.abc import Callable, Collection, Iterable

from lectern.accounts.people import Principal
from lectern.errors import EngineBusy, EngineError, LimitReached, StoreError
from lectern.ids import VariantKey
from lectern.speech.variants import Outcome
from resources.engines.sounds import Sound
from resources.engines.turns import Urgency
from resources.hearing import Hearing, all_heard, needed
from resources.in_hand import InHand
from resources.reading import Reading, Utterance
from resources.stores.speech_charges import Costs, expected
from resources.stores.variants import Claim, Completion, Variant
from resources.voicing import USED_UP, OnReady, StopTest, Tally, Voicing

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
        urgency: Callable[[int], Urgency],
    ) -> None:
        self._voicing = voicing
        self._variants = voicing.services.variants
        self._blobs = voicing.services.blobs
        self._settings = voicing.services.settings.speech
        self._principal = principal
        self._reading = reading
        self._on_ready = on_ready
        self._batch_blocks = batch_blocks
        is_hurried = batch_blocks == 1
        self._look_seconds = HURRIED_LOOK_SECONDS if is_hurried else LOOK_SECONDS
        self._tally = Tally()
        self._asked: dict[VariantKey, list[Utterance]] = {}  # until they are linked
        self._free: deque[VariantKey] = deque()  # to be claimed
        self._claims: dict[VariantKey, Claim] = {}  # ours
        self._to_make: deque[VariantKey] = deque()  # claimed, not begun
        self._made: dict[VariantKey, Sound] = {}  # not stored yet
        self._others: set[VariantKey] = set()
        self._lost: set[VariantKey] = set()  # there was a row without its audio
        self._hearing = Hearing(self._variants, self._blobs)
        self._in_hand = InHand(
            voicing,
            self._hearing,
            self._settings,
            is_hurried=is_hurried,
            urgency=urgency,
        )
        self._broken: EngineError | None = None  # an engine that does not work at all
        self._refused: LimitReached | None = None  # what is claimed is still made
        self._claim_one = False  # for little is left of an allowance
        now = time.monotonic()
        self._looked_at = self._renewed_at = self._stored_at = now

    def run(self, utterances: Iterable[Utterance], should_stop: StopTest) -> Tally:
        """Bring every utterance to its end, or stop after what is in hand."""
        for utterance in utterances:
            self._asked.setdefault(utterance.key, []).append(utterance)
        try:
            self._want(self._link_existing(list(self._asked)))
            while self._asked and not self._is_over() and not should_stop():
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
        if error := self._broken or self._refused:
            raise error
        return self._tally

    def _is_over(self) -> bool:
        """Whether no more can be made: at once, or once all that is claimed is."""
        is_idle = not (self._in_hand or self._to_make or self._made)
        return self._broken is not None or (self._refused is not None and is_idle)

    def _want(self, missing: list[VariantKey]) -> None:
        """Line up what is to be made, after the blocks that it hears."""
        wanted = {key: self._asked[key][0] for key in missing}
        if heard := all_heard(wanted.values()):
            existing = {
                key
                for key, variant in self._variants.find(heard).items()
                if self._has_audio(variant)
            }
            before = needed(wanted.values(), existing)
            for utterance in before:
                self._asked.setdefault(utterance.key, [utterance])
            wanted = {utterance.key: utterance for utterance in before} | wanted
            self._hearing.hold_back(wanted)
        self._free.extend(key for key in wanted if not self._hearing.is_held_back(key))

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
        self._have_arrived(durations_ms)

    def _have_arrived(self, keys: Iterable[VariantKey]) -> None:
        """Let those begin that have waited to hear these."""
        ready = [waiting for key in keys for waiting in self._hearing.arrived(key)]
        self._free.extendleft(reversed(ready))

    def _claim(self) -> None:
        """Claim the next keys, once the claimed ones are nearly used up."""
        if not self._free or self._refused:
            return
        engine = self._asked[self._free[0]][0].engine
        at_hand = engine.texts_at_once or self._voicing.processes
        if len(self._to_make) >= at_hand:
            return
        count = min(len(self._free), max(self._batch_blocks, engine.texts_at_once or 1))
        if self._claim_one:
            count = 1
        wanted = [self._free.popleft() for _ in range(count)]
        try:
            claims = self._variants.claim_many(
                wanted, self._voicing.holder, LEASE_SECONDS, costs=self._costs(wanted)
            )
        except USED_UP as error:
            self._free.extendleft(reversed(wanted))
            self._refused = error if count == 1 else None
            self._claim_one = True
            return
        granted = {claim.key: claim for claim in claims}
        self._claims |= granted
        self._to_make.extend(key for key in wanted if key in granted)
        self._others.update(key for key in wanted if key not in granted)

    def _costs(self, keys: Iterable[VariantKey]) -> Costs:
        """Return what making these may take. What was lost is made for nothing."""
        by_key = {}
        for key in keys:
            chars, is_free = len(self._asked[key][0].text), key in self._lost
            by_key[key] = {} if is_free else expected(chars, self._price_micros(key))
        return Costs(self._principal, by_key)

    def _begin(self) -> None:
        """Give each engine enough to do, unless it asked for patience."""
        later: deque[VariantKey] = deque()
        for key in self._to_make:
            utterance = self._asked[key][0]
            if self._in_hand.has_room(utterance.engine):
                self._in_hand.begin(utterance)
            else:
                later.append(key)
        self._to_make = later

    def _wait(self) -> None:
        if self._in_hand or self._others or self._to_make:
            self._in_hand.wait(self._look_seconds)

    def _collect(self) -> None:
        """Take over what the threads have finished."""
        for key, future in self._in_hand.finished():
            try:
                self._made[key] = future.result()
            except EngineBusy as error:
                if self._in_hand.put_off(self._asked[key][0].engine, error):
                    self._to_make.appendleft(key)
                else:
                    self._fail(key, error)
            except EngineError as error:
                if error.retryable:
                    self._fail(key, error)
                else:
                    self._broken = self._broken or error

    def _fail(self, key: VariantKey, error: EngineError) -> None:
        """Leave a block out, and those that would have heard it."""
        for utterance in self._asked.pop(key, ()):
            self._tally.failures[utterance.block.index] = error
            logger.warning("Block %s: %s", utterance.block.index, error.message)
        if key in self._claims:
            self._variants.release([self._claims.pop(key)])
        self._hearing.gave_up(key)
        for waiting in self._hearing.waiting_for(key):
            self._fail(waiting, error)

    def _store_when_due(self) -> None:
        waiting = self._free and not self._refused
        idle = not (self._in_hand or self._to_make or waiting)
        waited_seconds = time.monotonic() - self._stored_at
        is_due = len(self._made) >= self._batch_blocks or waited_seconds > BATCH_SECONDS
        is_awaited = self._hearing.is_awaited(self._made.keys())
        if self._made and (is_due or idle or is_awaited):
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
                price_micros=self._price_micros(key),
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

    def _price_micros(self, key: VariantKey) -> int:
        utterance = self._asked[key][0]
        return utterance.engine.price_micros(len(utterance.text)) or 0

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
        self._have_arrived(completion.claim.key for completion in completions)

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
        self._in_hand.stop()
        self._collect()
        if self._made:
            self._store()

    def _let_go(self) -> None:
        """Leave no claim behind, however the call ends."""
        self._in_hand.cancel()
        if self._claims:
            # A failing store is the likely reason to be here; claims expire anyway.
            with contextlib.suppress(StoreError):
                self._variants.release(list(self._claims.values()))
