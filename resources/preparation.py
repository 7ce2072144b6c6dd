"""The steps from an uploaded file to blocks, as plain functions over our stores.

Each step keeps its result and finds it again: a repeated run does no work twice. A
result belongs to the bytes it was made from and to the version of the step, so that
neither a changed file nor a changed program is answered with an old result.
"""

import gc
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

from lectern.documents.blocks import DocumentText, Finding
from lectern.documents.building import build_text
from lectern.documents.interchange import from_json, to_json
from lectern.documents.ordering import SortedPages, missing_numbers, sort_pages
from lectern.documents.pages import RecognisedPage, Recognition, RecognitionMethod
from lectern.documents.spoken import Policy, speak
from lectern.documents.titles import adopted_title
from lectern.errors import (
    Cancelled,
    EngineError,
    NotFound,
    NothingToRead,
    TooManyPages,
)
from lectern.ids import BlobHash, digest
from lectern.jobs.states import DocumentState, JobKind, JobState, JobStep
from lectern.settings import Settings
from lectern.usage.events import EventKind, Recognised
from resources.engines.languages import ParagraphLanguages
from resources.engines.recognition.base import PageCache, Progress, Recogniser
from resources.engines.sentences import SpacySentences
from resources.stores.blobs import BlobStore
from resources.stores.blocks_file import write_blocks
from resources.stores.catalog import Artifact, Catalog, Document, TextStats
from resources.stores.joblog import JobLog
from resources.stores.jobs import Job, Jobs
from resources.stores.outbox import Outbox

SCHEME = "1"
"""Raise to prepare every document anew, when what a step does has changed."""
RECOGNISED, SORTED, BLOCKS = "recognised_pages", "sorted_pages", "blocks"
ROUNDS_FOR_MISSING_PAGES = 2
REPORT_SECONDS = 0.5
KEPT_FINDINGS = 500

logger = logging.getLogger(__name__)


