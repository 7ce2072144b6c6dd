"""Places in the normalised text lead to places in the text that is shown."""

from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.spoken import Spoken, Stretch
from lectern.speech.alignment import is_shown_as_said, normalised_stretches
from lectern.speech.variants import normalise


def spoken(text: str, *stretches: tuple[int, int, int, int]) -> Spoken:
    return Spoken(text, None, tuple(Stretch(*four) for four in stretches))


def test_a_normalised_text_keeps_its_stretches():
    said = spoken("One two.", (0, 8, 0, 8))

    assert normalised_stretches(said) == said.stretches


def test_doubled_spaces_move_what_follows():
    said = spoken("One  two  three", (0, 5, 0, 5), (5, 10, 9, 14), (10, 15, 14, 19))

    assert normalised_stretches(said) == (
        Stretch(0, 4, 0, 5),
        Stretch(4, 8, 9, 14),
        Stretch(8, 13, 14, 19),
    )


def test_accents_of_their_own_are_counted_once():
    said = spoken("Cafe\u0301 noir", (0, 6, 0, 6), (6, 10, 6, 10))

    assert normalised_stretches(said) == (Stretch(0, 5, 0, 6), Stretch(5, 9, 6, 10))


def test_a_line_break_that_is_said_as_a_space_needs_no_map():
    assert is_shown_as_said("a b", "a\nb")
    assert not is_shown_as_said("a b", "a \nb")
    assert not is_shown_as_said("a b", "a-b")


@given(st.text(alphabet="ab \n\u0301é", max_size=40), st.integers(0, 40))
def test_places_stay_inside_and_in_order(text: str, cut: int):
    cut = min(cut, len(text))
    said = spoken(text, (0, cut, 0, cut), (cut, len(text), cut, len(text)))

    first, second = normalised_stretches(said)

    assert first.spoken_end == second.spoken_start
    assert 0 <= first.spoken_start <= first.spoken_end <= second.spoken_end
    assert second.spoken_end == len(normalise(text))
