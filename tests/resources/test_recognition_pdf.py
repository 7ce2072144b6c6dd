"""PDF files: their text layer, its geometry, and what is refused."""

import pikepdf
import pytest
from reportlab.pdfgen.canvas import Canvas

from lectern.documents.pages import RecognitionMethod
from lectern.errors import (
    Cancelled,
    DamagedFile,
    NothingToRead,
    PasswordProtected,
    TooManyPages,
)
from tests.support.recognising import PROSE, pdf, prose, recognise, text_of
from tests.support.samples import sample


def test_a_text_layer_is_read_line_by_line_without_ocr(tmp_path):
    recognition = recognise(pdf(tmp_path / "a.pdf", prose, prose))

    assert [page.number for page in recognition.pages] == [1, 2]
    assert {page.method for page in recognition.pages} == {RecognitionMethod.TEXT_LAYER}
    assert [line.text for line in recognition.pages[0].lines] == list(PROSE)


def test_lines_lie_where_they_are_printed(tmp_path):
    recognition = recognise(pdf(tmp_path / "a.pdf", prose))

    first, second, *_ = recognition.pages[0].lines
    assert first.box.left == pytest.approx(72 / 595, abs=0.01)
    assert first.box.bottom == pytest.approx((842 - 780) / 842, abs=0.01)
    assert second.box.top - first.box.top == pytest.approx(16 / 842, abs=0.003)
    assert first.font_size_pt == 12


def test_bold_and_italic_are_told_apart(tmp_path):
    def draw(canvas: Canvas) -> None:
        for number, font in enumerate(("Helvetica", "Helvetica-Bold", "Times-Italic")):
            canvas.setFont(font, 12)
            canvas.drawString(72, 780 - 20 * number, f"Some words in {font[:5]} here")

    lines = recognise(pdf(tmp_path / "a.pdf", draw)).pages[0].lines

    assert [line.bold for line in lines] == [False, True, False]
    assert [line.italic for line in lines] == [False, False, True]


def test_a_margin_stamp_is_marked_as_rotated(tmp_path):
    def draw(canvas: Canvas) -> None:
        prose(canvas)
        canvas.rotate(90)
        canvas.drawString(200, -30, "stamp in the margin")

    lines = recognise(pdf(tmp_path / "a.pdf", draw)).pages[0].lines

    assert [line.text for line in lines if line.rotated] == ["stamp in the margin"]


def test_a_page_printed_on_its_side_is_righted(tmp_path):
    def draw(canvas: Canvas) -> None:
        canvas.translate(500, 100)
        canvas.rotate(90)
        for number, line in enumerate(PROSE):
            canvas.drawString(0, -20 * number, line)

    page = recognise(pdf(tmp_path / "a.pdf", draw)).pages[0]

    assert page.rotation_degrees == 90
    assert not any(line.rotated for line in page.lines)
    tops = [line.box.top for line in page.lines]
    assert tops == sorted(tops)
    assert page.width_pt > page.height_pt


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_that_its_file_turns_upright_needs_no_righting(tmp_path, turn):
    def draw(canvas: Canvas) -> None:
        canvas.translate(*{90: (500, 100), 180: (500, 700), 270: (100, 700)}[turn])
        canvas.rotate(turn)
        prose(canvas, top=0)

    with pikepdf.open(pdf(tmp_path / "a.pdf", draw)) as document:
        document.pages[0].Rotate = turn
        document.save(tmp_path / "turned.pdf")
    page = recognise(tmp_path / "turned.pdf").pages[0]

    assert page.rotation_degrees == 0
    tops = [line.box.top for line in page.lines]
    assert tops == sorted(tops)
    assert all(0 < line.box.left < line.box.right < 1 for line in page.lines)


def test_a_raised_number_becomes_a_superscript(tmp_path):
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(72, 780)
        text.setFont("Helvetica", 12)
        text.textOut("It was settled long ago.")
        text.setRise(5)
        text.setFont("Helvetica", 7)
        text.textOut("12")
        text.setRise(0)
        text.setFont("Helvetica", 12)
        text.textOut(" In 1984 it was not.")
        canvas.drawText(text)

    lines = recognise(pdf(tmp_path / "a.pdf", draw)).pages[0].lines

    assert lines[0].text == "It was settled long ago.¹² In 1984 it was not."


def test_cells_of_one_row_come_as_lines_of_their_own(tmp_path):
    def draw(canvas: Canvas) -> None:
        prose(canvas)
        canvas.drawString(72, 600, "Harbour dues")
        canvas.drawString(400, 600, "12 crowns")

    lines = recognise(pdf(tmp_path / "a.pdf", draw)).pages[0].lines

    assert [line.text for line in lines[-2:]] == ["Harbour dues", "12 crowns"]
    assert lines[-1].box.top == pytest.approx(lines[-2].box.top, abs=0.01)


