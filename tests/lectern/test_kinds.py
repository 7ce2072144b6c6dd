"""What printed paragraphs are is told by size, weight, place and words."""

import pytest

from tests.support.printing import Sheet, prose, read, shown

TABLE_ROWS = ("Oslo 2.7 83,879 north", "Bergen 1.5 30,689 west", "Narvik 0.7 866 far")


def kinds(sheet: Sheet) -> list[tuple[str, str]]:
    return [(b.kind.value, b.shown) for b in read(sheet.page()).blocks]


def test_larger_lines_are_headings_by_size():
    sheet = Sheet().text("The Lamp", size_pt=20).text(prose(1))
    sheet.text("The First Night", size_pt=14).text(prose(2))

    headings = [b for b in read(sheet.page()).blocks if b.kind.value == "heading"]
    assert [(b.shown, b.level) for b in headings] == [
        ("The Lamp", 1),
        ("The First Night", 2),
    ]


def test_a_title_of_two_lines_is_one_heading():
    title = "A very long title that certainly needs two lines when set so large"
    sheet = Sheet().text(title, size_pt=22).text(prose(1))

    assert kinds(sheet)[0] == ("heading", title)


@pytest.mark.parametrize(
    "title", ["THE LAMP AND THE TOWER", "3.1 The first night", "Chapter IV", "Abstract"]
)
def test_titles_in_the_size_of_the_text_are_told_by_their_words(title):
    sheet = Sheet().text(prose(1)).text(title, gap=1.5).text(prose(2), gap=1.5)

    assert ("heading", title) in kinds(sheet)


def test_a_bold_line_by_itself_is_a_heading():
    sheet = Sheet().text(prose(1)).text("The first night", bold=True).text(prose(2))

    assert ("heading", "The first night") in kinds(sheet)


def test_a_large_sentence_of_many_lines_is_no_heading():
    sheet = Sheet().text(prose(1, sentences=12)).text(prose(2, sentences=6), size_pt=13)

    assert not shown(read(sheet.page()), "heading")


def test_bullets_and_numbers_begin_list_items():
    sheet = Sheet().text(prose(1))
    items = ["• the lamp", "• the tower", "1. the sea", "2. the land"]
    for item in items:
        sheet.text(item, gap=0)

    assert shown(read(sheet.page()), "list") == items


def test_a_single_number_is_no_list():
    sheet = Sheet().text(prose(1)).text("7. " + prose(2)).text(prose(3))

    assert not shown(read(sheet.page()), "list")


@pytest.mark.parametrize("label", ["Figure 3.", "Table 2:", "Abb. 4", "FIG. 1 –"])
def test_captions_begin_with_a_label(label):
    caption = f"{label} The boats in the harbour at dawn"
    sheet = Sheet().text(prose(1)).text(caption).text(prose(2))

    assert ("caption", caption) in kinds(sheet)


def test_a_sentence_about_a_figure_is_no_caption():
    sheet = Sheet().text(prose(1)).text("Figure 3 shows the boats. " + prose(2))

    assert not shown(read(sheet.page()), "caption")


def test_rows_of_numbers_are_one_table():
    sheet = Sheet().text(prose(1))
    for row in TABLE_ROWS:
        sheet.text(row, gap=0.2)

    assert shown(read(sheet.page()), "table") == ["\n".join(TABLE_ROWS)]


def test_cells_set_apart_are_one_table():
    sheet = Sheet().text(prose(1))
    for number, name in enumerate(("lamp", "tower", "sea")):
        top = 0.3 + number * 0.0143
        sheet.line(name, top).line("old", top, left=0.4).line("tall", top, left=0.7)

    assert shown(read(sheet.page()), "table") == [
        "lamp | old | tall\ntower | old | tall\nsea | old | tall"
    ]


def test_a_printed_table_of_contents_is_no_text():
    sheet = Sheet().text("Contents", size_pt=16)
    for number, name in enumerate(("The Lamp", "The Letter", "The Road", "The Sea")):
        sheet.text(f"{name} ............ {number + 3}", gap=0)

    assert len(shown(read(sheet.page()), "table")) == 1


