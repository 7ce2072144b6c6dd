"""Phonemes keep their places, are cut without loss, and become times of words."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.engines import kokoro_units
from resources.engines.kokoro_units import Unit, joined, known, matched, pieces, said

PHONEMES = st.text("abɛŋˈː ", min_size=1, max_size=40).filter(str.strip)
MARKS = st.sampled_from([".", ",", "—", "”", "?"])


@st.composite
def units(draw: st.DrawFn) -> list[Unit]:
    """Return units as a speller makes them: words and marks, in order."""
    found, position = [], 0
    for phonemes in draw(st.lists(PHONEMES | MARKS, max_size=40)):
        is_word = any(char.isalpha() for char in phonemes)
        end = position + 3 * is_word
        has_space = draw(st.booleans())
        found.append(Unit(phonemes.strip(), position, end, has_space))
        position = end + has_space
    return found


def spoken(listed: list[Unit]) -> str:
    """Return the phonemes of units, without spaces."""
    return "".join(unit.phonemes for unit in listed).replace(" ", "")


@given(units(), st.integers(5, 120))
def test_pieces_lose_nothing_and_fit(listed: list[Unit], most: int):
    cut = list(pieces(listed, most))

    assert "".join(spoken(piece) for piece in cut) == spoken(listed)
    assert all(piece and len(said(piece)) <= most for piece in cut)


@given(units(), st.integers(10, 200), st.data())
def test_times_are_in_order_and_inside_the_sound(
    listed: list[Unit], most: int, data: st.DataObject
):
    text = "x" * (listed[-1].end if listed else 0)
    from_ms = 0
    words = []
    for piece in pieces(listed, most):
        count = len(said(piece)) + 2
        frames = data.draw(st.lists(st.integers(1, 20), min_size=count, max_size=count))
        until_ms = from_ms + sum(frames) * kokoro_units.FRAME_MS
        words += kokoro_units.times(piece, frames, from_ms=from_ms, until_ms=until_ms)
        from_ms = until_ms

    for word in words:
        assert 0 <= word[2] <= word[3] <= from_ms
    for one, following in pairwise(joined(words, text)):
        assert one[1] <= following[0]
        assert one[3] <= following[2]


def test_a_piece_ends_with_a_sentence_where_it_can():
    words = [Unit("aaaa", n, n + 1, has_space=n != 4) for n in range(10)]
    words.insert(5, Unit(".", 5, 5, has_space=True))

    assert [said(piece) for piece in pieces(words, 30)] == [
        "aaaa aaaa aaaa aaaa aaaa.",
        "aaaa aaaa aaaa aaaa aaaa",
    ]


def test_it_ends_with_a_clause_and_its_closing_mark_else():
    words = [Unit("aaa", n, n + 1, has_space=True) for n in range(8)]
    words.insert(3, Unit(",", 3, 3, has_space=False))
    words.insert(4, Unit("”", 3, 3, has_space=True))

    assert [said(piece) for piece in pieces(words, 26)] == [
        "aaa aaa aaa ,”",
        "aaa aaa aaa aaa aaa",
    ]


def test_what_the_model_does_not_know_is_counted():
    kept, dropped = known([Unit("abç", 0, 3, has_space=False)], frozenset("ab "))

    assert (said(kept), dropped) == ("ab", 1)


def test_a_space_counts_half_to_either_side():
    two = [Unit("ab", 0, 2, has_space=True), Unit("c", 3, 4, has_space=False)]

    words = list(kokoro_units.times(two, [3, 4, 4, 8, 4, 5], from_ms=0, until_ms=700))

    assert words == [(0, 2, 0, 300), (3, 4, 300, 500)]


@pytest.mark.parametrize(
    ("text", "together", "alone", "owned"),
    [
        ("un deux", "œ̃ dø", ["œ̃", "dø"], ["œ̃", "dø"]),
        ("a 42 b", "a kaʁɑ̃t dø b", ["a", "kaʁɑ̃t dø", "b"], ["a", "kaʁɑ̃t dø", "b"]),
        ("les amis", "lezami", ["le", "ami"], ["lez", "ami"]),
        ("hm, oui !", "hm, wi !", ["hm,", "wi", "!"], ["hm", "wi"]),
    ],
)
def test_phonemes_are_given_to_the_words_they_speak(
    text: str, together: str, alone: list[str], owned: list[str]
):
    found, is_told = matched(text, together, alone)

    assert is_told
    by_word: dict[int, str] = {}
    for unit in found:
        if unit.end > unit.start:
            space = " " if unit.start in by_word else ""
            by_word[unit.start] = by_word.get(unit.start, "") + space + unit.phonemes
    assert list(by_word.values()) == owned


def test_words_are_not_guessed_from_what_has_no_likeness():
    found, is_told = matched("one two", "xyz", ["wʌn", "tuː"])

    assert not is_told
    assert all(unit.end == unit.start for unit in found)
    assert spoken(found) == "xyz"


@given(st.text(max_size=40), st.text("abc ,.", max_size=40), st.data())
def test_whatever_a_speller_says_no_phoneme_is_lost(
    text: str, together: str, data: st.DataObject
):
    count = len(text.split())
    alone = data.draw(
        st.lists(st.text("abc ,", max_size=6), min_size=count, max_size=count)
    )

    found, _ = matched(text, together, alone)

    assert spoken(found) == together.replace(" ", "")
    for one, following in pairwise(found):
        assert one.start <= following.start


def test_a_run_between_blanks_is_one_word_whatever_the_model_takes_for_words():
    text = "don't — $3.50"
    words = [(0, 2, 0, 100), (2, 5, 100, 200), (8, 9, 300, 400), (9, 13, 400, 900)]

    assert joined(words, text) == [(0, 5, 0, 200), (8, 13, 300, 900)]


@given(st.text("ab \n", max_size=400))
def test_long_words_are_cut_and_their_places_kept(text: str):
    shown, places = kokoro_units.with_short_words(text)

    assert max((len(word) for word in shown.split()), default=0) <= 80
    assert len(places) == len(shown) + 1
    for place, char in zip(places, shown, strict=False):
        assert char == text[place] or char == " "
    assert shown.replace(" ", "") == text.replace(" ", "")
    if max((len(word) for word in text.split()), default=0) <= 80:
        assert shown == text
