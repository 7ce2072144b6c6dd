"""What each recogniser made of a document: kept side by side, compared, chosen.

A document is read in the text of one recogniser. The others wait beside it, and asking
for one more changes nothing until somebody chooses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lectern.accounts.people import Principal
from lectern.documents.blocks import DocumentText
from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind
from lectern.errors import InvalidRequest, NotFound
from lectern.ids import BlobHash, DocumentId
from lectern.jobs.states import DocumentState, JobKind
from lectern.jobs.wanted import LOCAL, Wanted
from lectern.usage.events import EventKind
from lectern.usage.quotes import Quote
from resources.engines.recognition.elsewhere import SENT_FORMATS
from resources.moved_places import move_places
from resources.preparation import BLOCKS, RECOGNISED
from resources.recognition_accounts import PICTURES
from resources.services import Services
from resources.stores.blocks_file import read_blocks
from resources.stores.catalog import Artifact, Document
from resources.stores.jobs import Job

ENOUGH_PAGES = 3
"""Pages that must have been timed before anything is foretold from them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One recognition of a document."""

    recogniser: str
    label: str
    pages: int
    words: int
    confidence: float | None  # mean over its pages, 0…1; None where none is stated
    by_page: dict[int, tuple[str, float | None]]  # method and confidence
    seconds: float
    sent_pages: int
    price_micros: int | None
    made_at: datetime
    blob: BlobHash
    is_read: bool  # its text is what is read now


@dataclass(frozen=True, slots=True)
class Offer:
    """One recogniser as it may be asked for."""

    recogniser: str
    label: str
    scans: Quote  # for the pages that do not read well here
    everything: Quote
    why_not: str = ""  # why it cannot be used; empty when it can


class Recognitions:
    """The recognitions of documents."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._engines = services.recognition_engines()

    def of(self, document: Document) -> list[Kept]:
        """Return what there is of a document, the text that is read first."""
        made = self._services.catalog.artifacts(document.id)
        found = []
        for name, artifact in made.items():
            step, _, recogniser = name.partition(":")
            blocks = made.get(Wanted(recogniser or LOCAL).named(BLOCKS))
            if step == RECOGNISED and blocks is not None:
                kept = self._kept(document, recogniser or LOCAL, artifact, blocks)
                found.append(kept)
        return sorted(found, key=lambda kept: (not kept.is_read, kept.made_at))

    def _kept(
        self,
        document: Document,
        recogniser: str,
        recognised: Artifact,
        blocks: Artifact,
    ) -> Kept:
        about = recognised.metadata
        by_page = {
            number: (method, confidence)
            for number, method, confidence in about.get("by_page", ())
        }
        sure = [c for _, c in by_page.values() if c is not None]
        return Kept(
            recogniser=recogniser,
            label=self.label(recogniser),
            pages=about.get("pages", 0),
            words=blocks.metadata.get("words", 0),
            confidence=sum(sure) / len(sure) if sure else None,
            by_page=by_page,
            seconds=about.get("elapsed_ms", 0) / 1000,
            sent_pages=about.get("sent_pages", 0),
            price_micros=about.get("price_micros", 0),
            made_at=recognised.created_at,
            blob=blocks.blob,
            is_read=self._services.filtering().source_of(document) == blocks.blob,
        )

    def label(self, recogniser: str) -> str:
        """Return a recogniser's name for people, even when it is gone by now."""
        if self._engines.why_not(recogniser):
            return recogniser
        return self._engines.engine(recogniser).label

    def text(self, kept: Kept) -> DocumentText:
        """Return the text of a recognition."""
        return read_blocks(self._services.blobs.read(kept.blob))

    def offers(self, document: Document) -> list[Offer]:
        """Return who may read a document, with what it would cost and take."""
        if document.format not in SENT_FORMATS:
            return []
        pictures, pages = self._pages(document)
        speeds = self._speeds(document.principal)
        return [
            self.offer(name, pictures=pictures, pages=pages, speeds=speeds)
            for name in self._engines.names()
        ]

    def general_offers(self, principal: Principal, *, pages: int) -> list[Offer]:
        """Return who may read pages of which nothing is known yet."""
        speeds = self._speeds(principal)
        return [
            self.offer(name, pictures=pages, pages=pages, speeds=speeds)
            for name in self._engines.names()
        ]

    def offer(
        self, name: str, *, pictures: int, pages: int, speeds: Mapping[str, float]
    ) -> Offer:
        """Return what reading so many pages by a recogniser costs and takes."""
        if why_not := self._engines.why_not(name):
            nothing = Quote(engine=name, price_micros=None)
            return Offer(name, name, nothing, nothing, why_not)
        engine = self._engines.engine(name)
        speed = speeds.get(name)

        def quote(count: int) -> Quote:
            return Quote(
                engine=name,
                pages=count,
                price_micros=engine.price_micros(count),
                seconds=None if speed is None else speed * count,
            )

        return Offer(name, engine.label, quote(pictures), quote(pages))

    def _pages(self, document: Document) -> tuple[int, int]:
        """Return how many pages do not read well by themselves, and all of them."""
        made = self._services.catalog.artifacts(document.id)
        about = [
            artifact.metadata
            for name, artifact in made.items()
            if name.partition(":")[0] == RECOGNISED
        ]
        pages = max((a.get("page_count", 0) for a in about), default=0)
        # Engines that were sent all pages looked at more of them than they had to.
        pictures = min((_pictures(known) for known in about), default=pages)
        return pictures, pages

    def _speeds(self, principal: Principal) -> dict[str, float]:
        """Return seconds a page by recogniser, as far as they were measured."""
        pages: dict[str, int] = {}
        seconds: dict[str, float] = {}

        def add(engine: str, method: str, count: int, spent_seconds: float) -> None:
            if method in PICTURES:
                pages[engine] = pages.get(engine, 0) + count
                seconds[engine] = seconds.get(engine, 0.0) + spent_seconds

        for use in self._services.statistics().recognition(principal):
            add(use.engine, use.method, use.pages, use.seconds)
        for event in self._services.outbox.pending():
            is_ours = event.owner_id == principal.owner_id
            if is_ours and event.kind is EventKind.RECOGNISED:
                read = event.payload
                add(
                    read.get("engine", LOCAL),
                    read["method"],
                    read["pages"],
                    read["elapsed_ms"] / 1000,
                )
        return {
            engine: seconds[engine] / count
            for engine, count in pages.items()
            if count >= ENOUGH_PAGES and seconds[engine] > 0
        }

    def ask(
        self, principal: Principal, document_id: DocumentId, wanted: Wanted
    ) -> tuple[Job, bool]:
        """Return the job that recognises a document anew, and whether it is a new one.

        Raises:
            NotFound: There is no such document, or no such recogniser.
            EngineUnavailable: The recogniser lacks something.
            InvalidRequest: The document is not ready, or is of another kind.
        """
        services = self._services
        document = services.catalog.get(principal, document_id)
        self._engines.engine(wanted.recogniser)
        check_format(document.format, wanted)
        if document.state is not DocumentState.READY:
            raise InvalidRequest(
                f"“{document.title}” is not ready yet. Wait until it can be played."
            )
        for job in services.jobs.for_document(
            principal, document_id, kind=JobKind.PREPARE
        ):
            if job.state.is_final or job.cancel_requested:
                continue
            if Wanted.of(job.parameters) != wanted:
                raise InvalidRequest(
                    f"“{document.title}” is being recognised in another way. Wait "
                    "until that is done, or stop it under Activity."
                )
            return job, False
        services.require_disk()
        job = services.jobs.create(
            principal,
            document_id=document_id,
            kind=JobKind.PREPARE,
            parameters=wanted.parameters,
        )
        return job, True

    def use(
        self, principal: Principal, document_id: DocumentId, recogniser: str
    ) -> Document:
        """Read a document in the text of another recognition from now on.

        Bookmarks and places stay at their text, or at what stands nearest before it.

        Raises:
            NotFound: There is no such document, or no such recognition.
        """
        services = self._services
        document = services.catalog.get(principal, document_id)
        found = [k for k in self.of(document) if k.recogniser == recogniser]
        if not found:
            raise NotFound(
                f"“{document.title}” has not been recognised by “{recogniser}”. "
                "Ask for that first."
            )
        if found[0].is_read or document.blocks_blob is None:
            return document
        before = read_blocks(services.blobs.read(document.blocks_blob))
        source = self.text(found[0])
        published = services.filtering().publish(document, source, found[0].blob)
        if published.blocks_blob is not None:
            after = read_blocks(services.blobs.read(published.blocks_blob))
            move_places(services, principal, document_id, before, after)
        return published


