"""Exports as jobs: blocks are voiced, then the file is written.

Stopped anywhere, it goes on: what is voiced is found, finished parts of a file of
parts are kept, and a single file is written again from its beginning.
"""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from lectern.accounts.units import Unit
from lectern.errors import StoreError
from lectern.exports.formats import FACTS, ZIP_MEDIA_TYPE, ExportFormat, expected_bytes
from lectern.exports.names import numbered_names, safe_name
from lectern.exports.timeline import Section
from lectern.ids import BlobHash
from resources.exporting.archives import ZipWriter
from resources.exporting.books import outlines, write_book
from resources.exporting.sound_writing import write_part, write_whole
from resources.exporting.sources import Sources, part_name
from resources.exporting.subtitles import subtitle_text
from resources.media_log import media_told
from resources.services import Services
from resources.stores.catalog import Artifact, Document
from resources.stores.exports import EXPORT
from resources.stores.jobs import Job

FOLDER = "exporting"
LEFT_BEHIND_SECONDS = 2 * 86_400.0


def voice_export(services: Services, document: Document, *, job: Job) -> dict[str, int]:
    """Voice the blocks that an export needs; return how many were met in which way.

    Raises:
        Cancelled: The job was cancelled.
        NothingToRead: Nothing of what was chosen is spoken.
        EngineError: Not a single block could be spoken.
    """
    return Sources(services, document, job).rendering.voice_all().summary()


def make_export(services: Services, document: Document, *, job: Job) -> Artifact:
    """Write the file that a job asks for; keep the one that is there if it is the same.

    Raises:
        Cancelled: The job was cancelled.
        NothingToRead: Nothing of what was chosen is spoken.
        DiskReserveReached: Too little disk is left for the file.
        AllowanceUsedUp: Its bytes would be more than the plan lets be kept.
    """
    sources = Sources(services, document, job)
    name = f"{EXPORT}{sources.export_id}"
    before = services.catalog.artifact(document.id, name)
    if before is not None and services.blobs.exists(before.blob):
        return before
    wanted_bytes = expected_bytes(sources.request.format, sources.timeline.duration_ms)
    services.require_disk(wanted_bytes)
    ledger, owner = services.ledger, document.principal
    key = f"export:{document.id}:{name}"
    ledger.reserve(owner, {Unit.STORAGE_BYTES: wanted_bytes}, key=key)
    try:
        with media_told():
            artifact = ExportMaker(sources, job).make(name)
        size_bytes = int(artifact.metadata["size_bytes"])
        ref = f"document:{document.id}"
        ledger.settle(owner, {Unit.STORAGE_BYTES: size_bytes}, key=key, ref=ref)
    finally:
        ledger.release(owner, [key])
    return artifact


