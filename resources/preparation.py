"""The steps from an uploaded file to blocks, as plain functions over our stores.

Each step keeps its result and finds it again: a repeated run does no work twice. A
result belongs to the bytes it was made from and to the version of the step, so that
neither a changed file nor a changed program is answered with an old result.
"""

import logging
import time
import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from lectern.accounts.limits import Limits
from lectern.documents.blocks import DocumentText, Finding
from lectern.documents.building import build_text
from lectern.documents.interchange import from_json, to_json
from lectern.documents.ordering import SortedPages, sort_pages
from lectern.documents.pages import Recognition
from lectern.documents.titles import adopted_title
from lectern.errors import Cancelled, NotFound, NothingToRead, Paused
from lectern.ids import BlobHash, digest
from lectern.jobs.states import DocumentState, JobKind, JobState, JobStep
from lectern.jobs.wanted import LOCAL, Wanted
from lectern.settings import Settings
from lectern.usage.events import EventKind
from resources.collecting import collection_paused
from resources.counted_pages import counted
from resources.engines.recognition.base import PageCache, Progress, Recogniser
from resources.engines.recognition.engines import RecognitionEngines
from resources.filtering import Filtering
from resources.job_telling import describe_recogniser
from resources.recognition_accounts import account_of, events_of
from resources.recognition_rounds import recognise_all
from resources.stores.allowed import Allowed
from resources.stores.blob_contract import Blobs
from resources.stores.blocks_file import write_blocks
from resources.stores.catalog import Artifact, Catalog, Document
from resources.stores.charged_pages import PageCharging
from resources.stores.joblog import JobLog
from resources.stores.jobs import Job, Jobs
from resources.stores.outbox import Outbox
from resources.text_models import language_finder, sentence_finder
from resources.text_stats import text_stats