def _pictures(about: Mapping[str, Any]) -> int:
    """Return how many pages of a recognition were looked at."""
    if "pictures" in about:
        return int(about["pictures"])
    return sum(about.get("methods", {}).get(method, 0) for method in PICTURES)


def check_format(kind: Format, wanted: Wanted) -> None:
    """Refuse to send what is read better here.

    Raises:
        InvalidRequest: Its structure is stated in the file; no picture is needed.
    """
    if wanted.recogniser != LOCAL and kind not in SENT_FORMATS:
        raise InvalidRequest(
            "Only PDFs and pictures are recognised elsewhere; the text of this file is "
            "read as its makers wrote it."
        )


def pages_of(text: DocumentText) -> dict[int, str]:
    """Return what is read on each page, without heads and feet."""
    pages: dict[int, list[str]] = {}
    for block in text.blocks:
        if block.kind is not BlockKind.FURNITURE:
            pages.setdefault(block.page, []).append(block.shown)
    return {number: "\n".join(parts) for number, parts in pages.items()}


def changed_pages(left: Mapping[int, str], right: Mapping[int, str]) -> Sequence[int]:
    """Return the pages whose words differ, in order."""
    numbers = sorted(set(left) | set(right))
    return [n for n in numbers if left.get(n, "").split() != right.get(n, "").split()]