def test_bookmarks_title_and_author_are_read(tmp_path):
    def draw(canvas: Canvas) -> None:
        canvas.setTitle("Harbours")
        canvas.setAuthor("A. Writer")
        prose(canvas)
        canvas.bookmarkPage("one")
        canvas.addOutlineEntry("Chapter one", "one", 0)

    recognition = recognise(pdf(tmp_path / "a.pdf", draw))

    assert (recognition.title, recognition.author) == ("Harbours", "A. Writer")
    entry = recognition.outline[0]
    assert (entry.title, entry.level, entry.page) == ("Chapter one", 1, 1)


def test_a_title_that_names_its_program_is_left_out(tmp_path):
    def draw(canvas: Canvas) -> None:
        canvas.setTitle("Inkwell Studio PDF")
        canvas.setCreator("Inkwell Studio 4.1 (Windows)")
        prose(canvas)

    assert recognise(pdf(tmp_path / "a.pdf", draw)).title == ""


def test_a_useless_title_is_left_out(tmp_path):
    assert recognise(pdf(tmp_path / "a.pdf", prose)).title == ""


def test_only_the_pages_asked_for_are_read(tmp_path):
    path = pdf(tmp_path / "a.pdf", prose, prose, prose)

    recognition = recognise(path, only_pages=[3])

    assert [page.number for page in recognition.pages] == [3]
    assert recognition.page_count == 3


def test_an_empty_page_among_others_is_blank(tmp_path):
    recognition = recognise(pdf(tmp_path / "a.pdf", prose, lambda canvas: None))

    assert recognition.pages[1].method is RecognitionMethod.BLANK


def test_a_file_of_empty_pages_says_there_is_nothing_to_read(tmp_path):
    with pytest.raises(NothingToRead, match="no words"):
        recognise(pdf(tmp_path / "a.pdf", lambda canvas: None))


def test_a_user_password_is_asked_to_be_removed(tmp_path):
    with pikepdf.open(pdf(tmp_path / "a.pdf", prose)) as document:
        lock = pikepdf.Encryption(owner="owner", user="user", R=6)
        document.save(tmp_path / "locked.pdf", encryption=lock)

    with pytest.raises(PasswordProtected, match="without the password"):
        recognise(tmp_path / "locked.pdf")


@pytest.mark.parametrize("revision", [3, 4, 6])
def test_an_owner_password_does_not_keep_anyone_from_reading(tmp_path, revision):
    with pikepdf.open(pdf(tmp_path / "a.pdf", prose)) as document:
        lock = pikepdf.Encryption(
            owner="owner", user="", R=revision, aes=revision > 3, metadata=revision > 3
        )
        document.save(tmp_path / "locked.pdf", encryption=lock)

    assert PROSE[0] in text_of(recognise(tmp_path / "locked.pdf"))


def test_a_file_without_its_end_is_mended_or_refused_in_words(tmp_path):
    whole = pdf(tmp_path / "a.pdf", prose).read_bytes()
    (tmp_path / "cut.pdf").write_bytes(whole[:200])

    with pytest.raises(DamagedFile, match="damaged"):
        recognise(tmp_path / "cut.pdf")


def test_junk_before_the_header_does_no_harm(tmp_path):
    whole = pdf(tmp_path / "a.pdf", prose).read_bytes()
    (tmp_path / "junk.pdf").write_bytes(b"HTTP/1.1 200 OK\r\n\r\n" + whole)

    assert PROSE[0] in text_of(recognise(tmp_path / "junk.pdf"))


def test_more_pages_than_allowed_are_refused_with_both_numbers(tmp_path):
    path = pdf(tmp_path / "a.pdf", *[prose] * 4)

    with pytest.raises(TooManyPages, match="4 pages; up to 3") as refusal:
        recognise(path, pages=3)

    assert (refusal.value.used, refusal.value.limit) == (4, 3)


def test_progress_ends_at_the_number_of_pages_and_may_cancel(tmp_path):
    path = pdf(tmp_path / "a.pdf", *[prose] * 3)
    seen: list[tuple[int, int]] = []

    recognise(path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3, 3)

    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        recognise(path, progress=stop)


def test_soft_hyphens_stay_marked_at_line_ends():
    page = recognise(sample("pdf_born/tracemonkey.pdf")).pages[0]

    ends = [line.text for line in page.lines if line.text.endswith("\ufffe")]
    assert (
        "Dynamic languages such as JavaScript are more difficult to com\ufffe" in ends
    )
    assert not any("\ufffe" in line.text[:-1] for line in page.lines)


def test_letters_of_an_arabic_ligature_are_in_reading_order():
    assert "حَبيبي" in text_of(recognise(sample("pdf_lang/habibi.pdf")))


def test_a_long_book_is_read_fast_and_in_little_memory():
    import time

    start = time.perf_counter()
    recognition = recognise(sample("pdf_huge/DA-619p.pdf"))
    seconds = time.perf_counter() - start

    assert len(recognition.pages) == 619
    assert len(recognition.outline) > 1000
    # The bench measures 380 pages a second; here others may be at work too.
    assert 619 / seconds > 40
