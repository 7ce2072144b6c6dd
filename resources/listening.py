"""A listening run: it follows a reader's cursor and voices what comes next.

There is no queue of blocks. Each time round, the blocks to voice are worked out from
where the listener is now, so that a jump needs no new run and leaves no stale work.
The run ends when the reader has gone, and looks once more after it has said so:
whoever came back in between gets a new one.
"""

import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from lectern.accounts.people import Principal
from lectern.errors import (
    Cancelled,
    EngineUnavailable,
    NotFound,
    UnknownVoice,
)
from lectern.ids import DocumentId
from lectern.jobs.accelerators import Accelerator
from lectern.jobs.sharing import Room, has_too_much
from lectern.jobs.states import JobStep
from lectern.speech.custom_voices import hex_of
from lectern.speech.planning import (
    Pace,
    batch_size,
    needed_in_seconds,
    next_blocks,
    ready_ahead,
    window_blocks,
)
from resources.choosing import Choice, choose_voice
from resources.engines.turns import Rank
from resources.first_blocks import FirstBlocks
from resources.job_telling import describe_voice
from resources.reading import Reading
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.cursors import Cursor
from resources.stores.jobs import Job
from resources.stores.variants import Link
from resources.texts import text_of
from resources.voicing import USED_UP, Tally

LOOK_SECONDS = 0.04
"""How often to look where the listener is."""
GONE_SECONDS = 20.0
"""A player that plays reports every 5 seconds; one silent for this long is gone."""
DOCUMENT_SECONDS = 0.4
"""How often to see whether the document changed, and whether to stop."""
PLACE_PATIENCE = timedelta(seconds=1)
"""How long another listener waits for a place before a paused reader's run gives up
its own. Whoever opens five documents in a minute would wait for the first to cool."""
REPORT_SECONDS = 1.0
"""How often to say how far it is; the app takes 5 seconds of silence for an end."""
SMOOTHING = 0.3  # weight of the newest measurement of the engine's speed

logger = logging.getLogger(__name__)


