"""The process that reads one untrusted file, and says on its output what it finds.

Run as ``python -m resources.engines.recognition.child`` with a job on its input,
by ``local``; see ``wire`` for the words. Libraries are loaded when a kind of file
needs them, because the first page should not wait for the others'.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lectern.documents.formats import Format
from lectern.documents.pages import Element, RecognisedPage, RecognitionMethod
from lectern.errors import (
    EngineUnavailable,
    FileTooLarge,
    LecternError,
    TookTooLong,
)
from lectern.ids import digest
from lectern.units import size
from resources.engines.recognition.guards import Caps
from resources.engines.recognition.sandbox import allow_cpu_seconds, confine
from resources.engines.recognition.wire import (
    encode,
    error_to_wire,
    outline_to_wire,
    page_from_wire,
    page_to_wire,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from resources.engines.recognition.ocr import PictureReader
    from resources.engines.recognition.pdf import PdfFile

RECURSION = 20_000
"""Elements may nest 1000 deep, with a few calls a level."""


class PictureSource(Protocol):
    """A file whose pages can be drawn."""

    def picture(self, number: int) -> "tuple[Image, float]": ...


def main() -> None:
    """Read the job, give up rights, read the file."""
    job = json.loads(sys.stdin.readline())
    caps = Caps(**job["caps"])
    remarks = confine(
        memory_bytes=caps.child_memory_bytes, output_bytes=caps.child_output_bytes
    )
    sys.setrecursionlimit(RECURSION)
    allow_cpu_seconds(caps.child_cpu_seconds)
    try:
        Reading(job, caps).run(remarks)
    except LecternError as error:
        say({"error": error_to_wire(error)})
    except MemoryError:
        say({"error": error_to_wire(_out_of_memory(caps))})
    except ImportError as error:
        say({"error": error_to_wire(_not_installed(error))})


def _not_installed(error: ImportError) -> EngineUnavailable:
    return EngineUnavailable(
        f"What reads this kind of file is not installed ({error.name}). The file is "
        "not at fault: run “make setup” again, or see “lectern doctor”."
    )


def say(message: dict[str, Any], *, at_once: bool = True) -> None:
    """Send one message to the parent at once, or together with the next one."""
    sys.stdout.buffer.write(encode(message))
    if at_once:
        sys.stdout.buffer.flush()


def hear() -> Any:
    """Return the parent's next message."""
    return json.loads(sys.stdin.readline() or "null")


