"""What is highlighted when: the parts of a block share its sound without a gap."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.pages import BlockKind, Span, SpanKind
from lectern.documents.spoken import Stretch
from lectern.exports.fragments import (
    Fragment,
    ShownWord,
    sentence_fragments,
    shown_words,
    word_fragments,
)
from lectern.exports.markup import block_markup, paragraph
from lectern.speech.timing import WordTime
from tests.support.speech import block

TEXT = "Boats turned. Nobody spoke, then."


def words_of(text: str, *, word_ms: int = 200) -> list[ShownWord]:
    found, at = [], 0
    for number, word in enumerate(text.split()):
        start = text.index(word, at)
        at = start + len(word)
        found.append(ShownWord(start, at, number * word_ms))
    return found


@st.composite
def timed_words(draw):
    count = draw(st.integers(0, 20))
    starts = sorted(
        draw(st.lists(st.integers(0, 3000), min_size=count, max_size=count))
    )
    return [ShownWord(n * 4, n * 4 + 3, ms) for n, ms in enumerate(starts)]


@given(timed_words(), st.integers(20, 3000), st.lists(st.integers(1, 79), max_size=5))
def test_fragments_fill_the_block_from_its_first_to_its_last_moment(
    words, duration_ms, sentences
):
    for fragments in (
        word_fragments(words, shown_chars=80, duration_ms=duration_ms),
        sentence_fragments(words, sentences, shown_chars=80, duration_ms=duration_ms),
    ):
        assert fragments[0].start_ms == 0
        assert fragments[-1].end_ms == duration_ms
        for before, after in pairwise(fragments):
            assert before.end_ms == after.start_ms
            assert before.end_char <= after.start_char
        assert all(one.start_ms < one.end_ms for one in fragments)
        assert all(0 <= one.start_char < one.end_char <= 80 for one in fragments)


def test_sentences_begin_with_their_first_word():
    fragments = sentence_fragments(
        words_of(TEXT), [14], shown_chars=len(TEXT), duration_ms=1500
    )

    assert fragments == [Fragment(0, 14, 0, 400), Fragment(14, len(TEXT), 400, 1500)]


def test_words_that_share_their_place_are_one():
    # "Table of two rows" is said for what is shown as "a | b".
    said = [WordTime(0, 5, 0, 300), WordTime(6, 8, 300, 500), WordTime(9, 12, 500, 900)]

    assert shown_words(said, [Stretch(0, 12, 0, 5)], shown_chars=5) == [
        ShownWord(0, 5, 0)
    ]


def test_words_stand_where_they_are_shown_when_something_is_left_out():
    stretches = [Stretch(0, 5, 0, 5), Stretch(5, 10, 9, 14)]  # " [4]" is not said
    said = [WordTime(0, 4, 0, 300), WordTime(6, 10, 300, 500)]

    found = shown_words(said, stretches, shown_chars=14)

    assert [(word.start_char, word.end_char) for word in found] == [(0, 4), (10, 14)]


def test_markup_is_escaped_and_keeps_emphasis_inside_fragments():
    shown = "A <b> & \x07bold move."
    spans = (Span(9, 18, SpanKind.STRONG), Span(11, 14, SpanKind.EMPHASIS))
    one = replace(block(0, shown), spans=spans)

    inside = block_markup(one, [Fragment(0, 8, 0, 1), Fragment(8, 19, 1, 2)])

    assert inside == (
        '<span id="b0-0">A &lt;b&gt; &amp;</span> <span id="b0-1">�<strong>bo</strong>'
        "<em><strong>ld </strong></em><strong>move</strong>.</span>"
    )


def test_paragraphs_say_their_kind_language_and_direction():
    heading = replace(block(3, "Title", kind=BlockKind.HEADING), level=9)
    hebrew = replace(block(4, "שלום", language="he"), direction="rtl")

    assert paragraph([heading], ["Title"]).startswith('<h6 id="p3" lang="en"')
    assert 'xml:lang="he" dir="rtl"' in paragraph([hebrew], ["שלום"])
