"""Words broken at line ends are joined as the document writes them elsewhere."""

import pytest

from lectern.documents.characters import SOFT_HYPHEN
from lectern.documents.hyphens import Vocabulary, is_broken, join_lines

BOOK = Vocabulary(
    [
        "The compiler was told to compile a half-second of trace-compilation.",
        "A mixed crew and its mode of travel. TraceMonkey ran. The forest grew.",
    ]
)


@pytest.mark.parametrize(
    ("left", "right", "joined"),
    [
        (f"to com{SOFT_HYPHEN}", "pile it", "to compile it"),
        ("to com-", "pile it", "to compile it"),
        ("a half-", "second", "a half-second"),
        (f"trace{SOFT_HYPHEN}", "compilation", "trace-compilation"),
        ("an unheard-", "ofness", "an unheardofness"),
        ("the mixed-", "mode run", "the mixed-mode run"),
        ("by Jean-", "Paul", "by Jean-Paul"),
        (f"the Trace{SOFT_HYPHEN}", "Monkey", "the TraceMonkey"),
        ("COM-", "PILE", "COMPILE"),
        ("from 1990-", "1995", "from 1990-1995"),
        ("pre- and post-", "war", "pre- and postwar"),
        ("both pre-", "and postwar", "both pre- and postwar"),
        ("a dash -", "and more", "a dash - and more"),
        ("no hyphen", "here", "no hyphen here"),
        ("sus\u2010", "pended", "suspended"),
    ],
)
def test_two_lines_become_one(left, right, joined):
    assert join_lines(left, right, BOOK) == joined


def test_halves_of_broken_words_are_no_words_of_the_book():
    broken = Vocabulary([f"first com{SOFT_HYPHEN}", "bined words here"])

    assert not broken.count("bined")
    assert not broken.count("com")
    assert broken.count("first") == broken.count("words") == 1


def test_a_hyphen_after_a_blank_breaks_no_word():
    assert is_broken("com-")
    assert not is_broken("word -")
    assert not is_broken("word")
