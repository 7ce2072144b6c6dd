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
    def put(self, page: RecognisedPage) -> None:
        """Keep a page under its own ``content_digest`` and ``engine``."""


class NoPageCache(PageCache):
    """Remembers nothing."""

    def get(self, content_digest: str, engine: str) -> RecognisedPage | None:
        """Return None."""
        return None

    def put(self, page: RecognisedPage) -> None:
        """Forget the page."""


class Recogniser(ABC):
    """Turns a file into recognised pages."""

    @abstractmethod
    def recognise(
        self,
        path: Path,
        format: Format,  # noqa: A002  (the domain's word)
        *,
        cache: PageCache,
        progress: Progress,
        only_pages: Collection[int] = (),
    ) -> Recognition:
        """Return the pages of a file, in whatever order the engine gave them.

        ``only_pages`` (one-based) asks for some pages alone; empty asks for all.

        Raises:
            InputError: The file cannot be read; the message says what to do.
            LimitReached: It is larger than may be read, or took too long.
            EngineError: The engine crashed or replied nonsense.
        """
