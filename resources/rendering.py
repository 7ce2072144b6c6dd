"""A whole document as one sound file: every block voiced, then all of them joined.

Both steps can be stopped anywhere and done again: blocks that have their sound are
found, and a file that was joined from the same sounds is kept.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import IO, cast

from lectern.documents.blocks import Chapter, DocumentText
from lectern.errors import BlobMissing, Cancelled, NothingToRead, Paused
from lectern.ids import VariantKey, digest
from lectern.jobs.states import JobStep
from resources.choosing import choose_voice
from resources.engines.opus import LAYOUT_VERSION, Encoded, Mark, join
from resources.engines.turns import Rank
from resources.job_telling import describe_voice
from resources.media_log import media_told
from resources.reading import Utterance
from resources.services import Services
from resources.stores.catalog import Artifact, Document
from resources.stores.jobs import Job
from resources.stores.variants import Link, Variant
from resources.texts import text_of
from resources.voicing import Tally

ARTIFACT = "document_audio"
"""Name of the joined file among a document's artifacts."""
REPORT_SECONDS = 1.0
"""How often to say how far it is, and to see whether to stop."""


def voice_document(
    services: Services, document: Document, *, job: Job
) -> dict[str, int]:
    """Voice every block of a document; return how many were met in which way.

    Raises:
        Cancelled: The job was cancelled.
        NothingToRead: Nothing of the document is spoken.
        EngineError: Not a single block could be spoken.
    """
    rendering = Rendering(services, document, job)
    tally = rendering.voice_all()
    if job.batch_id is not None:
        days = timedelta(days=services.settings.batch.keep_days)
        voice_id, until = rendering.reading.voice.id, services.database.now() + days
        services.batches.keep_audio(document.id, voice_id, until=until)
    return tally.summary()


def join_document(services: Services, document: Document, *, job: Job) -> Artifact:
    """Join the sounds of a document to one Ogg Opus file with chapters.

    Raises:
        Cancelled: The job was cancelled.
        NothingToRead: Nothing of the document is spoken.
        EngineError: Not a single block could be spoken.
    """
    with media_told():
        return Rendering(services, document, job).join_all()


@dataclass(frozen=True, slots=True)
class Part:
    """One block's sound and where it starts in the joined file."""

    block_index: int
    variant: Variant
    start_ms: int


