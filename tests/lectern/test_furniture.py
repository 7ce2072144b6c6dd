"""Running heads, page numbers and marks in the margin are found by repetition."""

import pytest

from lectern.documents.furniture import find_furniture, folio_value
from tests.support.printing import Sheet, prose, read, shown

PROSE = prose(0)


def book(pages: int, *, head="The Keeper", foot="{}", first_folio=1):
    """Return pages with a head at the top and a number at the foot."""
    made = []
    for n in range(pages):
        sheet = Sheet(n + 1)
        if head:
            sheet.line(head.format(n + first_folio), 0.05)
        sheet.text(prose(n)).text(prose(n + 1000))
        if foot:
            sheet.line(foot.format(n + first_folio), 0.95, left=0.5)
        made.append(sheet.page())
    return made


def furniture_texts(pages) -> set[str]:
    places = find_furniture(pages).places
    return {pages[page].lines[line].text for page, line in places}


def test_heads_and_page_numbers_are_furniture_and_nothing_else_is():
    pages = book(5)

    assert furniture_texts(pages) == {"The Keeper", "1", "2", "3", "4", "5"}


def test_furniture_is_shown_and_is_no_part_of_a_paragraph():
    text = read(*book(4))

    assert "The Keeper" in shown(text, "furniture")
    assert not any("Keeper" in block for block in shown(text, "paragraph"))


@pytest.mark.parametrize("foot", ["– {} –", "Page {} of 9", "[{}]", "{} / 9"])
def test_dressed_page_numbers_are_found(foot):
    found = furniture_texts(book(4, head="", foot=foot))

    assert found == {foot.format(n) for n in (1, 2, 3, 4)}


def test_a_head_with_the_page_number_in_it_is_one_head():
    assert len(furniture_texts(book(4, head="{} THE KEEPER", foot=""))) == 4


def test_a_head_that_names_the_chapter_is_found_in_a_long_book():
    pages = book(40, head="", foot="")
    titled = [
        Sheet(n + 1).line("The Letter", 0.05).text(prose(n)).page()
        for n in range(10, 14)
    ]
    pages[10:14] = titled

    assert furniture_texts(pages) == {"The Letter"}


def test_what_repeats_below_other_text_is_text():
    pages = [
        Sheet(n)
        .line(f"Clause number {'abc'[n - 1]}", 0.05)
        .line("This clause is the same on every page", 0.08)
        .text(prose(n))
        .page()
        for n in (1, 2, 3)
    ]

    assert furniture_texts(pages) == set()


def test_numbers_down_the_margin_are_furniture():
    sheet = Sheet(1).text(PROSE * 2, left=0.15)
    for n in range(6):
        sheet.line(str(n + 7), 0.12 + n * 0.015, left=0.05)

    assert furniture_texts([sheet.page()]) == {"7", "8", "9", "10", "11", "12"}


def test_numbers_of_a_table_are_no_margin_numbers():
    sheet = Sheet(1).line("No. and name of the boat", 0.1, left=0.05)
    for n in range(6):
        sheet.line(str(n + 1), 0.2 + n * 0.015, left=0.05)
    sheet.line("Numbers as painted on the hull", 0.3, left=0.05)

    assert furniture_texts([sheet.page()]) == set()


def test_a_stamp_along_the_edge_is_furniture():
    page = Sheet(1).text(PROSE).line("Copy of record", 0.4, rotated=True).page()

    assert furniture_texts([page]) == {"Copy of record"}


def test_a_page_whose_text_is_all_turned_is_no_stamp():
    page = Sheet(1).line("one", 0.4, rotated=True).line("two", 0.5, rotated=True)

    assert furniture_texts([page.page()]) == set()


def test_a_single_page_has_heads_only_where_they_stand_well_apart():
    apart = Sheet(1).line("I am a header", 0.03).text(PROSE).line("A footer", 0.95)
    close = Sheet(1).line("A title", 0.09).text(PROSE)

    assert furniture_texts([apart.page()]) == {"I am a header", "A footer"}
    assert furniture_texts([close.page()]) == set()


def test_two_swapped_pages_are_found_by_their_printed_numbers():
    pages = book(6)
    numbers = [1, 2, 4, 3, 5, 6]
    swapped = [
        Sheet(n + 1).text(prose(n)).line(str(folio), 0.95, left=0.5).page()
        for n, folio in enumerate(numbers)
    ]

    assert not [f for f in find_furniture(pages).findings if "swapped" in f.message]
    found = find_furniture(swapped).findings[0]
    assert (found.code, found.page) == ("folio_out_of_order", 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("xiv", 14), ("- 3 -", 3), ("Seite 7", 7), ("12th", None), ("", None)],
)
def test_page_numbers_are_read_in_both_kinds_of_digits(text, value):
    assert folio_value(text) == value
