"""Two readings of one page, word by word."""

from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.differences import MOST_WORDS, compare, share_same

TEXTS = st.lists(st.sampled_from(["the", "lamp", "was", "lit", "modem", "modern"]))


def test_what_differs_stands_between_what_does_not():
    pieces = compare("a modem house by the sea", "a modern house by sea")

    assert [(p.left, p.right) for p in pieces if not p.is_same] == [
        ("modem", "modern"),
        ("the", ""),
    ]


def test_white_space_does_not_count():
    assert share_same(compare("two\nlines", "two  lines")) == 1.0


def test_two_empty_pages_are_the_same():
    assert share_same(compare("", " ")) == 1.0


def test_readings_without_a_word_in_common_share_nothing():
    assert share_same(compare("one two", "three")) == 0.0


def test_past_the_most_words_the_rest_is_one_piece():
    text = "word " * (MOST_WORDS + 3)

    assert [p.is_same for p in compare(text, text + "more")] == [True, False]


@given(TEXTS, TEXTS)
def test_each_side_gives_its_text_back(left, right):
    pieces = compare(" ".join(left), " ".join(right))

    assert " ".join(p.left for p in pieces if p.left) == " ".join(left)
    assert " ".join(p.right for p in pieces if p.right) == " ".join(right)
    assert 0.0 <= share_same(pieces) <= 1.0