class Preparation:
    """Turns uploads into blocks."""

    def __init__(
        self,
        *,
        settings: Settings,
        catalog: Catalog,
        jobs: Jobs,
        blobs: BlobStore,
        page_cache: PageCache,
        recogniser: Recogniser,
        joblog: JobLog | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._jobs = jobs
        self._blobs = blobs
        self._page_cache = page_cache
        self._recogniser = recogniser
        self._joblog = joblog
        self._outbox = outbox
        self._last: tuple[BlobHash, Recognition] | None = None

    def read_original(self, document: Document) -> None:
        """See that the uploaded file is there and still is what was uploaded.

        Raises:
            BlobMissing: It is gone.
            BlobCorrupt: Its bytes have changed.
        """
        self._report(document, JobStep.READING, done=0, total=1)
        self._blobs.read(document.blob, verify=True)
        self._report(document, JobStep.READING, done=1, total=1)

    def recognise(self, document: Document, job: Job | None = None) -> Artifact:
        """Recognise the pages; those that are missing are asked for again, alone.

        Raises:
            InputError: The file cannot be read; the message says what to do.
            LimitReached: It has more pages than one document may have.
            EngineError: The engine failed.
        """
        key = digest(
            SCHEME,
            document.blob,
            document.format.value,
            str(self._settings.tessdata_dir),
            *self._settings.recognition_languages,
        )
        known = self._done(document, RECOGNISED, key)
        if known is not None:
            return known
        job = job or self._job(document)
        started = time.monotonic()
        recognition = self._recognised(document, self._progress(document, job))
        elapsed_ms = round((time.monotonic() - started) * 1000)
        self._count(document, recognition, elapsed_ms=elapsed_ms)
        blob = self._keep(recognition)
        about = {
            "made_from": key,
            "pages": len(recognition.pages),
            "page_count": recognition.page_count,
            "reused_pages": recognition.reused_pages,
            "methods": _methods(recognition.pages),
            "engines": sorted({page.engine for page in recognition.pages}),
            "elapsed_ms": elapsed_ms,
        }
        self._log(job, f"Recognised {len(recognition.pages)} pages in {elapsed_ms} ms.")
        return self._catalog.put_artifact(document.id, RECOGNISED, blob, about)

    def sort(self, document: Document) -> Artifact:
        """Put the recognised pages in order and keep what was found about them."""
        recognised = self._made(document, RECOGNISED)
        key = digest(SCHEME, recognised.blob)
        known = self._done(document, SORTED, key)
        if known is not None:
            return known
        self._report(document, JobStep.SORTING, done=0, total=1)
        recognition = self._load(recognised.blob)
        pages = sort_pages(recognition.pages, page_count=recognition.page_count)
        is_same = pages.pages == recognition.pages
        blob = (
            recognised.blob
            if is_same
            else self._keep(replace(recognition, pages=pages.pages))
        )
        about = {
            "made_from": key,
            "pages": len(pages.pages),
            "missing": list(pages.missing),
            "reordered": not is_same,
            "findings": _findings_json(pages),
        }
        self._report(document, JobStep.SORTING, done=1, total=1)
        return self._catalog.put_artifact(document.id, SORTED, blob, about)

    def findings(self, document: Document) -> tuple[Finding, ...]:
        """Return what was found while the pages were sorted."""
        artifact = self._catalog.artifact(document.id, SORTED)
        found = artifact.metadata.get("findings", ()) if artifact else ()
        return tuple(Finding(code, message, page) for code, message, page in found)

    def split(self, document: Document) -> Document:
        """Cut the sorted pages into blocks and make them readable.

        Raises:
            NothingToRead: The pages hold no words.
        """
        ordered = self._made(document, SORTED)
        key = digest(SCHEME, ordered.blob)
        known = self._done(document, BLOCKS, key)
        is_ready = document.state is DocumentState.READY
        if known is not None and is_ready and document.blocks_blob == known.blob:
            return document
        self._report(document, JobStep.SPLITTING, done=0, total=1)
        with collection_paused():
            text = self.text_of(self._load(ordered.blob), document)
            self._last = None  # a book's lines make room for writing its blocks
            blob = self._blobs.put(write_blocks(text))
            stats = text_stats(text, document.policy)
        self._raise_if_cancelled(self._job(document))
        about = {
            "made_from": key,
            "blocks": len(text.blocks),
            "chapters": len(text.chapters),
        }
        self._catalog.put_artifact(document.id, BLOCKS, blob, about)
        published = self._catalog.publish(
            document.id, text=text, blocks_blob=blob, stats=stats
        )
        self._report(document, JobStep.SPLITTING, done=1, total=1)
        return self._titled(published, text.title)

    def _titled(self, document: Document, found: str) -> Document:
        """Call the document what it calls itself, unless a person named it."""
        title = adopted_title(document.title, filename=document.filename, found=found)
        if title == document.title:
            return document
        return self._catalog.rename(document.principal, document.id, title)

    def text_of(self, recognition: Recognition, document: Document) -> DocumentText:
        """Return the blocks of a recognition.

        Raises:
            NothingToRead: There are none.
        """
        text = build_text(
            recognition,
            document.id,
            sentences=sentence_finder(),
            languages=language_finder(),
        )
        if not text.blocks:
            raise NothingToRead(
                f"There are no words in “{document.filename}”. Upload a file with "
                "text, or a sharper scan."
            )
        return text

    def _recognised(self, document: Document, progress: Progress) -> Recognition:
        """Return all pages that can be had; missing ones are asked for again."""
        path = self._blobs.path(document.blob)
        recognition = self._recogniser.recognise(
            path, document.format, cache=self._page_cache, progress=progress
        )
        limit = self._settings.limits.pages
        if recognition.page_count > limit:
            raise TooManyPages(
                f"“{document.filename}” has {recognition.page_count} pages; one "
                f"document may have {limit}. Split it and upload the parts.",
                used=recognition.page_count,
                limit=limit,
            )
        for _ in range(ROUNDS_FOR_MISSING_PAGES):
            numbers = (page.number for page in recognition.pages)
            missing = missing_numbers(numbers, page_count=recognition.page_count)
            if not missing:
                break
            logger.warning("Pages %s of document %s are missing", missing, document.id)
            recognition = self._with_missing(document, recognition, missing, progress)
        return recognition

    def _with_missing(
        self,
        document: Document,
        recognition: Recognition,
        missing: tuple[int, ...],
        progress: Progress,
    ) -> Recognition:
        try:
            again = self._recogniser.recognise(
                self._blobs.path(document.blob),
                document.format,
                cache=self._page_cache,
                progress=progress,
                only_pages=missing,
            )
        except EngineError as error:
            # The rest can be read; the gap is found and shown when pages are sorted.
            logger.warning("Missing pages stay missing: %s", error)
            return recognition
        wanted = set(missing)
        found = tuple(page for page in again.pages if page.number in wanted)
        return replace(
            recognition,
            pages=recognition.pages + found,
            reused_pages=recognition.reused_pages + again.reused_pages,
        )

    def _keep(self, recognition: Recognition) -> BlobHash:
        blob = self._blobs.put(to_json(recognition))
        self._last = (blob, recognition)
        return blob

    def _load(self, blob: BlobHash) -> Recognition:
        """Return a kept recognition; the one made last need not be read again."""
        if self._last is None or self._last[0] != blob:
            with collection_paused():
                self._last = (blob, from_json(self._blobs.read(blob)))
        return self._last[1]

    def _done(self, document: Document, name: str, key: str) -> Artifact | None:
        """Return what a step made of the same input before, if it still is there."""
        artifact = self._catalog.artifact(document.id, name)
        if artifact is None or artifact.metadata.get("made_from") != key:
            return None
        return artifact if self._blobs.exists(artifact.blob) else None

    def _made(self, document: Document, name: str) -> Artifact:
        artifact = self._catalog.artifact(document.id, name)
        if artifact is None:
            raise NotFound(
                f"The step before has not been done ({name.replace('_', ' ')}). "
                "Prepare the document from the start."
            )
        return artifact

    def _job(self, document: Document) -> Job | None:
        """Return the running job that prepares a document, if there is one."""
        jobs = self._jobs.for_document(document.id, kind=JobKind.PREPARE)
        return next((job for job in jobs if job.state is JobState.RUNNING), None)

    def _progress(self, document: Document, job: Job | None) -> Progress:
        """Return what reports recognised pages, not too often, and may stop it."""
        reported_at = -REPORT_SECONDS

        def report(done: int, total: int) -> None:
            nonlocal reported_at
            now = time.monotonic()
            if now - reported_at < REPORT_SECONDS and done < total:
                return
            reported_at = now
            self._report(document, JobStep.RECOGNISING, done=done, total=total, job=job)

        return report

    def _report(
        self,
        document: Document,
        step: JobStep,
        *,
        done: int,
        total: int,
        job: Job | None = None,
    ) -> None:
        """Say how far the job is, and stop where somebody asked for it."""
        job = job or self._job(document)
        if job is not None:
            self._raise_if_cancelled(job)
            self._jobs.progress(job.id, step=step, done=done, total=total)

    def _raise_if_cancelled(self, job: Job | None) -> None:
        if job is not None and self._jobs.is_cancelled(job.id):
            raise Cancelled("Preparing was stopped. Try again whenever you like.")

    def _log(self, job: Job | None, line: str) -> None:
        if job is not None and self._joblog is not None:
            self._joblog.append(job.id, line)

    def _count(
        self, document: Document, recognition: Recognition, *, elapsed_ms: int
    ) -> None:
        if self._outbox is None:
            return
        methods = _methods(recognition.pages)
        pages = max(1, len(recognition.pages))
        for method, count in methods.items():
            self._outbox.append(
                EventKind.RECOGNISED,
                Recognised(
                    document_id=document.id,
                    pages=count,
                    method=method,
                    elapsed_ms=round(elapsed_ms * count / pages),
                ),
                principal=document.principal,
            )


def text_stats(text: DocumentText, policy: Policy) -> TextStats:
    """Return how much of a text is spoken under a policy."""
    spoken = [speak(block, policy).text for block in text.blocks]
    return TextStats(
        spoken_chars=sum(map(len, spoken)),
        word_count=sum(said.count(" ") + 1 for said in spoken if said),
    )


@contextmanager
def collection_paused() -> Iterator[None]:
    """Keep the garbage collector from looking at a book's lines again and again.

    None of them is garbage before the book is done, and looking takes a third of the
    time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@lru_cache(maxsize=1)
def sentence_finder() -> SpacySentences:
    """Return the one finder of sentences of this process."""
    return SpacySentences()


@lru_cache(maxsize=1)
def language_finder() -> ParagraphLanguages:
    """Return the one finder of languages of this process."""
    return ParagraphLanguages()


def load_models() -> None:
    """Load all models now, so that the first document does not wait for them."""
    sentence_finder().starts(["One sentence. Another one."], language="en")
    language_finder().of_paragraphs(
        ["This is a paragraph in English."], stated=[None], document=None
    )


def _methods(pages: tuple[RecognisedPage, ...]) -> dict[str, int]:
    """Return how many pages were won by which method."""
    counts: dict[str, int] = {}
    for page in pages:
        if page.method is not RecognitionMethod.BLANK:
            counts[page.method.value] = counts.get(page.method.value, 0) + 1
    return counts


def _findings_json(pages: SortedPages) -> list[list[str | int | None]]:
    return [[f.code, f.message, f.page] for f in pages.findings[:KEPT_FINDINGS]]
