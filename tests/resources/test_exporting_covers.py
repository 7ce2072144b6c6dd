"""Covers: the document's own where it has one, drawn where it has not."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from resources.exporting.cover_drawing import SIDE_PX, draw_cover
from resources.exporting.covers import cover_of
from resources.services import Services
from resources.stores.catalog import Document
from tests.support.documents import small_epub
from tests.support.speech import settings_at


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Return services with an empty library."""
    return Services.open(settings_at(tmp_path / "data"))


def document_of(services: Services, path: Path, kind: Format) -> Document:
    data = path.read_bytes()
    return services.catalog.add(
        LOCAL,
        title="Keeper",
        filename=path.name,
        format=kind,
        blob=services.blobs.put(data),
        size_bytes=len(data),
    )


def opened(jpeg: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(jpeg))
    assert picture.format == "JPEG"
    return picture.convert("RGB")


def is_own(services: Services, document: Document) -> bool:
    artifact = services.catalog.artifact(document.id, "cover")
    assert artifact is not None
    return bool(artifact.metadata["is_own"])


def test_the_first_page_of_a_pdf_is_its_cover(services, tmp_path):
    path = tmp_path / "red.pdf"
    canvas = Canvas(str(path), pagesize=(300, 450))
    canvas.setFillColorRGB(0.8, 0.1, 0.1)
    canvas.rect(0, 0, 300, 450, fill=1, stroke=0)
    canvas.showPage()
    canvas.save()
    document = document_of(services, path, Format.PDF)

    picture = opened(cover_of(services, document, author=""))

    assert abs(picture.width * 450 - picture.height * 300) <= 450
    assert picture.getpixel((100, 100))[0] > 180
    assert is_own(services, document)


@pytest.mark.parametrize("how", ["properties", "meta"])
def test_the_picture_that_an_epub_names_is_its_cover(services, tmp_path, how):
    plain = small_epub(tmp_path / "plain.epub")
    picture = io.BytesIO()
    Image.new("RGBA", (500, 700), (20, 120, 40, 255)).save(picture, "PNG")
    path = tmp_path / "covered.epub"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
        package = next(n for n in source.namelist() if n.endswith(".opf"))
        folder = package.rpartition("/")[0]
        for name in source.namelist():
            text = source.read(name)
            if name == package:
                mark = b' properties="cover-image"' if how == "properties" else b""
                item = b'<item id="cv" href="cv.png" media-type="image/png"%b/>' % mark
                text = text.replace(b"</manifest>", item + b"</manifest>")
                meta = b'<meta name="cover" content="cv"/></metadata>'
                text = text.replace(
                    b"</metadata>", meta if how == "meta" else b"</metadata>"
                )
            target.writestr(name, text)
        target.writestr(f"{folder}/cv.png".lstrip("/"), picture.getvalue())
    document = document_of(services, path, Format.EPUB)

    found = opened(cover_of(services, document, author=""))

    assert found.size == (500, 700)
    assert found.getpixel((250, 350))[1] > 100


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.pdf", b"%PDF-1.7 broken", Format.PDF),
        ("a.epub", b"PK\x03\x04 broken", Format.EPUB),
        ("a.png", b"\x89PNG\r\n\x1a\n broken", Format.IMAGE),
        ("a.txt", b"Just words.", Format.TEXT),
    ],
)
def test_where_no_cover_can_be_had_one_is_drawn(services, tmp_path, name, data, kind):
    (tmp_path / name).write_bytes(data)
    document = document_of(services, tmp_path / name, kind)

    picture = opened(cover_of(services, document, author="Zoë"))

    assert picture.size == (SIDE_PX, SIDE_PX)
    assert not is_own(services, document)


def test_a_picture_too_large_to_decode_is_no_cover(services, tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (9000, 9000)).save(path)
    document = document_of(services, path, Format.IMAGE)

    assert opened(cover_of(services, document, author="")).size == (SIDE_PX, SIDE_PX)


def test_a_cover_is_made_once_and_anew_for_another_title(services, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"Words.")
    document = document_of(services, tmp_path / "a.txt", Format.TEXT)

    first = cover_of(services, document, author="A")
    kept = services.catalog.artifact(document.id, "cover")
    again = cover_of(services, document, author="A")
    other = cover_of(
        services, services.catalog.rename(LOCAL, document.id, "B"), author="A"
    )

    assert again == first != other
    assert kept is not None


@pytest.mark.parametrize(
    "title",
    [
        "",
        "A",
        "x" * 5000,
        "word " * 400,
        "<script>",
        "\x00\x07",
        "👩‍🚒" * 50,
        "漢字" * 99,
    ],
)
def test_any_title_can_be_drawn(title):
    assert opened(draw_cover(title, title)).size == (SIDE_PX, SIDE_PX)
