"""What a file is, by its content."""

import pytest
from PIL import Image

from lectern.documents.formats import Format
from lectern.errors import (
    DamagedFile,
    LegacyFormat,
    PasswordProtected,
    UnsupportedFormat,
)
from resources.engines.recognition.sniff import sniff, sniff_start
from tests.support.recognising import archive, pdf, prose
from tests.support.samples import FOLDER, sample

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
ODT = "application/vnd.oasis.opendocument.text"


def written(tmp_path, data: bytes | str, name: str = "file"):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        ("<!DOCTYPE html><html><body>x</body></html>", "", Format.HTML),
        ("<?xml version='1.0'?>\n<html><body>x</body></html>", "", Format.HTML),
        ("<p>Only a piece</p>", "", Format.HTML),
        ("<?xml version='1.0'?><FictionBook xmlns='x'/>", "", Format.FB2),
        (r"{\rtf1\ansi Fog}", "", Format.RTF),
        ("# Fog\n\nIt fell on [us](http://x.org).\n", "", Format.MARKDOWN),
        ("Plain words.", "a.md", Format.MARKDOWN),
        ("Plain words.", "a.pdf", Format.TEXT),
        ("# not a heading\n\n**bold** text", "a.txt", Format.TEXT),
        ("a < b and c > d", "", Format.TEXT),
        ("Fog über allem".encode("utf-16"), "", Format.TEXT),
        ("Fog über allem, und kein Ende".encode("utf-16-le"), "", Format.TEXT),
        ("Туман над гаванью".encode("cp1251"), "", Format.TEXT),
        ("MZ is how this text begins, and it goes on.", "", Format.TEXT),
    ],
)
def test_kinds_of_text_are_told_by_what_they_hold(tmp_path, data, name, kind):
    assert sniff(written(tmp_path, data), name=name) is kind


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"mimetype": "application/epub+zip", "x": "y"}, Format.EPUB),
        ({"x": "y", "META-INF/container.xml": "z"}, Format.EPUB),
        ({"[Content_Types].xml": "", "word/document.xml": ""}, Format.DOCX),
        ({"[Content_Types].xml": "", "ppt/presentation.xml": ""}, Format.PPTX),
        ({"mimetype": ODT, "content.xml": ""}, Format.ODT),
    ],
)
def test_containers_are_told_by_their_members(tmp_path, members, kind):
    assert sniff(archive(tmp_path / "a.zip", members)) is kind


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_pictures_are_told_by_their_first_bytes(tmp_path, kind):
    Image.new("RGB", (8, 8)).save(tmp_path / "a", kind)

    assert sniff(tmp_path / "a") is Format.IMAGE


def test_a_pdf_may_begin_late(tmp_path):
    data = b"junk\r\n" * 50 + pdf(tmp_path / "a.pdf", prose).read_bytes()

    assert sniff(written(tmp_path, data)) is Format.PDF


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"", DamagedFile, "empty"),
        (b"   \n ", DamagedFile, "no text"),
        (b"Rar!\x1a\x07\x00" + bytes(99), UnsupportedFormat, "a RAR archive"),
        (b"\x7fELF" + bytes(99), UnsupportedFormat, "a program"),
        (bytes(4) + b"ftypisom" + bytes(99), UnsupportedFormat, "recording or video"),
        (bytes(range(256)) * 4, UnsupportedFormat, "does not know"),
        (OLE + "WordDocument".encode("utf-16-le"), LegacyFormat, "old .doc kind"),
        (OLE + "PowerPoint Document".encode("utf-16-le"), LegacyFormat, ".ppt"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), PasswordProtected, "password"),
        (OLE, UnsupportedFormat, "old Office file"),
        (b"PK\x03\x04" + bytes(60), DamagedFile, "damaged or cut off"),
        (b"<?xml version='1.0'?><svg/>", UnsupportedFormat, "XML file of a kind"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(tmp_path, data, error, message):
    with pytest.raises(error, match=message):
        sniff(written(tmp_path, data))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.txt": "x"}, "ZIP archive. Unpack it"),
        ({"[Content_Types].xml": "", "xl/workbook.xml": ""}, "spreadsheet"),
        ({"mimetype": f"{ODT[:-4]}spreadsheet"}, "OpenDocument file that is no text"),
    ],
)
def test_containers_of_other_things_are_refused(tmp_path, members, message):
    with pytest.raises(UnsupportedFormat, match=message):
        sniff(archive(tmp_path / "a.zip", members))


@pytest.mark.parametrize("ending", ["epub", "docx", "odt", "PPTX"])
@pytest.mark.parametrize(
    "data", [b"This is not a zip file!\n", bytes(4) + b"\x14\x00\x08\x08" * 99]
)
def test_a_container_that_is_none_is_damaged(tmp_path, data, ending):
    with pytest.raises(DamagedFile, match="damaged or cut off"):
        sniff(written(tmp_path, data), name=f"report.{ending}")


def test_a_web_page_that_is_named_as_a_container_is_read(tmp_path):
    page = written(tmp_path, "<!DOCTYPE html><html><body>x</body></html>")

    assert sniff(page, name="report.docx") is Format.HTML


def test_an_upload_is_refused_after_its_first_bytes():
    with pytest.raises(UnsupportedFormat, match="a 7-Zip archive"):
        sniff_start(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    with pytest.raises(DamagedFile):
        sniff_start(bytes(4) + b"\x14\0\x08\x08" * 99, name="report.odt")

    for start in (b"%PDF-1.7", b"PK\x03\x04", b"Some words", OLE):
        sniff_start(start)


def test_every_readable_sample_is_what_its_name_says():
    sample("MANIFEST.md")
    expected = {
        "jpg": "image",
        "png": "image",
        "tiff": "image",
        "heic": "image",
        "md": "markdown",
        "txt": "text",
    }
    folders = (
        "docx",
        "epub",
        "html",
        "image",
        "pdf_born",
        "pdf_lang",
        "pdf_scan",
        "text",
    )

    for path in (p for folder in folders for p in (FOLDER / folder).iterdir()):
        suffix = path.suffix[1:]
        assert sniff(path, name=path.name).value == expected.get(suffix, suffix)
