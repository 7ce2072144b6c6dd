"""What a batch will cost and take, said before it is begun, and how far it is since."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from lectern.accounts.people import Principal
from lectern.errors import EngineError, InputError
from lectern.ids import DocumentId
from lectern.jobs.batches import (
    GUESSED_CHARS_A_SECOND,
    GUESSED_PAGES_A_SECOND,
    Batch,
    Piece,
    Progress,
    Speed,
    Task,
    off_peak,
    piece_of,
    progress_of,
)
from lectern.jobs.states import DocumentState, JobKind
from lectern.usage.quotes import Quote
from resources.choosing import choose_voice
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.jobs import Job

ENOUGH_CHARS = 2000
"""Spoken before anything is foretold from an engine's speed."""
SPEED_KEPT_SECONDS = 30.0
"""The activity page asks each second, and looking it up opens the statistics."""
CHEAPER = "-batch"
"""Ends the name of a recogniser that does the same for less, and later."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch would do."""

    tasks: Sequence[Task]
    recogniser: str
    voice_id: str
    quote: Quote
    unknown: int  # documents without a text: what they cost is not known yet
    done: int  # documents in which nothing is left to do


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a document."""

    voice_id: str  # under which its sounds are found
    engine: str  # of whoever speaks what is not voiced yet


class Batching:
    """Plans batches and tells how far they are."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._speeds: dict[tuple[str, ...], tuple[float, Speed]] = {}

    def plan(
        self,
        principal: Principal,
        document_ids: Collection[DocumentId] | None = None,
        *,
        voice_id: str = "",
        recogniser: str = "",
    ) -> Plan:
        """Return what a batch would do for some documents, or for all.

        Without ``voice_id`` each document is read by its own voice. With
        ``recogniser`` they are recognised again by it, else only those that have no
        text. What is voiced already costs nothing again.
        """
        wanted = None if document_ids is None else set(document_ids)
        documents = [
            document
            for document in self._services.catalog.documents(principal)
            if wanted is None or document.id in wanted
        ]
        recogniser = self._cheapest(recogniser)
        readers = {d.id: self._reader_of(d, voice_id) for d in documents}
        voiced = self._services.batches.voiced_chars(
            principal, {id_: reader.voice_id for id_, reader in readers.items()}
        )
        tasks = [
            _task(d, voiced.get(d.id, 0), voice_id, recogniser=recogniser)
            for d in documents
        ]
        left = [
            task
            for task, document in zip(tasks, documents, strict=True)
            if task.prepare or task.chars or document.state is not DocumentState.READY
        ]
        return Plan(
            tasks=left,
            recogniser=recogniser,
            voice_id=voice_id,
            quote=self._quote(principal, left, readers, recogniser),
            unknown=sum(d.state is not DocumentState.READY for d in documents),
            done=len(tasks) - len(left),
        )

    def begin(
        self, principal: Principal, plan: Plan, *, name: str, is_off_peak: bool
    ) -> Batch:
        """Accept a batch, and have its documents read in its voice from now on.

        Raises:
            InvalidRequest: There is nothing to do.
        """
        batch = self._services.batches.begin(
            principal,
            plan.tasks,
            name=name,
            recogniser=plan.recogniser,
            voice_id=plan.voice_id,
            is_off_peak=is_off_peak,
            price_micros=plan.quote.price_micros,
        )
        if plan.voice_id:
            for task in plan.tasks:
                self._services.catalog.set_voice(
                    principal, task.document_id, plan.voice_id
                )
        return batch

    def let_go(self) -> Sequence[Job]:
        """Return jobs whose turn it is, to be launched; none while disk is short."""
        if not self._services.has_room():
            return ()
        settings = self._services.settings.batch
        return self._services.batches.release(
            off_peak(settings), limit=settings.runs_ahead
        )

    def progress(self, batch: Batch, jobs: Sequence[Job]) -> Progress:
        """Return how far a batch is."""
        principal = Principal(batch.owner_id)
        engine = self._engine_of(principal, batch.voice_id)
        speed = self._speed(principal, engine=engine, recogniser=batch.recogniser)
        return progress_of(
            [_piece(job, self._services.database.now()) for job in jobs],
            speed,
            is_cancelled=batch.cancelled_at is not None,
            places=self._services.settings.batch.places,
        )

    def ready_at(self, batch: Batch, progress: Progress) -> datetime | None:
        """Return when a batch will be done; None when nothing is left."""
        if progress.seconds_left is None:
            return None
        return self.done_at(progress.seconds_left, is_off_peak=batch.is_off_peak)

    def done_at(self, seconds: float, *, is_off_peak: bool) -> datetime:
        """Return when so much work is done that begins as soon as it may."""
        always = off_peak(
            self._services.settings.batch.model_copy(
                update={} if is_off_peak else {"off_peak": "00:00-00:00"}
            )
        )
        return always.done_at(self._services.database.now(), seconds)

    def _cheapest(self, recogniser: str) -> str:
        cheaper = f"{recogniser}{CHEAPER}"
        names = self._services.recognition_engines().names()
        return cheaper if recogniser and cheaper in names else recogniser

    def _reader_of(self, document: Document, voice_id: str) -> Reader:
        """Return who reads a document: a voice that is gone, or that does not speak
        the document's language, leaves it to another, whose engine has the price."""
        engines = self._services.speech_engines()
        try:
            choice = choose_voice(self._services, document, asked=voice_id or None)
            speaker = engines.voice_for(
                document.language or "", choice.speaks_now, document.principal
            )
        except (EngineError, InputError):
            wanted = voice_id or document.voice_id or ""
            return Reader(wanted, engines.first().name)
        return Reader(choice.voice.id, speaker.engine)

    def _quote(
        self,
        principal: Principal,
        tasks: Sequence[Task],
        readers: dict[DocumentId, Reader],
        recogniser: str,
    ) -> Quote:
        chars: dict[str, int] = {}
        for task in tasks:
            engine = readers[task.document_id].engine
            chars[engine] = chars.get(engine, 0) + task.chars
        pages = sum(task.pages for task in tasks)
        prices = [self._speech_price(name, count) for name, count in chars.items()]
        prices.append(self._page_price(recogniser, pages))
        known = [price for price in prices if price is not None]
        seconds = sum(
            count / self._speed(principal, engine=name).chars_a_second
            for name, count in chars.items()
        )
        speed = self._speed(principal, recogniser=recogniser)
        return Quote(
            engine=", ".join(sorted(chars)),
            pages=pages,
            chars=sum(chars.values()),
            price_micros=sum(known) if len(known) == len(prices) else None,
            seconds=seconds + pages / speed.pages_a_second,
        )

    def _engine_of(self, principal: Principal, voice_id: str) -> str:
        """Return a voice's engine; "" stands for every one."""
        if not voice_id:
            return ""
        try:
            return self._services.speech_engines().voice(voice_id, principal).engine
        except (EngineError, InputError):
            return voice_id.partition(":")[0]

    def _speech_price(self, engine: str, chars: int) -> int | None:
        if not chars:
            return 0
        return self._services.speech_engines().engine(engine).price_micros(chars)

    def _page_price(self, recogniser: str, pages: int) -> int | None:
        if not recogniser or not pages:
            return 0
        return self._services.recogniser(recogniser).price_micros(pages)

    def _speed(
        self, principal: Principal, *, engine: str = "", recogniser: str = ""
    ) -> Speed:
        """Return what was measured, else a guess; looked up now and then."""
        key = (principal.owner_id, engine, recogniser)
        looked_up_at, speed = self._speeds.get(key, (float("-inf"), Speed()))
        now = time.monotonic()
        if now - looked_up_at > SPEED_KEPT_SECONDS:
            speed = Speed(
                self._chars_a_second(principal, engine),
                self._pages_a_second(principal, recogniser or "local"),
            )
            self._speeds[key] = (now, speed)
        return speed

    def _chars_a_second(self, principal: Principal, engine: str) -> float:
        uses = [
            use
            for use in self._services.statistics().by_voice(principal)
            if use.engine == engine or not engine
        ]
        chars = sum(use.synthesised_chars for use in uses)
        seconds = sum(use.synthesis_seconds for use in uses)
        if chars < ENOUGH_CHARS or seconds <= 0:
            return GUESSED_CHARS_A_SECOND
        return chars / seconds * self._services.voicing().processes

    def _pages_a_second(self, principal: Principal, recogniser: str) -> float:
        offers = self._services.recognitions().general_offers(principal, pages=1)
        for offer in offers:
            if offer.recogniser == recogniser and offer.everything.seconds:
                return 1 / offer.everything.seconds
        return GUESSED_PAGES_A_SECOND


def _task(document: Document, voiced: int, voice_id: str, *, recogniser: str) -> Task:
    """Return what is left to do for a document."""
    is_known = document.state is DocumentState.READY
    prepare = bool(recogniser) or document.state is DocumentState.FAILED
    left = max(0, document.spoken_chars - voiced)
    return Task(
        document_id=document.id,
        prepare=prepare,
        # A new reading may say something else of everything.
        chars=(document.spoken_chars if recogniser else left) if is_known else 0,
        pages=max(1, document.page_count) if prepare else 0,
        voice_id=voice_id,
    )


def _piece(job: Job, now: datetime) -> Piece:
    """Return a job's progress. Only speaking is timed: it is nearly all there is."""
    seconds = None
    if job.kind is JobKind.VOICE and job.step_started_at is not None:
        seconds = ((job.finished_at or now) - job.step_started_at).total_seconds()
    return piece_of(
        job.state,
        job.parameters,
        fraction=min(1.0, job.done / job.total) if job.total else 0.0,
        seconds=seconds,
    )
