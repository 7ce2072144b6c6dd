"""Recognition on another machine: which pages are sent, and what is read here instead.

Only PDFs and pictures leave, and of them only pages that do not read well here, unless
all are asked for. What an engine returns is kept by what the page shows, so that no
page is paid for twice; what it does not return is read here, and says so.
"""

import logging
from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lectern.documents.formats import Format
from lectern.documents.pages import RecognisedPage, Recognition
from lectern.errors import EngineError, LecternError, TooManyFallbacks
from lectern.settings import Settings
from resources.engines.recognition.base import PageCache, Progress, Recogniser
from resources.engines.recognition.local import TITLES_OF_NOTHING
from resources.engines.recognition.paper import Paper

SENT_FORMATS = (Format.PDF, Format.IMAGE)
"""What leaves this machine; the structure of all others is read better here."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Sending:
    """One file whose pages are read elsewhere."""

    paper: Paper
    cache: PageCache
    progress: Progress
    cached_as: str  # the engine, as the cache knows it
    wanted: list[int]
    pages: dict[int, RecognisedPage] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)  # of the engine or its cache
    reused_pages: int = 0
    sent_pages: int = 0
    replies: list[bytes] = field(default_factory=list)
    error: LecternError | None = None  # the last one
    done_elsewhere: int = 0  # pages read, of which we do not have the text yet

    def sign(self) -> None:
        """Say how far it is; whoever listens may raise ``Cancelled``."""
        done = min(len(self.pages) + self.done_elsewhere, len(self.wanted))
        self.progress(done, len(self.wanted))

    def known(self, number: int, shown: str) -> RecognisedPage | None:
        """Return a page the engine read before, whatever document it stood in."""
        page = self.cache.get(shown, self.cached_as)
        return replace(page, number=number) if page is not None else None

    def reuse(self, page: RecognisedPage) -> None:
        """Take a page that was read before."""
        self.pages[page.number] = page
        self.reused_pages += 1

    def keep(self, page: RecognisedPage) -> None:
        """Take a page the engine has just read, and remember it."""
        self.cache.put(page, engine=self.cached_as)
        self.pages[page.number] = page

    def missing(self) -> list[int]:
        """Return the pages asked for that are not there."""
        return [number for number in sorted(self.asked) if number not in self.pages]


class RecogniserElsewhere(Recogniser):
    """A recogniser that sends pages to another machine."""

    rounds = 1
    """How often pages are asked for before they are read here."""

    def __init__(
        self, settings: Settings, local: Recogniser, *, fallback_share: float
    ) -> None:
        self._settings = settings
        self._local = local
        self._fallback_share = fallback_share

    @property
    @abstractmethod
    def cached_as(self) -> str:
        """Return what decides how a page is read: its key in the page cache."""

    @abstractmethod
    def read(self, sending: Sending, numbers: Sequence[int]) -> bool:
        """Have pages read and kept; return whether asking again may bring the rest.

        Raises:
            Cancelled: Somebody asked for it to stop.
            EngineUnavailable: No page will ever come, whatever is asked.
        """

    @property
    def pages_kept_as(self) -> str:
        """Return the engine under which pages it was asked for are kept."""
        return self.cached_as

    @property
    def identity(self) -> str:
        """Return what decides how it reads."""
        return f"{self.name} {self.cached_as}"

    def recognise(
        self,
        path: Path,
        format: Format,  # noqa: A002  (the domain's word)
        *,
        cache: PageCache,
        progress: Progress,
        only_pages: Collection[int] = (),
        all_pages: bool = False,
    ) -> Recognition:
        """Return the pages of a file, read here or elsewhere."""
        if format not in SENT_FORMATS:
            return self._local.recognise(
                path, format, cache=cache, progress=progress, only_pages=only_pages
            )
        with Paper(path, format, self._settings) as paper:
            count = paper.head.page_count
            wanted = sorted(only_pages) or list(range(1, count + 1))
            sending = Sending(paper, cache, progress, self.cached_as, wanted)
            _read_text_layer(sending, are_all_sent=all_pages)
            self._read_elsewhere(sending)
        self._read_the_rest_here(sending, path, format)
        sending.sign()
        return _recognition(sending)

    def _read_elsewhere(self, sending: Sending) -> None:
        for _ in range(self.rounds):
            missing = sending.missing()
            if not missing or not self.read(sending, missing):
                return

    def _read_the_rest_here(
        self,
        sending: Sending,
        path: Path,
        format: Format,  # noqa: A002
    ) -> None:
        """Read what was not returned, unless that is too much of the document."""
        missing = sending.missing()
        if not missing:
            return
        self._refuse_too_many(sending, missing)
        logger.warning("%s left %d pages to be read here", self.name, len(missing))
        here = self._local.recognise(
            path,
            format,
            cache=sending.cache,
            progress=lambda _done, _total: sending.sign(),
            only_pages=missing,
        )
        remark = f"{self.label} did not return this page; it was read on this machine."
        for page in here.pages:
            sending.pages[page.number] = replace(page, remarks=(*page.remarks, remark))

    def _refuse_too_many(self, sending: Sending, missing: Sequence[int]) -> None:
        asked = len(sending.asked)
        allowed = max(1, int(asked * self._fallback_share))
        if len(missing) == asked and sending.error is not None:
            raise sending.error
        if len(missing) > allowed or len(missing) == asked:
            reason = f" The last reason: {sending.error}" if sending.error else ""
            raise TooManyFallbacks(
                f"{self.label} returned {asked - len(missing):,} of {asked:,} pages. "
                f"Try again: only the others are sent, and nothing is paid twice."
                f"{reason}"
            )


def _read_text_layer(sending: Sending, *, are_all_sent: bool) -> None:
    """Take pages that read well by themselves; the others are asked for."""
    for number in sending.wanted:
        page = None
        if not are_all_sent:
            try:
                page = sending.paper.text(number)
            except EngineError:
                raise
            except LecternError as error:
                logger.warning("The text of page %d: %s", number, error)
        if page is not None:
            sending.pages[number] = page
        else:
            sending.asked.add(number)
        sending.sign()


def _recognition(sending: Sending) -> Recognition:
    head = sending.paper.head
    return Recognition(
        # Replies come in any order, which says nothing about the file.
        pages=tuple(sending.pages[number] for number in sorted(sending.pages)),
        page_count=head.page_count,
        title="" if head.title.lower() in TITLES_OF_NOTHING else head.title,
        author=head.author,
        language=head.language,
        outline=head.outline,
        reused_pages=sending.reused_pages,
        sent_pages=sending.sent_pages,
        replies=tuple(sending.replies),
    )
