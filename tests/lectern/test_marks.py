"""Citations, addresses and note marks are told by how they are written."""

import pytest

from lectern.documents.marks import find_marks
from lectern.documents.pages import Span, SpanKind


def marked(text: str) -> list[tuple[str, str]]:
    return [(span.kind.value, text[span.start : span.end]) for span in find_marks(text)]


@pytest.mark.parametrize(
    "citation",
    ["[12]", "[3, 4]", "[1–5]", "[7, p. 31]", "[KL09]", "[Smith et al., 2020]"],
)
def test_citations_in_brackets_are_found(citation):
    assert marked(f"As shown {citation}, it holds.") == [("citation", citation)]


@pytest.mark.parametrize(
    "text", ["[12] A. Keeper", "a[i] = 3", "[sic] he wrote", "[…]"]
)
def test_other_brackets_are_no_citations(text):
    assert marked(text) == []


def test_addresses_end_before_the_stop_of_the_sentence():
    text = "See https://example.org/a_(b), www.example.com/x. Or write a@b.org!"

    assert [found for _, found in marked(text)] == [
        "https://example.org/a_(b)",
        "www.example.com/x",
        "a@b.org",
    ]
    assert [span.target for span in find_marks(text)] == [
        "https://example.org/a_(b)",
        "https://www.example.com/x",
        "mailto:a@b.org",
    ]


def test_an_article_number_is_an_address():
    (span,) = find_marks("See doi:10.1000/182 there.")

    assert span.target == "https://doi.org/10.1000/182"


@pytest.mark.parametrize(
    "text", ["so he said.¹² Then", "the lamp³ burned", "a word† ends"]
)
def test_raised_numbers_are_note_marks(text):
    assert [kind for kind, _ in marked(text)] == ["note_mark"]


@pytest.mark.parametrize("text", ["40 m² of", "E = mc²", "x² + y²", "10³ men", "5 km³"])
def test_powers_are_no_note_marks(text):
    assert marked(text) == []


def test_what_the_source_states_comes_first():
    stated = Span(0, 23, SpanKind.LINK, "#there")
    text = "the page www.example.org and [3]"

    assert find_marks(text, [stated])[0] == stated
    assert [s.kind for s in find_marks(text, [stated])] == ["link", "citation"]
