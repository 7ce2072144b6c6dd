"""Pages are put in the order of the numbers they state, and gaps are found."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.ordering import missing_numbers, sort_pages
from lectern.documents.pages import Line, RecognisedPage, RecognitionMethod


def page(number: int, text: str = "words", **about) -> RecognisedPage:
    made = RecognisedPage(
        number, RecognitionMethod.TEXT_LAYER, "e 1", "", lines=(Line(text),)
    )
    return replace(made, **about)


def codes(sorted_pages) -> list[str]:
    return [finding.code for finding in sorted_pages.findings]


@given(st.lists(st.integers(1, 3000), unique=True))
def test_sorting_loses_nothing_and_invents_nothing(numbers):
    result = sort_pages([page(n) for n in numbers], page_count=3000)

    assert [p.number for p in result.pages] == sorted(numbers)


def test_a_reply_out_of_order_is_sorted_and_remarked():
    result = sort_pages([page(3), page(1), page(2)], page_count=3)

    assert [p.number for p in result.pages] == [1, 2, 3]
    assert codes(result) == ["reordered_pages"]


def test_of_a_repeated_page_the_fuller_one_is_kept():
    result = sort_pages([page(1, "short"), page(1, "much longer")], page_count=1)

    assert result.pages[0].lines[0].text == "much longer"
    assert codes(result) == ["repeated_page"]


def test_missing_pages_are_named_and_do_not_renumber_the_rest():
    result = sort_pages([page(1), page(4)], page_count=5)

    assert result.missing == (2, 3, 5)
    assert result.findings[0].message == "Pages 2, 3, 5 of 5 are missing."
    assert [p.number for p in result.pages] == [1, 4]


def test_many_missing_pages_are_counted_not_listed():
    result = sort_pages([page(1)], page_count=40)

    assert result.findings[0].message.endswith("and 27 more of 40 are missing.")


def test_a_page_that_was_hard_to_read_is_remarked():
    result = sort_pages([page(1, confidence=0.4)], page_count=1)

    assert codes(result) == ["low_confidence"]


def test_what_the_engine_remarks_becomes_a_finding():
    result = sort_pages([page(1, remarks=("Page 1 is a photograph.",))], page_count=1)

    assert result.findings[0].message == "Page 1 is a photograph."


def test_a_complete_document_has_nothing_to_remark():
    assert sort_pages([page(1), page(2)], page_count=2).findings == ()


def test_missing_numbers_count_from_one():
    assert missing_numbers({2}, page_count=3) == (1, 3)
