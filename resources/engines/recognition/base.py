"""What every recogniser offers: a file in, pages out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from pathlib import Path

from lectern.documents.formats import Format
from lectern.documents.pages import RecognisedPage, Recognition

Progress = Callable[[int, int], None]
"""Called with pages done and pages in all; may raise ``Cancelled`` to stop."""


class PageCache(ABC):
    """Recognised pages by what was recognised, whatever document they stand in."""

    @abstractmethod
    def get(self, content_digest: str, engine: str) -> RecognisedPage | None:
        """Return the page recognised from this content by this engine, if any."""

    @abstractmethod
    def put(self, page: RecognisedPage, *, engine: str | None = None) -> None:
        """Keep a page under its ``content_digest`` and ``engine``, its own unless
        another one is stated: what is asked for may answer under a longer name."""


class NoPageCache(PageCache):
    """Remembers nothing."""

    def get(self, content_digest: str, engine: str) -> RecognisedPage | None:
        """Return None."""
        return None

    def put(self, page: RecognisedPage, *, engine: str | None = None) -> None:
        """Forget the page."""


class Recogniser(ABC):
    """Turns a file into recognised pages."""

    name: str = "local"
    label: str = "This machine"
    """What people are shown."""

    @property
    def identity(self) -> str:
        """Return what decides how it reads: a change makes an old reading stale."""
        return self.name

    @property
    def pages_kept_as(self) -> str:
        """Return the engine under which pages it was asked for are kept."""
        return self.name

    def price_micros(self, pages: int) -> int | None:
        """Return what reading so many pages costs, in millionths of a dollar; 0 is
        free, None is not known."""
        return 0

    @abstractmethod
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
        """Return the pages of a file, in whatever order the engine gave them.

        ``only_pages`` (one-based) asks for some pages alone; empty asks for all.
        ``all_pages`` has an engine elsewhere read those too that read well here.

        Raises:
            InputError: The file cannot be read; the message says what to do.
            LimitReached: It is larger than may be read, or took too long.
            EngineError: The engine crashed or replied nonsense.
        """
