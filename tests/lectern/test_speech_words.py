"""Which characters are highlighted when, told from an engine's marks."""

from hypothesis import given
from hypothesis import strategies as st

from lectern.speech.words import WordMark, word_times


def said(text: str, marks: list[tuple[int, int]], end_ms: int = 1000) -> list[tuple]:
    """Return each word with its start and end."""
    words = word_times(text, [WordMark(*mark) for mark in marks], end_ms=end_ms)
    return [(text[w.start_char : w.end_char], w.start_ms, w.end_ms) for w in words]


def test_a_word_lasts_until_the_next_one_starts():
    assert said("Hello there", [(0, 0), (6, 400)]) == [
        ("Hello", 0, 400),
        ("there", 400, 1000),
    ]


def test_several_marks_inside_a_number_are_one_word():
    """espeak-ng marks "1,234.56" eight times, partly with overlapping places."""
    marks = [(0, 0), (2, 200), (2, 300), (6, 500), (9, 800)]

    assert said("1,234.56 end", marks) == [("1,234.56", 0, 800), ("end", 800, 1000)]


def test_a_mark_inside_a_word_starts_the_whole_word():
    assert said("(twenty-one", [(1, 50)]) == [("(twenty-one", 50, 1000)]


def test_a_lone_dash_is_not_heard():
    assert said("a — b", [(0, 0), (4, 300)]) == [("a", 0, 300), ("b", 300, 1000)]


def test_chinese_is_cut_at_its_marks():
    assert said("你好世", [(0, 0), (2, 500)]) == [("你好", 0, 500), ("世", 500, 1000)]


def test_chinese_beside_english_stays_apart():
    assert said("a你", [(0, 0), (1, 300)]) == [("a", 0, 300), ("你", 300, 1000)]


def test_marks_past_the_end_of_the_text_change_nothing():
    assert said("😀", [(0, 0), (1, 300), (7, 400)]) == [("😀", 0, 1000)]


@given(
    st.text(alphabet="ab 你ส—1.\n", max_size=40),
    st.lists(st.tuples(st.integers(0, 45), st.integers(-5, 3000)), max_size=30),
)
def test_words_are_in_order_and_inside_text_and_sound(text, marks):
    words = word_times(text, [WordMark(*mark) for mark in marks], end_ms=1000)

    chars = [edge for word in words for edge in (word.start_char, word.end_char)]
    times = [edge for word in words for edge in (word.start_ms, word.end_ms)]
    assert chars == sorted(chars)
    assert times == sorted(times)
    assert all(0 <= char <= len(text) for char in chars)
    assert all(0 <= moment <= 1000 for moment in times)
