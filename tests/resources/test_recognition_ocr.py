"""Pages read from their picture."""

from difflib import SequenceMatcher

import pytest
from PIL import Image

from lectern.documents.pages import RecognitionMethod
from lectern.errors import DamagedFile, TooManyPixels
from resources.engines.recognition.ocr import PictureReader
from resources.engines.recognition.straighten import level, tilt_degrees
from resources.engines.recognition.tesseract import choose, find_data, languages
from tests.support.recognising import (
    PROSE,
    RememberingCache,
    pdf,
    picture,
    prose,
    recognise,
    scan,
    text_of,
)
from tests.support.samples import sample

needs_tesseract = pytest.mark.skipif(
    find_data() is None, reason="no Tesseract data are installed here"
)


def likeness(found: str, truth: str) -> float:
    words = found.split(), truth.split()
    return SequenceMatcher(None, *words, autojunk=False).ratio()


def test_a_scanned_page_among_printed_ones_is_read_from_its_picture(tmp_path):
    recognition = recognise(pdf(tmp_path / "a.pdf", prose, scan(picture())))

    printed, scanned = sorted(recognition.pages, key=lambda page: page.number)
    assert printed.method is RecognitionMethod.TEXT_LAYER
    assert scanned.method in (RecognitionMethod.TESSERACT, RecognitionMethod.RAPIDOCR)
    assert likeness("\n".join(s.text for s in scanned.lines), " ".join(PROSE)) > 0.9
    assert scanned.confidence > 0.8


@needs_tesseract
@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_page_is_righted(tmp_path, turn):
    page = recognise(pdf(tmp_path / "a.pdf", scan(picture(turn=turn)))).pages[0]

    # Turned counter-clockwise by so much, it is righted clockwise by the same.
    assert page.rotation_degrees == turn
    assert likeness("\n".join(s.text for s in page.lines), " ".join(PROSE)) > 0.9


@pytest.mark.parametrize("tilt", [-3.0, 2.0, 5.0])
def test_a_tilt_is_found_to_a_fraction_of_a_degree(tilt):
    assert tilt_degrees(picture(turn=tilt)) == pytest.approx(-tilt, abs=0.4)


def test_a_level_page_is_left_as_it_is():
    sheet = picture()

    assert level(sheet) == (sheet, 0.0)


def test_an_unchanged_page_is_not_read_again(tmp_path):
    cache = RememberingCache()
    first, second = picture(PROSE[:2]), picture(PROSE[2:])
    recognise(pdf(tmp_path / "a.pdf", scan(first)), cache=cache)

    again = recognise(pdf(tmp_path / "b.pdf", scan(second), scan(first)), cache=cache)

    assert again.reused_pages == 1
    assert len(cache.pages) == 2
    known = next(page for page in again.pages if page.number == 2)
    assert "harbour" in known.lines[0].text


def test_an_unreadable_text_layer_gives_way_to_the_picture(tmp_path):
    def draw(canvas):
        scan(picture())(canvas)
        text = canvas.beginText(72, 200)
        text.setTextRenderMode(3)  # invisible, as OCR programs write it
        for line in PROSE:
            text.textLine("".join(chr(ord(c) + 3) if c != " " else c for c in line))
        canvas.drawText(text)

    recognition = recognise(pdf(tmp_path / "a.pdf", draw))

    assert "harbour" in text_of(recognition)
    assert "kduerxu" not in text_of(recognition)


def test_a_good_invisible_text_layer_is_used(tmp_path):
    def draw(canvas):
        scan(picture())(canvas)
        text = canvas.beginText(20, 200)
        text.setTextRenderMode(3)
        for line in PROSE:
            text.textLine(line)
        canvas.drawText(text)

    page = recognise(pdf(tmp_path / "a.pdf", draw)).pages[0]

    assert page.method is RecognitionMethod.TEXT_LAYER