class Reading:
    """One job: a file, or some of its pages."""

    def __init__(self, job: dict[str, Any], caps: Caps) -> None:
        self._job = job
        self._caps = caps
        self._path = Path(job["path"])
        self._only: list[int] = job["only"]
        self._reader: PictureReader | None = None

    def run(self, remarks: Iterable[str]) -> None:
        """Read what the job asks for."""
        for remark in remarks:
            say({"remark": remark})
        kind = Format(self._job["format"])
        match kind:
            case Format.PDF:
                self._pdf()
            case Format.IMAGE:
                self._image()
            case Format.EPUB:
                self._epub()
            case Format.HTML | Format.MARKDOWN | Format.TEXT:
                self._text(kind)
            case _:
                self._office(kind)

    def _pdf(self) -> None:
        from resources.engines.recognition.pdf import PdfFile

        pdf = PdfFile(self._path, self._caps, scratch=Path.cwd())
        if "pictures" in self._job:
            self._pictures(pdf, self._job["pictures"])
            return
        if "texts" in self._job:
            numbers = self._job["texts"] or self._more_texts()
        else:
            # First of all, so that a second process starts while we read the outline.
            wanted = self._only or list(range(1, pdf.page_count + 1))
            numbers = self._asked_for("texts", wanted)
            outline = outline_to_wire(tuple(pdf.outline()))
            self._head(pdf.page_count, pdf.title, pdf.author, pdf.language, outline)
        needed: list[int] = []
        while numbers:
            needed += self._texts(pdf, numbers)
            numbers = self._more_texts()
        self._pictures(pdf, self._asked_for("pictures", needed))

    def _texts(self, pdf: "PdfFile", numbers: list[int]) -> Iterator[int]:
        """Read the text layer of pages; yield those that need a picture instead."""
        from resources.engines.recognition.pdf import NeedsPicture

        for number in numbers:
            allow_cpu_seconds(self._caps.child_cpu_seconds)
            say({"at": number})
            page = pdf.page(number)
            if isinstance(page, NeedsPicture):
                yield number
            else:
                say({"page": page_to_wire(page)}, at_once=False)

    def _image(self) -> None:
        from resources.engines.recognition.images import ImageFile

        image = ImageFile(self._path, self._caps)
        if "pictures" in self._job:
            self._pictures(image, self._job["pictures"])
            return
        self._head(image.page_count)
        numbers = [n for n in image.numbers() if not self._only or n in self._only]
        self._pictures(image, self._asked_for("pictures", numbers))

    def _asked_for(self, kind: str, numbers: list[int]) -> list[int]:
        """Return those of the pages to be read in this way that we may begin with."""
        if not numbers:
            return []
        say({"share": kind, "pages": numbers})
        asked: list[int] = hear() or []
        return asked

    def _more_texts(self) -> list[int]:
        """Return the next pages whose text is ours to read; none when all are taken."""
        say({"more": "texts"})
        asked: list[int] = hear() or []
        return asked

    def _pictures(self, source: PictureSource, numbers: list[int]) -> None:
        for number in numbers:
            allow_cpu_seconds(self._caps.child_picture_cpu_seconds)
            say({"at": number})
            try:
                page = self._picture(source, number)
            except LecternError as error:
                say({"failed": number, "error": error_to_wire(error)})
            except MemoryError:
                wire = error_to_wire(_out_of_memory(self._caps))
                say({"failed": number, "error": wire})
            else:
                say({"page": page_to_wire(page), "is_picture": True})

    def _picture(self, source: PictureSource, number: int) -> RecognisedPage:
        """Return a page read from its picture, or remembered by what it shows."""
        from resources.engines.recognition.ocr import picture_digest

        picture, dpi = source.picture(number)
        shown = picture_digest(picture, dpi)
        reader = self._picture_reader()
        say({"ask": shown, "engine": reader.name})
        if known := hear():
            return replace(page_from_wire(known), number=number)
        page = reader.read(picture, dpi)
        return replace(page, number=number, content_digest=shown)

    def _picture_reader(self) -> "PictureReader":
        if self._reader is None:
            from resources.engines.recognition.ocr import PictureReader

            folder = self._job["tessdata"]
            self._reader = PictureReader(
                Path(folder) if folder else None, self._job["languages"]
            )
        return self._reader

    def _epub(self) -> None:
        from resources.engines.recognition.epub import EpubFile

        book = EpubFile.open(self._path, self._caps)
        outline = outline_to_wire(book.outline)
        self._head(len(book.spine), book.title, book.author, book.language, outline)
        for page in book.pages():
            if not self._only or page.number in self._only:
                say({"page": page_to_wire(page)})

    def _text(self, kind: Format) -> None:
        data = self._checked_bytes()
        title, language = "", None
        if kind is Format.HTML:
            from resources.engines.recognition import web_page

            elements, title, language = web_page.read(
                data, depth_limit=self._caps.element_depth
            )
            sheets = [elements]
        elif kind is Format.MARKDOWN:
            from resources.engines.recognition import markdown, plain_text

            elements, title = markdown.read(plain_text.decode(data))
            sheets = [elements]
        else:
            from resources.engines.recognition import plain_text

            sheets = plain_text.pages(plain_text.decode(data))
        self._head(len(sheets), title, "", language)
        self._sheets(sheets, f"lectern {kind} 1")

    def _checked_bytes(self) -> bytes:
        size_bytes = self._path.stat().st_size
        limit = self._caps.text_bytes
        if size_bytes > limit:
            raise FileTooLarge(
                f"This text is {size(size_bytes)}; up to {size(limit)} of plain text, "
                "Markdown or HTML can be read. Split it and try again.",
                used=size_bytes,
                limit=limit,
            )
        return self._path.read_bytes()

    def _office(self, kind: Format) -> None:
        from resources.engines.recognition import office

        elements, stated = office.read(self._path, kind, self._caps)
        language = stated.get("lang", "").split("-")[0].lower() or None
        self._head(1, stated.get("title", ""), stated.get("author", ""), language)
        self._sheets([elements], f"pandoc {kind} 1")

    def _sheets(self, sheets: list[list[Element]], engine: str) -> None:
        for number, elements in enumerate(sheets, start=1):
            page = RecognisedPage(
                number=number,
                method=RecognitionMethod.MARKUP,
                engine=engine,
                content_digest=digest(*(element.text for element in elements)),
                elements=tuple(elements),
            )
            if not self._only or number in self._only:
                say({"page": page_to_wire(page)})

    def _head(
        self,
        page_count: int,
        title: str = "",
        author: str = "",
        language: str | None = None,
        outline: list[Any] | None = None,
    ) -> None:
        say({"head": [page_count, title, author, language, outline or []]})


def _out_of_memory(caps: Caps) -> TookTooLong:
    return TookTooLong(
        "Reading this takes more memory than is allowed "
        f"({size(caps.child_memory_bytes)}). Make it smaller or split it, and try "
        "again.",
        limit=caps.child_memory_bytes,
    )


if __name__ == "__main__":
    main()
    # At once: closing all that is open takes as long as reading twenty pages.
    os._exit(0)
