"""Printed lines become whole paragraphs, in the order they are read."""

from lectern.documents.characters import SOFT_HYPHEN
from lectern.documents.pages import Line, RecognisedPage, RecognitionMethod
from lectern.documents.rows import is_scrambled, rows_of
from tests.support.printing import Sheet, prose, read, shown

LEFT, RIGHT = {"left": 0.08, "right": 0.47}, {"left": 0.53, "right": 0.92}


def paragraphs(*pages, kinds=("paragraph",)) -> list[str]:
    """Return whole paragraphs, their blocks put together again."""
    text = read(*pages)
    whole: dict[int, list[str]] = {}
    for block in text.blocks:
        if block.kind.value in kinds:
            whole.setdefault(block.paragraph, []).append(block.shown)
    return [" ".join(parts) for parts in whole.values()]


def test_paragraphs_set_apart_by_blank_are_kept_apart():
    page = Sheet().text(prose(1)).text(prose(2)).page()

    assert paragraphs(page) == [prose(1), prose(2)]


def test_paragraphs_set_apart_by_an_indent_alone_are_kept_apart():
    sheet = Sheet()
    for seed in (1, 2, 3):
        sheet.text(prose(seed), indent=0.03, gap=0)

    assert paragraphs(sheet.page()) == [prose(1), prose(2), prose(3)]


def test_wide_line_spacing_parts_nothing():
    sheet = Sheet()
    rows = [f"line {word} of one long sentence that does not end" for word in "abcdef"]
    for number, row in enumerate(rows):
        sheet.line(row, 0.1 + number * 0.04)

    assert paragraphs(sheet.page()) == [" ".join(rows)]


def test_a_paragraph_goes_on_in_the_next_column():
    first, rest = prose(1), "and goes on in the other column until it ends."
    sheet = Sheet().text(first[:-1], **LEFT)
    sheet.top = 0.1
    sheet.text(rest, **RIGHT).text(prose(2), **RIGHT)

    assert paragraphs(sheet.page()) == [f"{first[:-1]} {rest}", prose(2)]


def test_a_paragraph_goes_on_on_the_next_page_and_notes_do_not_part_it():
    begun, rest = prose(1, sentences=9)[:-1], "ended on the second page. " + prose(3)
    first = Sheet(1).text(prose(2)).text(begun)
    first.top = 0.85
    first.text("1 A note about the harbour, set in small print.", size_pt=7)
    second = Sheet(2).text(rest).text(prose(4))

    assert paragraphs(first.page(), second.page())[1] == f"{begun} {rest}"
    notes = shown(read(first.page(), second.page()), "footnote")
    assert notes == ["1 A note about the harbour, set in small print."]


def test_a_block_after_a_page_break_states_the_page_it_starts_on():
    first = Sheet(1).text(prose(1, sentences=6)[:-1])
    text = read(first.page(), Sheet(2).text("and on. " + prose(2, sentences=8)).page())

    assert (text.blocks[0].page, text.blocks[-1].page) == (1, 2)


def test_a_sentence_that_ended_with_its_page_is_not_glued_to_the_next():
    pages = Sheet(1).text(prose(1)).page(), Sheet(2).text(prose(2)).page()

    assert paragraphs(*pages) == [prose(1), prose(2)]


def test_a_word_broken_by_a_line_end_is_joined():
    lines = (f"They walked to the har{SOFT_HYPHEN}", "bour where the boats lay.")
    sheet = Sheet()
    for number, line in enumerate(lines):
        sheet.line(line, 0.1 + number * 0.0143)

    assert paragraphs(sheet.page()) == [
        "They walked to the harbour where the boats lay."
    ]


def test_a_line_with_an_inner_break_counts_as_two_rows():
    text = f"They walked to the har{SOFT_HYPHEN}bour where the boats lay."

    assert paragraphs(Sheet().line(text, 0.1).page()) == [
        "They walked to the harbour where the boats lay."
    ]


def test_a_first_letter_set_large_belongs_to_its_word():
    sheet = Sheet().line("T", 0.1, left=0.1, font_size_pt=30.0)
    sheet.line("he harbour woke before the town did, and all", 0.1, left=0.16)
    sheet.line("the boats were leaning to the open water.", 0.115, left=0.16)

    assert paragraphs(sheet.page())[0].startswith("The harbour woke")


def test_verse_keeps_its_line_ends():
    rows = ["The harbour woke", "before the town", "and all its boats", "were leaning"]
    sheet = Sheet().text(prose(1, sentences=8))
    for number, row in enumerate(rows):
        sheet.line(row, sheet.top + 0.03 + number * 0.0143)

    assert paragraphs(sheet.page())[1] == "\n".join(rows)


def test_rows_out_of_order_within_a_column_are_sorted():
    rows = [f"row {word} of the page goes on" for word in "abcdefgh"]
    sheet = Sheet()
    for number in (3, 1, 6, 0, 7, 2, 5, 4):
        sheet.line(rows[number], 0.1 + number * 0.0143)

    assert paragraphs(sheet.page()) == [" ".join(rows)]


def test_columns_that_come_row_by_row_are_read_column_by_column():
    sheet = Sheet()
    for number in range(8):
        top = 0.1 + number * 0.0143
        sheet.line(f"left row number {'abcdefgh'[number]} runs on", top, left=0.08)
        sheet.line(f"right row number {'abcdefgh'[number]} runs on", top, left=0.53)

    whole = " ".join(paragraphs(sheet.page()))
    assert whole.index("left row number h") < whole.index("right row number a")


def test_the_order_of_the_engine_is_kept_where_columns_follow_each_other():
    sheet = Sheet().text(prose(1, sentences=9), **LEFT)
    sheet.top = 0.1
    sheet.text(prose(2, sentences=9), **RIGHT)

    assert not is_scrambled(rows_of(sheet.page(), sheet.lines))


def test_right_to_left_columns_are_read_from_the_right():
    sheet = Sheet()
    for number in range(8):
        top = 0.1 + number * 0.0143
        sheet.line("עמודה שמאלית עם מילים רבות", top, left=0.08)
        sheet.line("עמודה ימנית עם מילים רבות מאוד", top, left=0.53)

    assert "ימנית" in paragraphs(sheet.page())[0].split("שמאלית")[0]


def test_lines_without_places_are_read_as_if_typed():
    lines = (Line("The harbour woke before the town did and"), Line("went on."))
    page = RecognisedPage(1, RecognitionMethod.RAPIDOCR, "e", "", lines=lines)

    assert paragraphs(page) == ["The harbour woke before the town did and went on."]


def test_an_empty_page_has_no_paragraphs():
    assert read(RecognisedPage(1, RecognitionMethod.BLANK, "e", "")).blocks == ()