def test_without_tesseract_rapidocr_reads_two_columns_in_order():
    reader = PictureReader(None, ())
    sheet = Image.new("L", (1600, 1000), "white")
    for column, lines in enumerate((PROSE[:3], PROSE[2:])):
        part = picture([line[:34] for line in lines], size=34).crop((100, 80, 800, 600))
        sheet.paste(part, (column * 800 + 40, 100))

    page = reader.read(sheet, 200)

    assert page.method is RecognitionMethod.RAPIDOCR
    starts = [line.text[:9] for line in page.lines]
    assert starts == [line[:9] for line in (*PROSE[:3], *PROSE[2:])]


@needs_tesseract
def test_a_language_without_data_is_read_by_rapidocr():
    page = recognise(sample("pdf_scan/francais.pdf")).pages[0]

    found = "\n".join(line.text for line in page.lines)
    assert page.method is RecognitionMethod.RAPIDOCR or "fra" in page.engine
    assert "âtre" in found
    assert "ovoïde" in found


@needs_tesseract
def test_columns_are_read_one_after_the_other():
    truth = sample("pdf_scan/linn.txt").read_text()

    found = text_of(recognise(sample("pdf_scan/linn.pdf")))

    assert likeness(found, truth) > 0.93


@needs_tesseract
@pytest.mark.parametrize("name", ["pdf_scan/cardinal.pdf", "pdf_scan/skew.pdf"])
def test_every_page_of_a_turned_or_tilted_scan_reads_alike(name):
    truth = sample("pdf_scan/linn.txt").read_text()

    for page in recognise(sample(name)).pages:
        found = "\n".join(line.text for line in page.lines)
        assert likeness(found, truth) > 0.9


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "HEIF"])
def test_pictures_of_every_kind_are_read(tmp_path, kind):
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    path = tmp_path / f"sheet.{kind.lower()}"
    picture(PROSE[:1]).convert("RGB").save(path, kind)

    assert "harbour lay quiet" in text_of(recognise(path))


def test_every_frame_of_a_tiff_is_a_page(tmp_path):
    path = tmp_path / "sheets.tiff"
    picture(PROSE[:1]).save(path, save_all=True, append_images=[picture(PROSE[3:4])])

    pages = sorted(recognise(path).pages, key=lambda page: page.number)

    assert ["harbour" in pages[0].lines[0].text, "steps" in pages[1].lines[0].text] == [
        True,
        True,
    ]


def test_a_photograph_is_righted_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # was turned by 90 degrees
    picture(PROSE[:2]).rotate(90, expand=True).save(tmp_path / "a.jpg", exif=exif)

    page = recognise(tmp_path / "a.jpg").pages[0]

    assert "harbour" in page.lines[0].text
    assert page.rotation_degrees == 0


def test_transparent_and_16_bit_pictures_are_read(tmp_path):
    sheet = picture(PROSE[:1])
    ink = Image.new("RGBA", sheet.size, (0, 0, 0, 0))
    ink.putalpha(sheet.point(lambda value: 255 - value))
    ink.save(tmp_path / "clear.png")
    sheet.convert("I").point(lambda value: value * 200).convert("I;16").save(
        tmp_path / "deep.png"
    )

    for name in ("clear.png", "deep.png"):
        assert "harbour" in text_of(recognise(tmp_path / name))


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path):
    Image.new("1", (9000, 9000)).save(tmp_path / "flood.png")

    with pytest.raises(TooManyPixels, match=r"9,000 × 9,000 pixels, more than the 60"):
        recognise(tmp_path / "flood.png")


def test_a_cut_off_picture_is_called_damaged(tmp_path):
    picture().save(tmp_path / "whole.png")
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])

    with pytest.raises(DamagedFile, match="damaged or cut off"):
        recognise(tmp_path / "cut.png")


def test_languages_wanted_go_before_those_installed(tmp_path):
    for name in ("eng", "deu", "osd"):
        (tmp_path / f"{name}.traineddata").touch()

    installed = tuple(languages(find_data(tmp_path)))

    assert installed == ("deu", "eng")
    assert choose(installed, ()) == ("eng", "deu")
    assert choose(installed, ("deu", "fra")) == ("deu",)