def test_a_program_is_code_with_its_lines_kept():
    lines = ["for (int i = 0; i < n; ++i) {", "total += weights[i];", "}"]
    sheet = Sheet().text(prose(1))
    for line in lines:
        sheet.text(line, gap=0)

    assert shown(read(sheet.page()), "code") == ["\n".join(lines)]


def test_a_formula_by_itself_is_maths():
    sheet = Sheet().text(prose(1)).text("∑ x = ∫ f(y) dy").text(prose(2))

    assert shown(read(sheet.page()), "maths") == ["∑ x = ∫ f(y) dy"]


def test_small_print_at_the_foot_is_a_footnote_and_small_print_in_the_text_is_not():
    sheet = Sheet().text(prose(1, sentences=9)).text("A remark. " * 9, size_pt=8)
    sheet.text(prose(2, sentences=9))
    sheet.top = 0.85
    sheet.text("2 See the harbour book.", size_pt=8)

    assert shown(read(sheet.page()), "footnote") == ["2 See the harbour book."]


def test_what_follows_the_title_of_references_is_not_read_out():
    sheet = Sheet().text(prose(1)).text("References", size_pt=14)
    sheet.text("[1] A. Keeper. The Lamp. 1931.").text("[2] B. Sailor. The Sea. 1932.")

    assert len(shown(read(sheet.page()), "footnote")) == 2


def test_labels_inside_a_figure_are_furniture_and_kept_together():
    sheet = Sheet().text(prose(1, sentences=8))
    for number, label in enumerate(("Lamp", "Tower", "Sea")):
        sheet.line(label, 0.5 + number * 0.05, left=0.3, font_size_pt=5.0)
    sheet.top = 0.7
    sheet.text("Figure 1. What is where.")

    assert shown(read(sheet.page()), "furniture") == ["Lamp · Tower · Sea"]


def test_the_head_of_a_table_belongs_to_it():
    sheet = Sheet().text(prose(1)).text("Table 1: Towns", gap=1)
    sheet.text("Town People Area Direction", gap=1)
    for row in TABLE_ROWS:
        sheet.text(row, gap=0.1)

    (table,) = shown(read(sheet.page()), "table")
    assert table.startswith("Town People")


def test_an_entry_of_two_lines_belongs_to_the_table_of_contents():
    sheet = Sheet().text("The Lamp ....... 3").text("A title so long that it", gap=0)
    sheet.text("takes two lines ....... 4", gap=0).text("The Sea ....... 9", gap=0)

    assert len(shown(read(sheet.page()))) == 1


def test_debris_of_a_figures_font_is_no_code():
    sheet = Sheet().text(prose(1))
    for row in ('!"# $%&; {}=', "<>/2?[]; #3%4", "&-.;{} 9<=>"):
        sheet.text(row, gap=0)

    assert not shown(read(sheet.page()), "code")


def test_a_heading_among_labels_of_a_figure_is_a_label():
    sheet = Sheet().text(prose(1, sentences=8))
    sheet.line("Lamp", 0.5, left=0.3, font_size_pt=5.0)
    sheet.line("Tower", 0.55, left=0.3, font_size_pt=13.0)
    sheet.line("Sea", 0.6, left=0.3, font_size_pt=5.0)

    assert shown(read(sheet.page()), "furniture") == ["Lamp · Tower · Sea"]


def test_a_letter_below_a_figure_is_a_label():
    sheet = Sheet().text(prose(1)).line("(a)", 0.5, left=0.2).line("(b)", 0.5, left=0.7)

    assert shown(read(sheet.page()), "furniture") == ["(a) (b)"]


def test_items_with_a_hanging_indent_are_kept_apart():
    sheet = Sheet()
    for number in range(3):
        top = 0.2 + number * 0.0286
        sheet.line(f"[{number + 1}] A. Keeper, who wrote of the lamp and the", top)
        sheet.line("tower by the sea.", top + 0.0143, left=0.13)

    assert len({block.paragraph for block in read(sheet.page()).blocks}) == 3


def test_text_after_a_list_is_no_part_of_its_last_item():
    sheet = Sheet().text(prose(3)).line("• the tower by the sea.", 0.4, left=0.13)
    sheet.line("Then the road went on, and the sea was left behind for good.", 0.4143)

    assert shown(read(sheet.page()), "list") == ["• the tower by the sea."]