SCHEME = "1"
"""Raise to prepare every document anew, when what a step does has changed."""
RECOGNISED, SORTED, BLOCKS = "recognised_pages", "sorted_pages", "blocks"
REPLIES = "engine_replies"
"""As an engine elsewhere sent them: one JSON value a line, compressed by zlib."""
USUAL = Wanted()
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
        blobs: Blobs,
        page_cache: PageCache,
        filtering: Filtering,
        recogniser: Recogniser,
        recognisers: RecognitionEngines | None = None,
        joblog: JobLog | None = None,
        outbox: Outbox | None = None,
        allowed: Allowed | None = None,
        charging: PageCharging | None = None,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._jobs = jobs
        self._blobs = blobs
        self._page_cache = page_cache
        self._recogniser = recogniser
        self._recognisers = recognisers
        self._joblog = joblog
        self._outbox = outbox
        self._allowed = allowed
        self._filtering = filtering
        self._charging = charging
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

        The job says by which recogniser; each keeps a result of its own.

        Raises:
            InputError: The file cannot be read; the message says what to do.
            LimitReached: It has more pages than one document may have, or its owner's
                allowance, or what they may have in a day, is used up. Pages that were
                read are kept.
            EngineError: The engine failed.
        """
        job = job or self._job(document)
        wanted = Wanted.of(job.parameters if job else {})
        recogniser = self._recogniser_for(wanted)
        key = self._recognition_key(document, wanted, recogniser)
        known = self._done(document, wanted.named(RECOGNISED), key)
        if known is not None:
            return known
        describe_recogniser(self._jobs, self._joblog, job, recogniser)
        started = time.monotonic()
        limits = self._limits_of(document)
        progress = self._progress(document, job)
        with (
            self._blobs.held(document.blob) as path,
            self._pages_for(document, recogniser) as pages,
            counted(pages, self._allowed, document.principal) as cache,
        ):
            recognition = recognise_all(
                document,
                path,
                recogniser,
                cache=cache,
                progress=progress,
                all_pages=wanted.all_pages,
                page_limit=limits.pages,
            )
        elapsed_ms = round((time.monotonic() - started) * 1000)
        if self._outbox is not None:
            self._outbox.extend(
                EventKind.RECOGNISED,
                events_of(recognition, document.id, wanted, elapsed_ms=elapsed_ms),
                principal=document.principal,
            )
        self._keep_replies(document, recognition, wanted)
        blob = self._keep(replace(recognition, replies=()))
        about = {
            "made_from": key,
            "elapsed_ms": elapsed_ms,
            "price_micros": recogniser.price_micros(recognition.sent_pages),
            **account_of(recognition),
        }
        self._log(job, f"Recognised {len(recognition.pages)} pages in {elapsed_ms} ms.")
        name = wanted.named(RECOGNISED)
        return self._catalog.put_artifact(document.id, name, blob, about)

    def _pages_for(
        self, document: Document, recogniser: Recogniser
    ) -> AbstractContextManager[PageCache]:
        """Return the pages read before; new ones go on the owner's account."""
        if self._charging is None:
            return nullcontext(self._page_cache)
        return self._charging.on_account_of(
            document.principal,
            ref=f"document:{document.id}",
            paid_as=recogniser.pages_kept_as,
            price_of=recogniser.price_micros,
        )

    def _limits_of(self, document: Document) -> Limits:
        if self._allowed is None:
            return self._settings.limits
        return self._allowed.limits.of(document.principal)

    def _recogniser_for(self, wanted: Wanted) -> Recogniser:
        if wanted.recogniser == LOCAL:
            return self._recogniser
        if self._recognisers is None:
            raise NotFound(f"There is no recogniser “{wanted.recogniser}” here.")
        return self._recognisers.engine(wanted.recogniser)

    def _recognition_key(
        self, document: Document, wanted: Wanted, recogniser: Recogniser
    ) -> str:
        what = (SCHEME, document.blob, document.format.value)
        if wanted.recogniser != LOCAL:
            return digest(*what, recogniser.identity, str(wanted.all_pages))
        tessdata = str(self._settings.tessdata_dir)
        return digest(*what, tessdata, *self._settings.recognition_languages)

    def _keep_replies(
        self, document: Document, recognition: Recognition, wanted: Wanted
    ) -> None:
        """Keep what an engine elsewhere sent, letter by letter: it was paid for."""
        if recognition.replies:
            blob = self._blobs.put(zlib.compress(b"\n".join(recognition.replies)))
            about = {"replies": len(recognition.replies)}
            name = wanted.named(REPLIES)
            self._catalog.put_artifact(document.id, name, blob, about)

    def sort(self, document: Document, wanted: Wanted = USUAL) -> Artifact:
        """Put the recognised pages in order and keep what was found about them."""
        recognised = self._made(document, wanted.named(RECOGNISED))
        key = digest(SCHEME, recognised.blob)
        known = self._done(document, wanted.named(SORTED), key)
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
        return self._catalog.put_artifact(
            document.id, wanted.named(SORTED), blob, about
        )

    def findings(
        self, document: Document, wanted: Wanted = USUAL
    ) -> tuple[Finding, ...]:
        """Return what was found while the pages were sorted."""
        artifact = self._catalog.artifact(document.id, wanted.named(SORTED))
        found = artifact.metadata.get("findings", ()) if artifact else ()
        return tuple(Finding(code, message, page) for code, message, page in found)

    def split(self, document: Document, wanted: Wanted = USUAL) -> Document:
        """Cut the sorted pages into blocks, filter them and make them readable.

        A document that is being read keeps its text when another recogniser was asked
        for: the new blocks wait to be compared with it, and chosen.

        Raises:
            NothingToRead: The pages hold no words.
        """
        ordered = self._made(document, wanted.named(SORTED))
        key = digest(SCHEME, ordered.blob)
        name = wanted.named(BLOCKS)
        is_read = self._is_to_be_read(document, wanted)
        known = self._done(document, name, key)
        if known is not None and document.state is DocumentState.READY:
            is_done = self._filtering.source_of(document) == known.blob or not is_read
            if is_done and not self._filtering.is_stale(document):
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
            "words": stats.word_count,
        }
        self._catalog.put_artifact(document.id, name, blob, about)
        if not is_read:
            return self._left_as_it_is(document)
        published = self._filtering.publish(document, text, blob)
        self._report(document, JobStep.SPLITTING, done=1, total=1)
        return self._titled(published, text.title)

    def _is_to_be_read(self, document: Document, wanted: Wanted) -> bool:
        """Whether new blocks take the place of what is read: theirs, or none yet."""
        if wanted.is_to_be_read or not document.version:
            return True
        before = self._catalog.artifact(document.id, wanted.named(BLOCKS))
        return before is not None and before.blob == self._filtering.source_of(document)

    def _left_as_it_is(self, document: Document) -> Document:
        if document.state is not DocumentState.READY:
            self._catalog.set_state(document.id, DocumentState.READY)
        self._report(document, JobStep.SPLITTING, done=1, total=1)
        return self._catalog.find(document.id)

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
        jobs = self._jobs.for_document(
            document.principal, document.id, kind=JobKind.PREPARE
        )
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
        if job is not None and self._jobs.is_past_hours(job, self._settings.batch):
            raise Paused("The off-peak hours are over. It goes on in the next ones.")

    def _log(self, job: Job | None, line: str) -> None:
        if job is not None and self._joblog is not None:
            self._joblog.append(job.id, line)


def _findings_json(pages: SortedPages) -> list[list[str | int | None]]:
    return [[f.code, f.message, f.page] for f in pages.findings[:KEPT_FINDINGS]]
