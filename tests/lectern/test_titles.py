"""What a document is called before anybody names it."""

import pytest

from lectern.documents.titles import adopted_title, names_program, title_from


def test_a_file_name_becomes_a_title_without_folder_ending_and_underscores():
    assert title_from("C:\\scans\\rental_agreement  2.pdf") == "rental agreement 2"


def test_signs_that_hide_or_turn_a_name_are_no_part_of_a_title():
    assert title_from("annual\u202efdp.\x07exe\x85\u2066.pdf") == "annual fdp. exe"


def test_the_title_a_book_states_replaces_its_file_name():
    found = adopted_title("pg1342", filename="pg1342.epub", found="Pride and Prejudice")

    assert found == "Pride and Prejudice"


def test_a_title_somebody_chose_stays():
    assert adopted_title("Mine", filename="pg1342.epub", found="Pride") == "Mine"


@pytest.mark.parametrize(
    "found",
    [
        "",
        "12",
        "Untitled",
        "Microsoft Word - letter.doc",
        "letter.tex",
        "a/b",
        "loremipsum.jpg",
        "Adobe Photoshop PDF",
        "PowerPoint Presentation",
    ],
)
def test_a_title_that_says_nothing_does_not_replace_the_file_name(found):
    assert adopted_title("letter", filename="letter.pdf", found=found) == "letter"


@pytest.mark.parametrize("title", ["Adobe Photoshop PDF", "adobe photoshop", "Writer"])
def test_a_title_that_names_the_program_is_none(title):
    made_by = "Adobe Photoshop for Macintosh -- Image Conversion", "Writer 4.1"

    assert names_program(title, *made_by)


@pytest.mark.parametrize(
    "title", ["", "PDF", "Photoshop", "Adobe Photoshop in an hour", "Writers at work"]
)
def test_a_title_that_says_more_than_the_program_is_kept(title):
    assert not names_program(title, "Adobe Photoshop for Macintosh", "Writer 4.1")
