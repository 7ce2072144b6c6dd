"""Our rules tell the word classes on which English pronunciation depends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.engines.kokoro_tags import tags


def tag_of(sentence: str, word: str) -> str:
    """Return the tag of the last occurrence of a word; marks stand alone."""
    words = sentence.split()
    return tags(words)[len(words) - 1 - words[::-1].index(word)]


@pytest.mark.parametrize(
    ("sentence", "word", "expected"),
    [
        ("They will record the song .", "record", "VB"),
        ("The record was old .", "record", "NN"),
        ("to never record it", "record", "VB"),
        ("She has read it .", "read", "VBN"),
        ("He read a book .", "read", "VBD"),
        ("I read every day .", "read", "VBP"),
        ("It was read aloud .", "read", "VBN"),
        ("We live here .", "live", "VBP"),
        ("A live show began .", "live", "JJ"),
        ("Use the back door .", "Use", "VB"),
        ("The use of force", "use", "NN"),
        ("The door is close .", "close", "JJ"),
        ("Please do not close it .", "close", "VB"),
        ("The company produces a car .", "produces", "VBZ"),
        ("Farmers produce the milk .", "produce", "VBP"),
        ("at the present moment", "present", "JJ"),
        ("at present , nobody", "present", "NN"),
        ("I want to go to Paris .", "Paris", "NNPS"),
        ("We met Smith .", "Smith", "NNP"),
        ("A cat sat .", "A", "DT"),
        ("vitamin A", "A", "NN"),
        ("It cost $ 3.50 .", "$", "$"),
        ("It cost $ 3.50 .", "3.50", "CD"),
        ("in 1998", "1998", "CD"),
        ("He said that she left .", "that", "IN"),
        ("I like that house .", "that", "DT"),
        ("NASA flew .", "NASA", "NNP"),
        ("quickly done", "quickly", "RB"),
        ("to go", "to", "TO"),
    ],
)
def test_a_word_is_told_by_its_neighbours(sentence: str, word: str, expected: str):
    assert tag_of(sentence, word) == expected


def test_straight_quotation_marks_open_and_close():
    assert tags(['"', "Yes", ".", '"']) == ["``", "UH", ".", "''"]


@given(st.lists(st.text(min_size=1, max_size=8), max_size=20))
def test_whatever_stands_there_each_token_has_a_tag(words: list[str]):
    found = tags(words)

    assert len(found) == len(words)
    assert all(found)
