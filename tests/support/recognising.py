"""Documents made for tests of recognition, and one way to have them read."""

import io
import zipfile
from collections.abc import Callable, Collection
from dataclasses import fields
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from lectern.documents.formats import Format
from lectern.documents.pages import Element, RecognisedPage, Recognition
from lectern.settings import Limits, Settings
from resources.engines.recognition.base import NoPageCache, PageCache
from resources.engines.recognition.guards import Caps
from resources.engines.recognition.local import LocalRecogniser
from resources.engines.recognition.sniff import sniff

LIMITS = Limits().model_dump()
CAPS = Caps(**{field.name: LIMITS[field.name] for field in fields(Caps)})
PROSE = (
    "The harbour lay quiet under a thin morning fog.",
    "Two boats were moored at the old stone pier,",
    "and nobody had yet come down from the village.",
    "She counted the steps again while she waited.",
    "There were forty, as there had always been.",
)


class RememberingCache(PageCache):
    """Keeps pages in memory."""

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str], RecognisedPage] = {}

    def get(self, content_digest: str, engine: str) -> RecognisedPage | None:
        return self.pages.get((content_digest, engine))

    def put(self, page: RecognisedPage, *, engine: str | None = None) -> None:
        self.pages[page.content_digest, engine or page.engine] = page


def recognise(
    path: Path,
    *,
    kind: Format | None = None,
    cache: PageCache | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    only_pages: Collection[int] = (),
    tessdata_dir: Path | None = None,
    **limits: float,
) -> Recognition:
    """Have a file read by the local recogniser."""
    settings = Settings(limits=Limits(**limits), tessdata_dir=tessdata_dir)
    return LocalRecogniser(settings).recognise(
        path,
        kind or sniff(path, name=path.name),
        cache=cache or NoPageCache(),
        progress=progress,
        only_pages=only_pages,
    )


def text_of(recognition: Recognition) -> str:
    """Return all that was read, a line or an element a line."""
    parts = [
        part.text
        for page in sorted(recognition.pages, key=lambda page: page.number)
        for part in (*page.lines, *page.elements)
    ]
    return "\n".join(parts)


def elements_of(recognition: Recognition) -> list[Element]:
    return [e for page in recognition.pages for e in page.elements]


def pdf(path: Path, *draws: Callable[[Canvas], None], **options: object) -> Path:
    """Write a PDF with one page for each function."""
    canvas = Canvas(str(path), pagesize=A4, **options)
    for draw in draws:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return path


def prose(canvas: Canvas, *, lines: Collection[str] = PROSE, top: int = 780) -> None:
    """Draw lines of text."""
    canvas.setFont("Helvetica", 12)
    for number, line in enumerate(lines):
        canvas.drawString(72, top - number * 16, line)


def picture(
    lines: Collection[str] = PROSE, *, turn: float = 0.0, size: int = 44
) -> Image.Image:
    """Return a picture of printed lines, as a scanner would see them at 300 dpi."""
    sheet = Image.new("L", (1600, 1000), "white")
    drawing = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size)
    for number, line in enumerate(lines):
        drawing.text((120, 120 + number * size * 2), line, fill=20, font=font)
    return sheet.rotate(turn, expand=True, fillcolor=255) if turn else sheet


def scan(sheet: Image.Image) -> Callable[[Canvas], None]:
    """Return a function that fills a page with a picture."""

    def draw(canvas: Canvas) -> None:
        width, height = (side * 72 / 200 for side in sheet.size)
        canvas.setPageSize((width, height))
        canvas.drawImage(ImageReader(sheet), 0, 0, width, height)

    return draw


def archive(path: Path, members: dict[str, str | bytes]) -> Path:
    """Write a ZIP file; a member named ``mimetype`` is stored, as EPUB demands."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members.items():
            method = zipfile.ZIP_STORED if name == "mimetype" else None
            written.writestr(name, content, compress_type=method)
    return path


def png(sheet: Image.Image) -> bytes:
    data = io.BytesIO()
    sheet.save(data, "PNG")
    return data.getvalue()