class Clock(Protocol):
    """Time, as far as a listening run needs it."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


def follow_reader(
    services: Services,
    principal: Principal,
    document_id: DocumentId,
    *,
    job: Job,
    machine: Accelerator | None = None,
    clock: Clock = time,
) -> dict[str, int]:
    """Voice the blocks ahead of a reader until the reader has gone.

    It ends, too, once the reader's voice needs another ``machine`` than this one (None
    has everything): the reader's next sign begins a run where it can be spoken.

    Returns how many blocks were met in which way.

    Raises:
        Cancelled: The job was cancelled.
        EngineUnavailable: The speech engine does not work at all.
        AllowanceUsedUp: What comes next cannot be paid for; what exists is linked.
        DailyLimitReached: What comes next is too much for today; the same.
    """
    follower = Follower(
        services, principal, document_id, job=job, machine=machine, clock=clock
    )
    follower.follow()
    services.jobs.finish(job.id, job.run_id)
    if follower.is_elsewhere:
        services.joblog.append(job.id, "Another machine speaks with this voice.")
    elif follower.reader_came_back():
        # Seen while this job still looked alive, so nobody else has started one.
        with contextlib.suppress(NotFound):  # or the document went meanwhile
            services.jobs.ensure_listener(
                principal, document_id=document_id, parameters=job.parameters
            )
    return follower.tally.summary()


class Follower:
    """What a listening run knows of its reader, its document and its engine."""

    def __init__(
        self,
        services: Services,
        principal: Principal,
        document_id: DocumentId,
        *,
        job: Job,
        machine: Accelerator | None,
        clock: Clock,
    ) -> None:
        self.tally = Tally()
        self.is_elsewhere = False  # whether the voice needs another machine
        self._machine = machine
        self._services = services
        self._voicing = services.voicing()
        self._principal = principal
        self._document_id = document_id
        self._job = job
        self._clock = clock
        self._keep_warm_seconds = services.settings.speech.keep_warm_seconds
        self._cursor: Cursor | None = None
        self._cursor_at = clock.monotonic()  # when the reader was last heard of
        self._document: Document | None = None
        self._is_place_wanted = False
        self._has_too_much = False  # its owner listens to much, and others are guests
        self._document_at = self._reported_at = float("-inf")
        self._reading: Reading | None = None
        self._voice_is_there = True  # a custom one may be taken away meanwhile
        self._reading_of: tuple[object, ...] = ()  # what the reading was made from
        self._done: set[int] = set()  # of this reading: voiced, or given up
        self._durations_ms: dict[int, int] = {}  # of the voiced ones
        self._pace = Pace()
        self._first_blocks = FirstBlocks(services.playing, job)

    def follow(self) -> None:
        """Voice what comes next until the reader has gone."""
        while self._look():
            batch = self._next_batch()
            if batch:
                self._voice(batch)
            elif self._has_too_much and self._done:
                logger.info("Making room for others: there is enough to hear for now")
                return
            else:
                self._report(is_waiting=True)
                self._clock.sleep(LOOK_SECONDS)

    def reader_came_back(self) -> bool:
        """Whether the reader was heard of since the last look."""
        now = self._services.cursors.get(self._principal, self._document_id)
        return now != self._cursor

    def _look(self) -> bool:
        """See where everything stands; False when the reader has gone."""
        now = self._clock.monotonic()
        cursor = self._services.cursors.get(self._principal, self._document_id)
        if cursor != self._cursor:
            self._first_blocks.saw(self._cursor, cursor)
            self._cursor, self._cursor_at = cursor, now
        if now - self._document_at >= DOCUMENT_SECONDS:
            self._document_at = now
            if not self._look_at_document():
                return False
        self._renew_reading()
        if self.is_elsewhere:
            return False
        self._count_first_block()
        silent_seconds = now - self._cursor_at
        is_playing = cursor is not None and cursor.playing
        if (self._is_place_wanted or self._has_too_much) and not is_playing:
            logger.info("Making room for somebody who waits to listen")
            return False
        return silent_seconds <= self._keep_warm_seconds or (
            is_playing and silent_seconds <= GONE_SECONDS
        )

    def _count_first_block(self) -> None:
        if self._reading is not None and self._cursor is not None:
            self._first_blocks.looked(
                self._reading,
                self._done,
                cursor=self._cursor.block_index,
                now=self._services.database.now(),
            )

    def _look_at_document(self) -> bool:
        if self._services.jobs.is_cancelled(self._job.id, self._job.run_id):
            raise Cancelled("Listening was stopped.")
        try:
            self._document = self._services.catalog.readable(
                self._principal, self._document_id
            )
        except NotFound:
            logger.info("Document %s is no longer there to read", self._document_id)
            return False
        cursor = self._cursor
        wanted = cursor.voice_id if cursor else self._document.voice_id
        id_ = hex_of(wanted or "")
        self._voice_is_there = id_ is None or (
            self._services.voices.find(self._principal, id_) is not None
        )
        self._is_place_wanted = self._services.jobs.is_listener_waiting(
            longer_than=PLACE_PATIENCE
        )
        self._has_too_much = has_too_much(
            self._job.owner_id,
            self._services.jobs.owners_who_listen(),
            Room(self._services.settings.listeners),
        )
        return True

    def _renew_reading(self) -> None:
        """Begin anew when text, policy or voice is no longer the same."""
        document = self._document
        if document is None or document.blocks_blob is None:
            return
        wanted = self._cursor.voice_id if self._cursor else document.voice_id
        made_from = (
            document.blocks_blob,
            document.revision,
            wanted,
            self._voice_is_there,
        )
        if made_from == self._reading_of:
            return
        text = text_of(self._services, document)
        if text is None:
            return
        self._reading_of = made_from
        choice = self._choose(document, wanted)
        voice = choice.speaks_now
        engine = self._services.speech_engines().engine(voice.engine)
        self.is_elsewhere = self._machine not in (None, engine.accelerator)
        if self.is_elsewhere:
            return
        describe_voice(self._services, self._job, voice)
        engine.warm_up(voice)
        self._reading = self._voicing.reading(
            document, text.blocks, voice=choice.voice, stand_in=choice.stand_in
        )
        self._done = set()
        self._durations_ms = {}

    def _choose(self, document: Document, wanted: str | None) -> Choice:
        try:
            choice = choose_voice(self._services, document, asked=wanted)
        except (UnknownVoice, EngineUnavailable) as error:
            logger.warning("%s Taking the document's default.", error.message)
            choice = choose_voice(self._services, replace(document, voice_id=None))
        if choice.remark:
            self._services.joblog.append(self._job.id, choice.remark)
        return choice

    def _next_batch(self) -> list[int]:
        reading = self._reading
        if reading is None:
            return []
        cursor = self._cursor.block_index if self._cursor else 0
        ready = ready_ahead(
            reading.is_spoken, self._done, count=len(reading), cursor=cursor
        )
        return self._wanted(reading, limit=batch_size(ready))

    def _wanted(self, reading: Reading, *, limit: int) -> list[int]:
        return next_blocks(
            reading.is_spoken,
            self._done,
            count=len(reading),
            cursor=self._cursor.block_index if self._cursor else 0,
            window=window_blocks(
                self._services.settings.speech.window_blocks, self._pace
            ),
            limit=limit,
        )

    def _voice(self, batch: Sequence[int]) -> None:
        reading = self._reading
        if reading is None:
            return
        # While this goes on, another voice may be chosen and another set be begun.
        done, durations_ms = self._done, self._durations_ms

        def take_note(links: Sequence[Link]) -> None:
            done.update(link.block_index for link in links)
            if done is self._done:
                self._count_first_block()
            durations_ms.update({one.block_index: one.duration_ms for one in links})

        started = self._clock.monotonic()
        try:
            tally = self._voicing.voice(
                self._principal,
                reading,
                batch,
                should_stop=lambda: self._has_moved(reading, batch),
                on_ready=take_note,
                batch_blocks=1,  # somebody waits for each of them
                rank=Rank.LISTENER,
                needed_in=self._needed_in,
            )
        except USED_UP:
            self._link_what_exists(reading)
            raise
        self.tally.add(tally)
        done.update(tally.failures)
        self._learn_pace(tally, self._clock.monotonic() - started)

    def _link_what_exists(self, reading: Reading) -> None:
        """Let everything be heard that costs nothing, beyond what cannot be made."""
        self.tally.add(
            self._voicing.voice(
                self._principal,
                reading,
                range(len(reading)),
                should_stop=lambda: True,
            )
        )

    def _has_moved(self, reading: Reading, batch: Sequence[int]) -> bool:
        """Whether the reader now needs something else than the batch in hand."""
        self._report()
        if not self._look() or self._reading is not reading:
            return True
        wanted = self._wanted(reading, limit=1)
        return bool(wanted) and wanted[0] not in batch

    def _needed_in(self, index: int) -> float:
        """Return in how many seconds the reader will have come to a block."""
        reading, cursor = self._reading, self._cursor
        if reading is None or cursor is None:
            return 0.0
        since_seconds = self._clock.monotonic() - self._cursor_at
        return needed_in_seconds(
            index,
            self._durations_ms,
            is_spoken=reading.is_spoken,
            cursor=cursor.block_index,
            since_seconds=since_seconds if cursor.playing else None,
            pace=self._pace,
        )

    def _learn_pace(self, tally: Tally, elapsed_seconds: float) -> None:
        rate = self._cursor.rate if self._cursor else 1.0
        speed, block_ms = self._pace.engine_speed, self._pace.mean_block_ms
        if tally.made_ms and elapsed_seconds > 0:
            measured = tally.made_ms / 1000 / elapsed_seconds
            speed += SMOOTHING * (measured - speed)
            block_ms += SMOOTHING * (tally.made_ms / tally.done - block_ms)
        self._pace = Pace(rate, speed, block_ms)

    def _report(self, *, is_waiting: bool = False) -> None:
        """Say in the job that the run is alive, and how far it is."""
        now = self._clock.monotonic()
        if now - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = now
        self._services.jobs.progress(
            self._job.id,
            step=JobStep.FOLLOWING,
            done=len(self._done),
            total=len(self._reading or ()),
            is_waiting=is_waiting,
        )
