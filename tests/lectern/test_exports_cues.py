"""Subtitles: every word once, in lines that fit, in times that do not overlap."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lectern.exports.cues import (
    LINE_COLUMNS,
    LINES,
    LONGEST_MS,
    SHORTEST_MS,
    Cue,
    HeardWord,
    columns,
    cues_of_block,
    srt,
    timed,
    vtt,
)

a_word = st.text("abcdefg,.!é漢字\u0301", min_size=1, max_size=60)


@st.composite
def spoken(draw):
    """Return words with a blank after each, one after the other in time."""
    words, at_ms = [], 0
    for text in draw(st.lists(a_word, min_size=1, max_size=40)):
        at_ms += draw(st.integers(0, 900))
        end_ms = at_ms + draw(st.integers(1, 1500))
        words.append(HeardWord(f"{text} ", at_ms, end_ms))
        at_ms = end_ms
    return words


@given(spoken())
def test_every_word_is_shown_once_and_in_order(words):
    shown = "".join("".join(cue.lines) for cue in cues_of_block(words))

    assert shown.replace(" ", "") == "".join(word.text.strip() for word in words)


@given(spoken())
def test_lines_fit_unless_a_single_word_does_not(words):
    for cue in cues_of_block(words):
        assert all(columns(line) <= LINE_COLUMNS for line in cue.lines)
        if " " in " ".join(cue.lines):
            longest = max(columns(word.text) for word in words)
            assert len(cue.lines) <= LINES or longest > LINE_COLUMNS


@given(spoken())
def test_times_follow_one_another(words):
    end_ms = words[-1].end_ms + 500
    cues = timed(cues_of_block(words), end_ms=end_ms)

    assert [cue.start_ms for cue in cues] == sorted(cue.start_ms for cue in cues)
    for before, after in itertools.pairwise(cues):
        assert before.start_ms <= before.end_ms <= after.start_ms
    assert cues[-1].end_ms <= end_ms


def heard(text: str, *, word_ms: int = 300) -> list[HeardWord]:
    words = text.split()
    return [
        HeardWord(f"{word} ", n * word_ms, (n + 1) * word_ms)
        for n, word in enumerate(words)
    ]


def test_a_cue_ends_with_its_sentence():
    words = heard("The boats turned slowly in the bay. Nobody spoke of the winter.")

    assert [cue.lines for cue in cues_of_block(words)] == [
        ("The boats turned slowly in the bay.",),
        ("Nobody spoke of the winter.",),
    ]


def test_a_long_sentence_is_broken_at_its_comma():
    words = heard("When the tide had gone out of the harbour, nobody spoke of winter.")

    [cue] = cues_of_block(words)

    assert cue.lines == (
        "When the tide had gone out of the harbour,",
        "nobody spoke of winter.",
    )


def test_no_cue_stays_longer_than_it_should():
    cues = cues_of_block(heard("one two three four five six seven", word_ms=2500))

    assert max(cue.end_ms - cue.start_ms for cue in cues) <= LONGEST_MS


def test_a_short_cue_stays_as_long_as_there_is_room():
    cues = timed([Cue(0, 200, ("Yes.",)), Cue(5000, 5200, ("No.",))], end_ms=5400)

    assert cues[0].end_ms == SHORTEST_MS
    assert cues[1].end_ms == 5400


def test_chinese_counts_two_columns_a_sign():
    words = [
        HeardWord(sign, n * 200, (n + 1) * 200) for n, sign in enumerate("漢字" * 15)
    ]

    assert all(len(line) <= 21 for cue in cues_of_block(words) for line in cue.lines)


def test_files_keep_signs_from_becoming_tags():
    cue = Cue(3_661_001, 3_662_000, ("<i>a & b</i> --> c",))

    assert "".join(srt([cue])) == (
        "1\n01:01:01,001 --> 01:01:02,000\n‹i›a & b‹/i› → c\n\n"
    )
    assert "".join(vtt([cue], language="en")) == (
        "WEBVTT\nLanguage: en\n\n01:01:01.001 --> 01:01:02.000\n"
        "&lt;i&gt;a &amp; b&lt;/i&gt; --&gt; c\n\n"
    )
