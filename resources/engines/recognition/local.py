"""Recognition on this machine, without network: child processes do the reading.

This module decides who reads which pages, keeps what they say, and turns what
becomes of them into pages, remarks and typed errors.
"""

import logging
import os
import signal
import time
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from lectern.documents.formats import Format
from lectern.documents.pages import RecognisedPage, Recognition, RecognitionMethod
from lectern.errors import (
    DamagedFile,
    EngineCrashed,
    LecternError,
    NothingToRead,
    TookTooLong,
)
from lectern.ids import digest
from lectern.settings import Settings
from resources.collecting import collection_paused
from resources.engines.recognition.base import PageCache, Progress, Recogniser
from resources.engines.recognition.guards import Caps
from resources.engines.recognition.sandbox import ReadingChild, follow
from resources.engines.recognition.tesseract import (
    choose,
    data_from_environment,
    find_data,
    languages,
)
from resources.engines.recognition.wire import (
    error_from_wire,
    outline_from_wire,
    page_from_wire,
    page_to_wire,
)

logger = logging.getLogger(__name__)

SHARED_FROM_PAGES = {"texts": 80, "pictures": 2}
"""So many pages to be read in a way are worth a second process."""
READING_CHILDREN = 2
PORTION_PAGES = 12
"""Text pages are handed out in such portions, so that all children end together."""
LONG_PDF_BYTES = 256 * 1024
"""From this size a PDF is likely to have pages for two, and a second process starts
before they are counted: loading its libraries takes as long as reading thirty pages."""
LOST_PAGES = 3
"""Pages that may each end a process before the file is given up."""
REPORT_SECONDS = 0.25
OUT_OF_MEANS = frozenset(
    # The last three are how pdfium and other C libraries end without memory.
    {signal.SIGXCPU, signal.SIGKILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGILL}
)
TITLES_OF_NOTHING = frozenset({"untitled", "untitled document", "document", "title"})


class LocalRecogniser(Recogniser):
    """Reads every kind of file with what is installed here."""

    def __init__(self, settings: Settings) -> None:
        limits = settings.limits.model_dump()
        self._caps = Caps(**{f.name: limits[f.name] for f in fields(Caps)})
        self._timeout_seconds = float(settings.limits.child_seconds)
        places = (settings.tessdata_dir, data_from_environment())
        folder = find_data(*(Path(p).expanduser() for p in places if p))
        installed = tuple(languages(folder)) if folder else ()
        chosen = choose(installed, settings.recognition_languages)
        self._tessdata = str(folder) if folder and chosen else None
        self._languages = chosen
        logger.info("Pictures of pages are read by %s", chosen or "RapidOCR alone")

    def recognise(
        self,
        path: Path,
        format: Format,  # noqa: A002  (the domain's word)
        *,
        cache: PageCache,
        progress: Progress,
        only_pages: Collection[int] = (),
        all_pages: bool = False,  # all are read here anyway
    ) -> Recognition:
        """Return the pages of a file, in the order they were read."""
        job = {
            "path": str(path.absolute()),
            "format": format.value,
            "only": sorted(only_pages),
            "caps": {f.name: getattr(self._caps, f.name) for f in fields(Caps)},
            "tessdata": self._tessdata,
            "languages": self._languages,
        }
        with ExitStack() as stack, collection_paused():
            recognition = _Recognising(job, cache, progress, stack)
            return recognition.run(timeout_seconds=self._timeout_seconds)


@dataclass(slots=True)
class _Share:
    """What one child has been asked to read."""

    kind: str = ""  # "texts" or "pictures"; none: it decides by itself
    pages: list[int] = field(default_factory=list)
    at: int | None = None


