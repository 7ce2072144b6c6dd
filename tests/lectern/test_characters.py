"""What a font or an encoding did to the letters is undone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.characters import SOFT_HYPHEN, clean, clean_code, clean_lines


@pytest.mark.parametrize(
    ("printed", "meant"),
    [
        ("plain text", "plain text"),
        ("e\ufb03cient \ufb01sh", "efficient fish"),
        ("na¨ıve caf´e", "naïve café"),
        ("tr`es bien", "très bien"),
        ("the `quoted` word", "the `quoted` word"),
        ("two\u00a0 words\tapart", "two words apart"),
        ("in\u00advisible\u200b marks\ufeff", "invisible marks"),
        ("e\u0301t\u00e9", "été"),
        ("\uf0b7 item", "• item"),
        ("\ufefb", "\u0644\u0627"),
        ("right\u202eleft", "rightleft"),
        ("nu\x00ll", "null"),
    ],
)
def test_letters_are_what_was_meant(printed, meant):
    assert clean(printed) == meant


def test_the_mark_of_a_broken_word_is_kept():
    assert clean(f"com{SOFT_HYPHEN}") == f"com{SOFT_HYPHEN}"


def test_line_ends_can_be_kept():
    assert clean_lines("one  two \n  three\n") == "one two\n three"


def test_code_keeps_its_indent():
    assert clean_code("def f():\n\treturn\u200b 1  \n") == "def f():\n    return 1"


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text):
    assert clean(clean(text)) == clean(text)
