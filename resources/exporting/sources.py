"""What one export is made from: the sounds of the chosen blocks on one clock."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np

from lectern.errors import DiskReserveReached
from lectern.exports.formats import ExportFormat
from lectern.exports.requests import ExportRequest, chosen_blocks
from lectern.exports.timeline import Timeline
from lectern.ids import DocumentId, digest
from lectern.jobs.states import JobStep
from resources.engines.loudness import CEILING_DB
from resources.engines.opus import LAYOUT_VERSION, Encoded
from resources.exporting.covers import VERSION as COVER_VERSION
from resources.exporting.covers import cover_of
from resources.exporting.facts import Facts, facts_of
from resources.exporting.leveling import (
    LoudnessMeter,
    Measured,
    amplified,
    gain_db,
)
from resources.exporting.samples import Samples, StoredSound, decoded, read_ahead
from resources.exporting.sound_files import VERSION as FILE_VERSION
from resources.rendering import Part, Rendering
from resources.services import Services
from resources.stores.blobs import translated_os_errors
from resources.stores.catalog import Document
from resources.stores.exports import ID_CHARS
from resources.stores.jobs import Job
from resources.stores.variants import Variant

SPOOL_ROOM = 3
"""How much more room than it takes a spool should find: the file is to follow."""
VERSION = "1"
"""Raise it when the same sounds and the same request give another file."""


def request_of(job: Job) -> ExportRequest:
    """Return what a job was asked to export; a run made by hand asks for no more
    than an audiobook of it all."""
    asked = job.parameters.get("export", {"format": ExportFormat.M4B})
    return ExportRequest.model_validate(asked)


class Sources:
    """The sounds, facts and cover of one export, read when they are asked for."""

    def __init__(self, services: Services, document: Document, job: Job) -> None:
        self.services = services
        self.document = document
        self.request = request_of(job)
        self._spool: Path | None = None
        self.rendering = Rendering(
            services,
            document,
            job,
            chosen=lambda text: chosen_blocks(
                self.request, count=len(text.blocks), chapters=text.chapters
            ),
        )

    @cached_property
    def parts(self) -> list[Part]:
        """The sounds in reading order; made now, where they lack."""
        return self.rendering.parts()

    @cached_property
    def timeline(self) -> Timeline:
        """Where each sound lies in the whole."""
        return Timeline(
            (part.block_index, part.variant.duration_ms) for part in self.parts
        )

    @cached_property
    def _variants(self) -> dict[int, Variant]:
        return {part.block_index: part.variant for part in self.parts}

    def variant_of(self, block_index: int) -> Variant | None:
        """Return the sound of a block; None where nothing is heard."""
        return self._variants.get(block_index)

    @cached_property
    def facts(self) -> Facts:
        """What the export says of itself."""
        voice = self.rendering.reading.voice
        return facts_of(self.services, self.document, self.request, narrator=voice.name)

    @cached_property
    def cover(self) -> bytes:
        """A picture, as a JPEG."""
        return cover_of(self.services, self.document, author=self.facts.author)

    @cached_property
    def export_id(self) -> str:
        """A digest of all that decides the file."""
        blobs = [part.variant.blob for part in self.parts]
        return export_id(self.document, self.request, self.facts, blobs)

    @cached_property
    def measured(self) -> Measured:
        """How loud the whole is."""
        meter = LoudnessMeter()
        sounds = self._stored(0, len(self.parts), JobStep.MEASURING)
        with self._spooling() as keep, read_ahead(sounds, decoded) as some:
            for samples in some:
                meter.add(samples)
                keep(samples)
        return meter.measured()

    def spool_to(self, path: Path) -> None:
        """Keep what is decoded to be measured in a file, where there is room for it.

        Decoding costs a seventh of encoding; this way it is done once.
        """
        spooled_bytes = 2 * self.timeline.samples
        try:
            self.services.require_disk(SPOOL_ROOM * spooled_bytes)
        except DiskReserveReached:
            return
        self._spool = path

    @contextmanager
    def _spooling(self) -> Iterator[Callable[[Samples], object]]:
        if self._spool is None:
            yield lambda _samples: None
            return
        with translated_os_errors(), self._spool.open("wb") as file:
            yield lambda samples: file.write(samples.tobytes())

    @cached_property
    def gain_db(self) -> float:
        """What brings the whole to the loudness asked for."""
        target = self.request.loudness_lufs
        return 0.0 if target is None else gain_db(self.measured, target)

    @cached_property
    def needs_limiter(self) -> bool:
        """Whether peaks have to be held back for the gain, so that samples change."""
        return self.gain_db > 0 and self.measured.peak_db + self.gain_db > CEILING_DB

    @contextmanager
    def samples(self, first: int, last: int) -> Iterator[Iterator[Samples]]:
        """Yield the samples of some of the parts, block by block, at their loudness."""
        by_db = self.gain_db  # measures, and spools, before anything is read

        def from_spool(place: int) -> Samples:
            return amplified(self._spooled(place), by_db)

        def from_store(sound: StoredSound) -> Samples:
            return amplified(decoded(sound), by_db)

        if self._spool is not None and self.request.loudness_lufs is not None:
            places = self._places(first, last, JobStep.WRITING)
            with read_ahead(places, from_spool) as some:
                yield some
            return
        stored = self._stored(first, last, JobStep.WRITING)
        with read_ahead(stored, from_store) as some:
            yield some

    def _spooled(self, place: int) -> Samples:
        slot = self.timeline.slots[place]
        assert self._spool is not None  # noqa: S101  (asked by who calls)
        with translated_os_errors():
            return np.fromfile(
                self._spool, np.int16, slot.length, offset=2 * slot.start
            )

    def sounds(self, first: int, last: int) -> Iterator[Encoded]:
        """Yield the sounds of some of the parts as they are stored."""
        for place in self._places(first, last, JobStep.WRITING):
            yield self.rendering.sound(self.parts[place].variant)

    def _stored(self, first: int, last: int, step: JobStep) -> Iterator[StoredSound]:
        for place in self._places(first, last, step):
            variant = self.rendering.present(self.parts[place].variant)
            yield StoredSound(self.services.blobs, variant.blob, variant.duration_ms)

    def _places(self, first: int, last: int, step: JobStep) -> Iterator[int]:
        """Yield places one by one; say how far it is, and stop where asked to."""
        for place in range(first, last):
            self.rendering.report(step, place, len(self.parts))
            self.rendering.raise_if_cancelled()
            yield place


def export_id(
    document: Document, request: ExportRequest, facts: Facts, blobs: Sequence[str]
) -> str:
    """Return the id of the export that these things give."""
    return digest(
        VERSION,
        FILE_VERSION,
        LAYOUT_VERSION,
        COVER_VERSION,
        document.id,
        document.blocks_blob or "",
        document.blob,
        request.model_dump_json(),
        facts.title,
        facts.author,
        facts.narrator,
        str(facts.year or ""),
        facts.language,
        *blobs,
    )[:ID_CHARS]


def part_name(document_id: DocumentId, *about: str) -> str:
    """Return the name under which a finished part of an export is kept."""
    return f"part-{digest(document_id, *about)[:ID_CHARS]}"