class Rendering:
    """One document being rendered for one job."""

    def __init__(
        self,
        services: Services,
        document: Document,
        job: Job,
        *,
        chosen: Callable[[DocumentText], Sequence[int]] | None = None,
    ) -> None:
        """Take all of a document, or the blocks that ``chosen`` returns."""
        text = text_of(services, document)
        if text is None:
            raise NothingToRead(
                f"“{document.title}” has no text yet. Wait until it is prepared."
            )
        choice = choose_voice(services, document, asked=job.parameters.get("voice"))
        self._services = services
        self._document = document
        self._job = job
        self.text = text
        self.reading = services.voicing().reading(
            document, text.blocks, voice=choice.voice, stand_in=choice.stand_in
        )
        describe_voice(services, job, choice.speaks_now)
        self.indices: Sequence[int] = range(len(self.reading))
        if chosen is not None:
            self.indices = chosen(text)
        self._reported_at = float("-inf")
        self._is_cancelled = self._is_past_hours = False

    @cached_property
    def utterances(self) -> list[Utterance]:
        """What is said, block by block.

        Raises:
            NothingToRead: Nothing is.
        """
        said = self.reading.utterances(self.indices)
        if not said:
            raise NothingToRead(
                f"Nothing of “{self._document.title}” is spoken. "
                "Choose in the reader what to speak."
            )
        return said

    def voice_all(self) -> Tally:
        """See every block through; it costs nothing for those that have their sound."""
        total = len(self.utterances)
        voiced = self._services.variants.existing(one.key for one in self.utterances)
        found = {one.block.index for one in self.utterances if one.key in voiced}
        done = set(found)

        def report() -> None:
            self.report(JobStep.SPEAKING, len(done), total, found=len(found))

        def take_note(links: Sequence[Link]) -> None:
            done.update(link.block_index for link in links)
            report()

        def should_stop() -> bool:
            report()
            return self._is_cancelled or self._is_past_hours

        tally = self._services.voicing().voice(
            self._document.principal,
            self.reading,
            [utterance.block.index for utterance in self.utterances],
            should_stop=should_stop,
            on_ready=take_note,
            rank=Rank.WORK if self._job.batch_id is None else Rank.BATCH,
        )
        self.raise_if_cancelled()
        if tally.failures and not tally.done:
            raise next(iter(tally.failures.values()))
        return tally

    def join_all(self) -> Artifact:
        """Join what was voiced; keep the file that is there when it is the same."""
        parts = self.parts()
        chapters = chapter_marks(self.text.chapters, parts)
        made_from = self._digest(parts, chapters)
        before = self._services.catalog.artifact(self._document.id, ARTIFACT)
        if (
            before is not None
            and before.metadata.get("made_from") == made_from
            and self._services.blobs.exists(before.blob)
        ):
            return before
        with self._services.blobs.writer() as writer:
            duration_ms = join(
                self._sounds(parts),
                cast(IO[bytes], writer),
                title=self._document.title,
                language=self.text.language,
                chapters=chapters,
            )
            blob = writer.commit()
        return self._services.catalog.put_artifact(
            self._document.id,
            ARTIFACT,
            blob,
            {
                "made_from": made_from,
                "voice": self.reading.voice.id,
                "duration_ms": duration_ms,
                "size_bytes": writer.size_bytes,
                "blocks": len(parts),
                "blocks_left_out": len(self.utterances) - len(parts),
                "chapters": len(chapters),
            },
        )

    def parts(self) -> list[Part]:
        """Return the sounds in reading order; blocks that cannot be spoken lack."""
        variants = self._find()
        if any(utterance.key not in variants for utterance in self.utterances):
            self.voice_all()  # what is spoken was changed since they were voiced
            variants = self._find()
        parts: list[Part] = []
        start_ms = 0
        for utterance in self.utterances:
            if variant := variants.get(utterance.key):
                parts.append(Part(utterance.block.index, variant, start_ms))
                start_ms += variant.duration_ms
        return parts

    def _find(self) -> dict[VariantKey, Variant]:
        keys = [utterance.key for utterance in self.utterances]
        return self._services.variants.find(keys)

    def _digest(self, parts: Sequence[Part], chapters: Sequence[Mark]) -> str:
        """Return what the file is made from, as one digest."""
        marks = [text for mark in chapters for text in (mark.title, str(mark.start_ms))]
        blobs = [part.variant.blob for part in parts]
        return digest(
            LAYOUT_VERSION, self._document.title, self.text.language, *marks, *blobs
        )

    def _sounds(self, parts: Sequence[Part]) -> Iterator[Encoded]:
        for number, part in enumerate(parts):
            self.report(JobStep.JOINING, number, len(parts))
            self.raise_if_cancelled()
            yield self.sound(part.variant)

    def sound(self, variant: Variant) -> Encoded:
        """Return a sound; one whose file is lost is made again.

        Raises:
            BlobMissing: It cannot be made again.
        """
        present = self.present(variant)
        return Encoded(self._services.blobs.read(present.blob), present.duration_ms)

    def present(self, variant: Variant) -> Variant:
        """Return a variant whose file is there; one that is lost is made again.

        Raises:
            BlobMissing: It cannot be made again.
        """
        if self._services.blobs.exists(variant.blob):
            return variant
        self.voice_all()  # notices what is lost and makes it again
        renewed = self._find().get(variant.key)
        if renewed is None or not self._services.blobs.exists(renewed.blob):
            raise BlobMissing(
                "The sound of a block is missing and cannot be made again. Run "
                "“lectern doctor” to see what else is."
            )
        return renewed

    def report(self, step: JobStep, done: int, total: int, *, found: int = 0) -> None:
        """Say how far it is, not too often, and see whether to stop.

        ``found`` of what is done was there before.
        """
        now = time.monotonic()
        if now - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = now
        jobs, settings = self._services.jobs, self._services.settings.batch
        self._is_cancelled = jobs.is_cancelled(self._job.id)
        self._is_past_hours = jobs.is_past_hours(self._job, settings)
        self._services.jobs.progress(
            self._job.id, step=step, done=done, total=total, found=found
        )

    def raise_if_cancelled(self) -> None:
        """Stop where somebody asked for it.

        Raises:
            Cancelled: Somebody did.
        """
        if self._is_past_hours and not self._is_cancelled:
            raise Paused("The off-peak hours are over. What is voiced is kept.")
        if self._is_cancelled:
            raise Cancelled("Rendering was stopped. What is voiced is kept.")


def chapter_marks(chapters: Sequence[Chapter], parts: Sequence[Part]) -> list[Mark]:
    """Return where chapters start in the joined file.

    A chapter whose first blocks are not spoken starts with its first spoken one; of
    two that would start together, the later is the one that is heard.
    """
    marks: dict[int, Mark] = {}
    position = 0
    for chapter in sorted(chapters, key=lambda one: one.block_index):
        while (
            position < len(parts) and parts[position].block_index < chapter.block_index
        ):
            position += 1
        if position == len(parts):
            break
        start_ms = parts[position].start_ms
        marks[start_ms] = Mark(chapter.title, start_ms)
    return list(marks.values())