@dataclass(slots=True)
class _Recognising:
    """One file being read."""

    job: dict[str, Any]
    cache: PageCache
    progress: Progress
    stack: ExitStack
    head: list[Any] | None = None
    pages: dict[int, RecognisedPage] = field(default_factory=dict)
    reused: set[int] = field(default_factory=set)
    failures: dict[int, LecternError] = field(default_factory=dict)
    children: list[ReadingChild] = field(default_factory=list)
    shares: dict[int, _Share] = field(default_factory=dict)  # of those that live
    texts_left: list[int] | None = None  # not handed out yet; None: not known
    early: list[ReadingChild] = field(default_factory=list)  # that wait to know them
    waiting: list[ReadingChild] = field(default_factory=list)  # for pictures to read
    lost_pages: int = 0
    reported_at: float = 0.0

    def run(self, *, timeout_seconds: float) -> Recognition:
        """Follow the children to their end and return what they found."""
        self._start(_Share())
        if self._is_long_pdf() and _cores() > 1:
            self._start(_Share("texts"))
        for event in follow(self.children, timeout_seconds=timeout_seconds):
            if event is not None:
                child, message = event
                if message is None:
                    self._on_end(child)
                else:
                    self._on_message(child, message)
            self._report()
        return self._result()

    def _start(self, share: _Share) -> None:
        asked = {share.kind: share.pages} if share.kind else {}
        child = self.stack.enter_context(ReadingChild({**self.job, **asked}))
        self.children.append(child)
        self.shares[id(child)] = share

    def _is_long_pdf(self) -> bool:
        is_pdf = self.job["format"] == Format.PDF.value and not self.job["only"]
        return is_pdf and Path(self.job["path"]).stat().st_size >= LONG_PDF_BYTES

    def _on_message(self, child: ReadingChild, message: dict[str, Any]) -> None:
        match message:
            case {"page": wire}:
                self._keep(page_from_wire(wire), is_picture="is_picture" in message)
            case {"head": head}:
                self.head = self.head or head
            case {"at": number}:
                self.shares[id(child)].at = number
            case {"ask": shown, "engine": engine}:
                self._answer(child, shown, engine)
            case {"share": kind, "pages": numbers}:
                self._on_share(child, kind, numbers)
            case {"more": "texts"}:
                self._hand_out(child)
            case {"failed": number, "error": wire}:
                self._fail(number, error_from_wire(wire))
            case {"error": wire}:
                raise error_from_wire(wire)
            case {"remark": remark}:
                logger.warning("%s", remark)

    def _keep(self, page: RecognisedPage, *, is_picture: bool) -> None:
        self.pages[page.number] = page
        if is_picture and page.number not in self.reused:
            self.cache.put(page)

    def _answer(self, child: ReadingChild, shown: str, engine: str) -> None:
        """Tell a child the page it is about to read, if we have read it before."""
        known = self.cache.get(shown, engine)
        number = self.shares[id(child)].at
        if known is not None and number is not None:
            self.reused.add(number)
        child.tell(page_to_wire(known) if known is not None else None)

    def _on_share(self, child: ReadingChild, kind: str, numbers: list[int]) -> None:
        share = self.shares[id(child)]
        share.kind = kind
        if kind == "texts":
            self._share_texts(child, numbers)
        else:
            share.pages = numbers
            self.waiting.append(child)
            self._share_pictures()

    def _share_texts(self, child: ReadingChild, numbers: list[int]) -> None:
        """Let all who are there read; start another where there is enough to do."""
        self.texts_left = numbers
        for reader in (child, *self.early):
            self._hand_out(reader)
        for _ in range(len(self.shares), _readers("texts", numbers)):
            self._start(_Share("texts", self._portion()))

    def _hand_out(self, child: ReadingChild) -> None:
        """Give a child more pages to read the text of; none when all are given out."""
        if self.texts_left is None:
            self.early.append(child)
            return
        portion = self._portion()
        self.shares[id(child)].pages += portion
        child.tell(portion)

    def _portion(self) -> list[int]:
        left = self.texts_left or []
        self.texts_left = left[PORTION_PAGES:]
        return left[:PORTION_PAGES]

    def _share_pictures(self) -> None:
        """Share out what needs pictures once nobody may find more of it.

        Reading a picture takes a hundred times as long as reading text, so the
        pages of all children are shared out anew, wherever they were found.
        """
        if not self.waiting or len(self.waiting) < len(self.shares):
            return
        asking, self.waiting = self.waiting, []
        found = (self.shares[id(child)].pages for child in asking)
        numbers = sorted(chain(*found))
        readers = max(_readers("pictures", numbers), len(asking))
        for first, child in zip_longest(range(readers), asking):
            part = numbers[first::readers]
            if child is None:
                self._start(_Share("pictures", part))
            else:
                self.shares[id(child)].pages = part
                child.tell(part)

    def _on_end(self, child: ReadingChild) -> None:
        """See to the pages a child left behind: one is lost, the others go on."""
        share = self.shares.pop(id(child))
        self.waiting = [other for other in self.waiting if other is not child]
        if child.exit_code != 0:
            self._go_on_after(share, error_of(child))
        self._share_pictures()

    def _go_on_after(self, share: _Share, error: LecternError) -> None:
        if share.at is None:
            raise error
        if share.at not in self.pages:
            self._fail(share.at, error)
        self.lost_pages += 1
        if self.lost_pages > LOST_PAGES:
            raise error
        left = [n for n in share.pages if n not in self.pages]
        if left := left or self._portion():
            self._start(_Share(share.kind, left))

    def _fail(self, number: int, error: LecternError) -> None:
        self.failures[number] = error
        self.pages[number] = RecognisedPage(
            number=number,
            method=RecognitionMethod.BLANK,
            engine="none",
            content_digest=digest("failed", error.message),
            remarks=(f"This page could not be read. {error.message}",),
        )

    def _report(self) -> None:
        """Say how far we are; whoever listens may raise Cancelled."""
        now = time.monotonic()
        if self.head is None or now - self.reported_at < REPORT_SECONDS:
            return
        self.reported_at = now
        self.progress(len(self.pages), self._wanted())

    def _wanted(self) -> int:
        count: int = self.head[0] if self.head else 0
        return len(self.job["only"]) or count

    def _result(self) -> Recognition:
        if self.head is None:
            raise EngineCrashed("The process that reads files said nothing. Try again.")
        page_count, title, author, language, outline = self.head
        self.progress(len(self.pages), self._wanted())
        if not self.job["only"]:
            self._refuse_nothing()
        return Recognition(
            # Children reply in any order, which says nothing about the file.
            pages=tuple(self.pages[number] for number in sorted(self.pages)),
            page_count=page_count,
            title="" if title.lower() in TITLES_OF_NOTHING else title,
            author=author,
            language=language,
            outline=outline_from_wire(outline),
            reused_pages=len(self.reused),
        )

    def _refuse_nothing(self) -> None:
        if any(page.lines or page.elements for page in self.pages.values()):
            return
        if self.failures:
            raise next(iter(self.failures.values()))
        raise NothingToRead(
            "There are no words in this file: its pages are blank, or show pictures "
            "without text. Upload a file with text, or a sharper scan."
        )


def _readers(kind: str, numbers: list[int]) -> int:
    """Return how many processes read: two where there are pages and cores for both."""
    if len(numbers) < SHARED_FROM_PAGES[kind]:
        return 1
    return min(READING_CHILDREN, _cores())


def _cores() -> int:
    return os.cpu_count() or 1


def error_of(child: ReadingChild) -> LecternError:
    """Return what a child's way of ending means to the person who uploaded.

    Nothing here is worth another try: the same file would end the same way.
    """
    if child.died_by in OUT_OF_MEANS:
        return TookTooLong(
            "Reading it took more computing time or memory than one file may take. "
            "Make it smaller or split it, and try again."
        )
    logger.error(
        "Reading child ended by signal %s, status %s: %s",
        child.died_by,
        child.exit_code,
        child.last_words(),
    )
    if child.died_by is not None:
        return DamagedFile(
            "The program that reads this kind of file crashed on it. Save the file "
            "anew, for example by printing it to PDF, and try that."
        )
    return DamagedFile(
        "The file cannot be read: something in it is not as its kind demands. Save it "
        "anew from the program it comes from, and try that."
    )