class ExportMaker:
    """Writes one export."""

    def __init__(self, sources: Sources, job: Job) -> None:
        self._sources = sources
        self._services = sources.services
        self._document = sources.document
        self._request = sources.request
        self._folder = sources.services.settings.root / FOLDER
        self._job = job
        self._part_names: list[str] = []

    def make(self, name: str) -> Artifact:
        """Write the file, keep it as an artifact, and forget its parts."""
        began = time.monotonic()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._clear_old()
        path, spool = self._path("whole"), self._path("samples")
        self._sources.spool_to(spool)
        try:
            self._write(path)
            size_bytes = path.stat().st_size
            blob = self._adopted(path)
        finally:
            path.unlink(missing_ok=True)
            spool.unlink(missing_ok=True)
        about = self._about(size_bytes, elapsed_seconds=time.monotonic() - began)
        artifact = self._services.catalog.put_artifact(
            self._document.id, name, blob, about
        )
        self._services.exports.drop_parts(self._document.id, self._part_names)
        return artifact

    def _write(self, path: Path) -> None:
        match self._request.format:
            case ExportFormat.EPUB:
                self._write_book(path)
            case ExportFormat.SRT | ExportFormat.VTT if self._request.by_chapter:
                self._write_subtitle_parts(path)
            case ExportFormat.SRT | ExportFormat.VTT:
                text = subtitle_text(self._sources, 0, len(self._sources.parts))
                path.write_text(text, encoding="utf-8", newline="\n")
            case _ if self._request.by_chapter:
                self._write_sound_parts(path)
            case _:
                write_whole(self._sources, path)

    def _write_sound_parts(self, path: Path) -> None:
        """Write each chapter as a file, then all of them as one zip."""
        sections = self._sections()
        blobs = [
            self._part(section.title, (section.first, section.last), (n, len(sections)))
            for n, section in enumerate(sections, start=1)
        ]
        names = numbered_names([s.title for s in sections], self._request.format.value)
        with ZipWriter(path) as target:
            for name, blob in zip(names, blobs, strict=True):
                with self._services.blobs.open(blob) as file:
                    target.add_file(name, file)

    def _write_subtitle_parts(self, path: Path) -> None:
        sections = self._sections()
        names = numbered_names([s.title for s in sections], self._request.format.value)
        with ZipWriter(path) as target:
            for name, one in zip(names, sections, strict=True):
                target.add_text(name, subtitle_text(self._sources, one.first, one.last))

    def _write_book(self, path: Path) -> None:
        parts = outlines(self._sources)
        blobs: dict[int, BlobHash] = {}
        for number, part in enumerate(parts):
            if part.span[1] > part.span[0]:
                blobs[number] = self._part(
                    part.title, part.span, (number + 1, len(parts))
                )

        def sound(number: int) -> IO[bytes]:
            return self._services.blobs.open(blobs[number])

        with ZipWriter(path) as target:
            write_book(self._sources, target, parts, sound)

    def _sections(self) -> list[Section]:
        return self._sources.timeline.sections(
            self._sources.rendering.text.chapters, title=self._document.title
        )

    def _part(
        self, title: str, span: tuple[int, int], number: tuple[int, int]
    ) -> BlobHash:
        """Return the sound of a part: kept from before, or written now."""
        fmt = self._request.format
        if fmt is ExportFormat.EPUB:
            fmt = ExportFormat.M4B
        about = (self._sources.export_id, *map(str, (*span, *number)), title)
        name = part_name(self._document.id, *about)
        self._part_names.append(name)
        kept = self._services.catalog.artifact(self._document.id, name)
        if kept is not None and self._services.blobs.exists(kept.blob):
            return kept.blob
        path = self._path("part")
        try:
            write_part(self._sources, path, fmt, title=title, number=number, span=span)
            blob = self._adopted(path)
        finally:
            path.unlink(missing_ok=True)
        self._services.catalog.put_artifact(
            self._document.id, name, blob, {"part_of": self._sources.export_id}
        )
        return blob

    def _about(self, size_bytes: int, *, elapsed_seconds: float) -> dict[str, object]:
        fmt, facts = self._request.format, self._sources.facts
        is_zip = self._request.by_chapter and fmt is not ExportFormat.EPUB
        suffix = f"{fmt.value}.zip" if is_zip else fmt.value
        timeline = self._sources.timeline
        about: dict[str, object] = {
            "name": safe_name(facts.title, suffix),
            "media_type": ZIP_MEDIA_TYPE if is_zip else FACTS[fmt].media_type,
            "made_from": self._sources.export_id,
            "size_bytes": size_bytes,
            "duration_ms": timeline.duration_ms,
            "blocks": len(timeline),
            "blocks_left_out": len(self._sources.rendering.utterances) - len(timeline),
            "chapters": len(timeline.marks(self._sources.rendering.text.chapters)),
            "voice": self._sources.rendering.reading.voice.id,
            "request": self._request.model_dump(mode="json"),
            "elapsed_ms": round(elapsed_seconds * 1000),
        }
        if self._request.loudness_lufs is not None and FACTS[fmt].has_sound:
            about["gain_db"] = round(self._sources.gain_db, 2)
            about["measured_lufs"] = round(self._sources.measured.lufs, 2)
        return about

    def _path(self, what: str) -> Path:
        return self._folder / f"{self._job.id}.{what}"

    def _adopted(self, path: Path) -> BlobHash:
        """Make a finished file a blob, durably."""
        with path.open("rb") as file:
            name = BlobHash(hashlib.file_digest(file, "sha256").hexdigest())
        self._services.blobs.adopt(path, name)
        return name

    def _clear_old(self) -> None:
        """Remove what attempts have left behind that nobody took up again."""
        for path in _files(self._folder):
            try:
                if time.time() - path.stat().st_mtime > LEFT_BEHIND_SECONDS:
                    path.unlink()
            except FileNotFoundError:
                continue


def _files(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise StoreError(f"The folder for exports cannot be read: {error}.") from error
