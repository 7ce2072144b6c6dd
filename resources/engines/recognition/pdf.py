"""PDF: opening, its own text layer, and which pages must be read as pictures.

pdfium is not thread-safe and is fed hostile files: only reading children import
this module.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pypdfium2
import pypdfium2.raw as pdfium

from lectern.documents.legibility import is_legible
from lectern.documents.pages import OutlineEntry, RecognisedPage, RecognitionMethod
from lectern.documents.titles import names_program
from lectern.errors import (
    DamagedFile,
    DynamicForm,
    PasswordProtected,
    TooManyPages,
)
from lectern.ids import digest
from resources.engines.recognition.guards import Caps, check_pixels
from resources.engines.recognition.pdf_lines import LineReader, TextLayer

if TYPE_CHECKING:
    from PIL.Image import Image

ENGINE = f"pypdfium2 {pypdfium2.version.PYPDFIUM_INFO.version}"
DPI = 300
A3_PT2 = 842 * 1191
"""Past this area a page is a poster: its letters are large, not many."""
POSTER_PIXELS = 12_000_000
PICTURE_PIXELS_FACTOR = 3
"""pdfium decodes the pictures of a page by rows, so they may be larger than those
that are decoded whole."""
MANY_CHARS = 200
PICTURE_PAGE_SHARE = 0.6
"""Of the page: a picture this large under a few words is the page itself."""
SMALL_PICTURE_SHARE = 0.02
OUTLINED_TEXT_PATHS = 40
"""Letters drawn as outlines leave at least so many curved paths and no text."""
LETTER_SEGMENTS = 7
"""Rules and boxes have fewer."""
OBJECTS_LOOKED_AT = 4000
OUTLINE_ENTRIES = 5000
PLEASE_WAIT = ("please wait", "if this message is not eventually replaced")


@dataclass(frozen=True, slots=True)
class NeedsPicture:
    """A page whose text has to be read from how it looks."""

    number: int


class PdfFile:
    """One PDF, opened by whatever way opens it."""

    def __init__(self, path: Path, caps: Caps, *, scratch: Path) -> None:
        self._caps = caps
        self._document = _open(path, scratch)
        self.page_count = len(self._document)
        self._reader = LineReader()
        if self.page_count > caps.pages:
            raise TooManyPages(
                f"The PDF has {self.page_count:,} pages; up to {caps.pages:,} can be "
                "read. Split it and upload the parts.",
                used=self.page_count,
                limit=caps.pages,
            )
        self._refuse_dynamic_form()

    @property
    def title(self) -> str:
        """Title by the file's metadata, unless it is a program's name."""
        title = self._metadata("Title")
        programs = self._metadata("Producer"), self._metadata("Creator")
        return "" if names_program(title, *programs) else title

    @property
    def author(self) -> str:
        """Author by the file's metadata."""
        return self._metadata("Author")

    @property
    def language(self) -> str | None:
        """Language the catalogue states."""
        size = pdfium.FPDFCatalog_GetLanguage(self._document.raw, None, 0)
        if not 2 < size < 64:
            return None
        buffer = (pdfium.FPDF_WCHAR * (size // 2))()
        pdfium.FPDFCatalog_GetLanguage(self._document.raw, buffer, size)
        stated = bytes(buffer).decode("utf-16-le", "ignore").rstrip("\0").strip()
        return stated.replace("_", "-").split("-")[0].lower() or None

    def outline(self) -> Iterator[OutlineEntry]:
        """Yield the bookmarks, as many as any reader can use."""
        for entry, bookmark in enumerate(self._document.get_toc(max_depth=6)):
            if entry >= OUTLINE_ENTRIES:
                return
            destination = bookmark.get_dest()
            index = destination.get_index() if destination else None
            if title := " ".join(bookmark.get_title().split()):
                page = None if index is None or index < 0 else index + 1
                yield OutlineEntry(title, bookmark.level + 1, page)

    def page(self, number: int) -> RecognisedPage | NeedsPicture:
        """Return the text of a page, or that it must be read from its picture."""
        try:
            opened = self._opened(number)
        except DamagedFile as error:
            return blank_page(number, remark=error.message)
        with opened as page:
            layer = self._layer(page)
            if layer and _reads_well(layer):
                chars = sum(len(line.text) for line in layer.lines)
                if chars >= MANY_CHARS:
                    return _text_page(page, number, layer)
                if _looks(page).picture_share < PICTURE_PAGE_SHARE:
                    return _text_page(page, number, layer)
            if _looks(page).may_hold_text or (layer and layer.lines):
                return NeedsPicture(number)
            return _blank(page, number)

    def picture(self, number: int) -> "tuple[Image, float]":
        """Return a page as a grey picture, and its dots per inch.

        Raises:
            TooManyPixels: It holds a picture too large to decode.
        """
        with self._opened(number) as page:
            self._check_pictures(page, number)
            width, height = page.get_size()
            scale = self._scale(width, height)
            bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=True)
            return bitmap.to_pil().convert("L"), scale * 72

    def cut(self, numbers: Sequence[int], path: Path) -> None:
        """Write some of the pages as a PDF of their own, without encryption.

        Raises:
            DamagedFile: They cannot be copied.
        """
        part = pypdfium2.PdfDocument.new()
        try:
            part.import_pages(self._document, [number - 1 for number in numbers])
            part.save(path)
        except pypdfium2.PdfiumError as error:
            raise DamagedFile(
                f"Pages {numbers[0]} to {numbers[-1]} cannot be copied: the PDF is "
                "damaged there."
            ) from error
        finally:
            part.close()

    def close(self) -> None:
        """Let go of the file."""
        self._document.close()

    def _opened(self, number: int) -> Any:
        try:
            return _Page(self._document[number - 1])
        except pypdfium2.PdfiumError as error:
            raise DamagedFile(
                f"Page {number} cannot be opened: the PDF is damaged there."
            ) from error

    def _layer(self, page: Any) -> TextLayer | None:
        try:
            textpage = page.get_textpage()
        except pypdfium2.PdfiumError:
            return None
        try:
            return self._reader.read(page, textpage, page_turn=page.get_rotation())
        finally:
            textpage.close()

    def _check_pictures(self, page: Any, number: int) -> None:
        limit = self._caps.image_pixels * PICTURE_PIXELS_FACTOR
        for image in _objects(page, pdfium.FPDF_PAGEOBJ_IMAGE):
            width, height = image.get_px_size()
            check_pixels(width, height, limit=limit, what=f"A picture on page {number}")

    def _scale(self, width_pt: float, height_pt: float) -> float:
        """Return how large to draw a page: 300 dpi, or less for large sheets.

        A page may claim to be kilometres wide, or a hair's breadth.
        """
        area = max(1.0, width_pt) * max(1.0, height_pt)
        pixels = POSTER_PIXELS if area > A3_PT2 * 2 else self._caps.render_pixels
        side = math.sqrt(self._caps.render_pixels) * 3
        return min(
            DPI / 72,
            math.sqrt(pixels / area),
            side / max(1.0, width_pt, height_pt),
        )

    def _metadata(self, key: str) -> str:
        stated: str = self._document.get_metadata_value(key)
        return " ".join(stated.replace("\0", "").split())

    def _refuse_dynamic_form(self) -> None:
        """Refuse a form whose pages are made by the viewer: its text is a notice."""
        if self._document.get_formtype() not in (2, 3) or self.page_count > 2:
            return
        with self._opened(1) as page:
            layer = self._layer(page)
        text = layer.text.lower() if layer else ""
        if any(notice in text for notice in PLEASE_WAIT):
            raise DynamicForm(
                "This PDF is a dynamic XFA form: its text appears only inside Adobe "
                "Reader. Open it there, print it to a new PDF, and upload that."
            )


class _Page:
    """A page that is closed when it has been used."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def __enter__(self) -> Any:
        return self._page

    def __exit__(self, *_: object) -> None:
        self._page.close()


@dataclass(frozen=True, slots=True)
class Looks:
    """What a page shows beside its text layer."""

    picture_share: float  # of the page, 0…1
    paths: int  # as intricate as letters

    @property
    def may_hold_text(self) -> bool:
        """Return whether words may be drawn that are not in the text layer."""
        return (
            self.picture_share > SMALL_PICTURE_SHARE or self.paths > OUTLINED_TEXT_PATHS
        )


def _objects(page: Any, *kinds: int) -> Iterator[Any]:
    found = page.get_objects(filter=list(kinds), max_depth=5)
    for _, item in zip(range(OBJECTS_LOOKED_AT), found, strict=False):
        yield item


def _looks(page: Any) -> Looks:
    width, height = page.get_size()
    if page.get_rotation() % 180:
        width, height = height, width
    covered, paths = 0.0, 0
    for item in _objects(page, pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_PATH):
        if item.type == pdfium.FPDF_PAGEOBJ_PATH:
            paths += pdfium.FPDFPath_CountSegments(item.raw) >= LETTER_SEGMENTS
            continue
        left, bottom, right, top = item.get_bounds()
        shown_width = max(0.0, min(right, width) - max(left, 0.0))
        shown_height = max(0.0, min(top, height) - max(bottom, 0.0))
        covered += shown_width * shown_height
    return Looks(min(1.0, covered / max(1.0, width * height)), paths)


def _reads_well(layer: TextLayer) -> bool:
    text = layer.text
    return len(text.strip()) > 0 and is_legible(text)


def _text_page(page: Any, number: int, layer: TextLayer) -> RecognisedPage:
    width, height = page.get_size()
    turned = (layer.turn - page.get_rotation()) % 360
    if turned % 180:
        width, height = height, width
    return RecognisedPage(
        number=number,
        method=RecognitionMethod.TEXT_LAYER,
        engine=ENGINE,
        content_digest=digest(layer.text),
        lines=layer.lines,
        width_pt=round(width, 2),
        height_pt=round(height, 2),
        rotation_degrees=turned,
    )


def _blank(page: Any, number: int) -> RecognisedPage:
    width, height = page.get_size()
    return replace(blank_page(number), width_pt=width, height_pt=height)


def blank_page(number: int, *, remark: str = "") -> RecognisedPage:
    """Return a page without words, and why if it should have some."""
    return RecognisedPage(
        number=number,
        method=RecognitionMethod.BLANK,
        engine=ENGINE,
        content_digest=digest("blank", remark),
        remarks=(remark,) if remark else (),
    )


def _open(path: Path, scratch: Path) -> Any:
    """Open a PDF: as it is, else decrypted or mended by pikepdf."""
    try:
        return _loaded(path)
    except pypdfium2.PdfiumError as error:
        mended = _mend(path, scratch / "mended.pdf", stated=str(error))
    try:
        return _loaded(mended)
    except pypdfium2.PdfiumError as error:
        raise _damaged() from error


def _loaded(path: Path) -> Any:
    document = pypdfium2.PdfDocument(path)
    if len(document) == 0:
        document.close()
        raise pypdfium2.PdfiumError("no pages")
    return document


def _mend(path: Path, mended: Path, *, stated: str) -> Path:
    """Write a copy that pdfium may open: repaired, and without its encryption."""
    import pikepdf

    try:
        with pikepdf.open(path) as document:
            if len(document.pages) == 0:
                raise _damaged()
            document.save(mended)
    except pikepdf.PasswordError as error:
        raise _password() from error
    except (pikepdf.PdfError, pikepdf.DataDecodingError, ValueError) as error:
        raise (_password() if "password" in stated.lower() else _damaged()) from error
    return mended


def _password() -> PasswordProtected:
    return PasswordProtected(
        "This PDF opens only with a password. Open it in a PDF viewer, print or save "
        "it as a new PDF without the password, and upload that."
    )


def _damaged() -> DamagedFile:
    return DamagedFile(
        "This PDF is damaged and could not be mended. Download it again, or open it "
        "in a PDF viewer and print it to a new PDF."
    )
