"""Lines read from pictures: sizes are guesses, bullets are misread, order may lack."""

from dataclasses import replace

from lectern.documents.pages import Box, Line, RecognisedPage, RecognitionMethod
from tests.support.printing import Sheet, prose, read, shown


def scan(sheet: Sheet, method=RecognitionMethod.TESSERACT) -> RecognisedPage:
    """Return a page as read from a picture: heights as seen, no font sizes."""
    lines = tuple(replace(line, font_size_pt=None) for line in sheet.lines)
    return replace(sheet.page(), lines=lines, method=method)


def test_a_line_without_long_letters_is_no_other_size():
    sheet = Sheet().text(prose(1, sentences=8))
    low = sheet.lines[2].box
    assert low is not None
    flat = Box(low.left, low.top + 0.003, low.right, low.bottom - 0.002)
    sheet.lines[2] = replace(sheet.lines[2], box=flat)

    blocks = read(scan(sheet)).blocks
    assert len({block.paragraph for block in blocks}) == 1


def test_a_title_that_is_both_taller_and_wider_is_a_heading():
    sheet = Sheet().text("The Keeper of the Lamp", size_pt=20).text(prose(1))

    assert shown(read(scan(sheet)), "heading") == ["The Keeper of the Lamp"]


def test_titles_are_told_by_their_case_where_no_weight_is_known():
    sheet = Sheet().text(prose(1)).text("The Second Night").text(prose(2), gap=1)

    assert shown(read(scan(sheet)), "heading") == ["The Second Night"]


def test_bullets_that_were_misread_are_bullets():
    sheet = Sheet().text(prose(1))
    for mark, word in zip("¢e©¢", ("Lamp", "Tower", "Sea", "Road"), strict=True):
        sheet.text(f"{mark} {word}", gap=0)

    items = shown(read(scan(sheet)), "list")
    assert items == ["• Lamp", "• Tower", "• Sea", "• Road"]


def test_a_price_in_cents_stays_a_price():
    sheet = Sheet().text("¢ Nine is the price of a lamp.").text(prose(1))

    assert shown(read(scan(sheet)))[0].startswith("¢")


def test_lines_found_in_any_order_are_read_column_by_column():
    sheet = Sheet()
    for n in range(8):
        sheet.line(f"left {'abcdefgh'[n]} goes on and on", 0.1 + n * 0.0143, left=0.08)
        sheet.line(f"right {'abcdefgh'[n]} goes on and on", 0.1 + n * 0.0143, left=0.53)
    whole = " ".join(shown(read(scan(sheet, RecognitionMethod.RAPIDOCR))))

    assert whole.index("left h") < whole.index("right a")


def test_a_title_over_both_columns_comes_first():
    sheet = Sheet().line("x " * 45 + "over both columns", 0.05, left=0.08)
    for n in range(8):
        sheet.line(f"left {'abcdefgh'[n]} goes on and on", 0.1 + n * 0.0143, left=0.08)
        sheet.line(f"right {'abcdefgh'[n]} goes on and on", 0.1 + n * 0.0143, left=0.53)
    whole = " ".join(shown(read(scan(sheet, RecognitionMethod.RAPIDOCR))))

    assert whole.index("both columns") < whole.index("left a")


def test_a_line_with_the_size_of_its_index_is_as_large_as_its_neighbours():
    sheet = Sheet().text(prose(1, sentences=8))
    sheet.lines[2] = replace(sheet.lines[2], font_size_pt=6.0)

    assert len({block.paragraph for block in read(sheet.page()).blocks}) == 1


def test_sizes_of_a_broken_font_matrix_are_not_believed():
    sheet = Sheet().text(prose(1, sentences=8))
    sheet.lines = [replace(line, font_size_pt=1.0) for line in sheet.lines]

    assert len({block.paragraph for block in read(sheet.page()).blocks}) == 1


def test_empty_lines_are_left_out():
    page = Sheet().line(" ", 0.1).line("Words here.", 0.2).page()
    lines = (*page.lines, Line("\ufffe", Box(0.1, 0.3, 0.2, 0.31)))

    assert shown(read(replace(page, lines=lines))) == ["Words here."]
