"""Word times for engines that state none, against those espeak-ng states itself."""

import statistics
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.speech.proportional import Span, proportional_marks
from lectern.speech.timing import WordTime
from resources.engines import alignment
from resources.engines.alignment import align, voiced_spans
from resources.engines.english_sounds import sounds_of, words_of
from resources.engines.espeak import EspeakEngine
from resources.engines.speech import Speech

TEXTS = [
    (
        "She opened the door. Nobody answered, and the lamp went out; then somebody "
        "laughed in the dark room behind her."
    ),
    (
        "The harbor lay quiet under a pale morning, while small boats turned slowly "
        "toward the open water and nobody on the wall spoke of the long winter."
    ),
    "In 1998 the Zyxqor valley had 12,500 people and three shops.",
]


@pytest.fixture(scope="module")
def engine() -> EspeakEngine:
    return EspeakEngine()


def spoken(engine: EspeakEngine, text: str, voice_id: str = "espeak:en-us") -> Speech:
    voice = engine.find(voice_id)
    assert voice is not None
    return engine.synthesise(text, voice)


def errors_ms(found: list[WordTime], true: tuple[WordTime, ...]) -> list[int]:
    """Return how far the starts of words are off, for words that both have."""
    starts = {word.start_char: word.start_ms for word in true}
    return [
        abs(word.start_ms - starts[word.start_char])
        for word in found
        if word.start_char in starts
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_english_words_are_found_in_the_sound(engine: EspeakEngine, text: str) -> None:
    speech = spoken(engine, text)

    found = align(text, speech.samples, speech.rate_hz, language="en-us")

    off = errors_ms(found, speech.words)
    assert len(off) >= 0.8 * len(text.split())
    assert statistics.median(off) <= 40
    assert max(off) <= 250


def test_without_the_aligner_words_are_spread_over_the_speech(
    engine: EspeakEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.setattr(alignment, "_own", type("Fresh", (), {})())
    speech = spoken(engine, TEXTS[0])

    found = align(TEXTS[0], speech.samples, speech.rate_hz, language="en")

    assert [TEXTS[0][w.start_char : w.end_char] for w in found] == TEXTS[0].split()
    assert statistics.median(errors_ms(found, speech.words)) <= 250


def test_other_languages_are_spread_over_the_speech(engine: EspeakEngine) -> None:
    text = "Der Hafen lag still, und niemand sprach von dem langen Winter."
    speech = spoken(engine, text, "espeak:de")

    found = align(text, speech.samples, speech.rate_hz, language="de")

    assert len(found) == len(text.split())
    assert statistics.median(errors_ms(found, speech.words)) <= 250


def test_chinese_is_followed_sign_by_sign(engine: EspeakEngine) -> None:
    text = "海港在清晨很安静。"
    speech = spoken(engine, text, "espeak:cmn")

    found = align(text, speech.samples, speech.rate_hz, language="zh")

    assert len(found) >= len(text) - 1
    assert [word.start_char for word in found] == list(range(len(found)))


def test_a_sound_of_something_else_still_gets_times_in_order() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, 48_000).astype(np.int16)

    found = align("Two words here.", noise, 24_000, language="en")

    assert [word.start_char for word in found] == [0, 4, 10]


def test_silence_has_no_words() -> None:
    assert (
        align("Hello there.", np.zeros(24_000, np.int16), 24_000, language="de") == []
    )
    assert voiced_spans(np.zeros(3, np.int16), 24_000) == []


def test_a_pause_parts_two_stretches() -> None:
    tone = (8000 * np.sin(np.arange(8000) / 4)).astype(np.int16)
    pause = np.zeros(4000, np.int16)

    spans = voiced_spans(np.concatenate([tone, pause, tone]), 16_000)

    assert spans == [Span(0, 500), Span(750, 1250)]


def test_nothing_is_said_of_a_word_during_a_pause() -> None:
    marks = proportional_marks("abcd efgh", [Span(0, 500), Span(900, 1400)])

    assert [(mark.char, mark.ms) for mark in marks] == [(0, 0), (5, 900)]


@given(
    st.text(max_size=60),
    st.lists(st.tuples(st.integers(0, 400), st.integers(10, 400)), max_size=6),
)
def test_marks_are_in_order_and_within_the_speech(
    text: str, gaps: list[tuple[int, int]]
) -> None:
    spans: list[Span] = []
    at_ms = 0
    for pause_ms, length_ms in gaps:
        spans.append(Span(at_ms + pause_ms, at_ms + pause_ms + length_ms))
        at_ms = spans[-1].end_ms

    marks = proportional_marks(text, spans)

    assert [mark.char for mark in marks] == sorted({mark.char for mark in marks})
    assert [mark.ms for mark in marks] == sorted(mark.ms for mark in marks)
    assert all(spans[0].start_ms <= mark.ms <= spans[-1].end_ms for mark in marks)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("Harbour,", ["harbour"]),
        ("twenty-one", ["twenty", "one"]),
        ("don’t", ["don't"]),
        ("1998", ["nineteen", "ninety", "eight"]),
        ("1905", ["nineteen", "oh", "five"]),
        ("1,234.5", [
            "one", "thousand", "two", "hundred", "thirty", "four", "point", "five",
        ]),
        ("50%", ["fifty", "percent"]),
        ("—", []),
        ("2000000", ["two", "million"]),
    ],
)  # fmt: skip
def test_a_token_is_what_is_said_of_it(token: str, words: list[str]) -> None:
    assert words_of(token) == words


@given(st.integers(0, 10**15))
def test_every_number_can_be_said(value: int) -> None:
    assert all(word.isalpha() for word in words_of(str(value)))


def test_unknown_words_are_said_by_their_letters() -> None:
    assert sounds_of("shark") == "SH AA R K"
    assert sounds_of("tape") == "T AE P"
    assert sounds_of("мир") == ""
