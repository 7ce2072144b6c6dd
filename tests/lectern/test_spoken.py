"""What is said of a block, and where each said character is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.blocks import Block
from lectern.documents.marks import find_marks
from lectern.documents.pages import BlockKind, Span, SpanKind
from lectern.documents.spoken import Speaking, skipped_summary, speak
from lectern.ids import BlockId
from lectern.speech.variants import normalise

LISTEN_TO_ALL = dict.fromkeys((*BlockKind, *SpanKind), Speaking.SPEAK)


def block(shown: str, kind=BlockKind.PARAGRAPH, **about) -> Block:
    fields = {
        "id": BlockId("b"),
        "index": 0,
        "kind": kind,
        "page": 1,
        "paragraph": 0,
        "start_char": 0,
        "end_char": len(shown),
        "shown": shown,
        "spans": find_marks(shown),
        "language": "en",
        "direction": "ltr",
        "level": 0,
        "chapter": None,
    }
    return Block(**{**fields, **about})


def said(shown: str, kind=BlockKind.PARAGRAPH, policy=None, **about) -> str:
    return speak(block(shown, kind, **about), policy or {}).text


@pytest.mark.parametrize(
    ("shown", "heard"),
    [
        ("Plain words, as they are.", "Plain words, as they are."),
        ("As shown [12], it is.", "As shown, it is."),
        ("He went.¹² She stayed.", "He went. She stayed."),
        ("See https://www.example.org/a?b=1 now.", "See link to example.org now."),
        ("(http://x.org)", "(link to x.org)"),
        ("• An item", "An item"),
        ("The Lamp ........ 7", "The Lamp, 7"),
        ("One line\nand another", "One line, and another"),
        ("One line,\nand another", "One line, and another"),
        ("two  blanks", "two blanks"),
        ("—From a letter", "—From a letter"),
        ("– said the keeper", "said the keeper"),
    ],
)
def test_signs_for_the_eye_are_not_said(shown, heard):
    assert said(shown) == heard


@pytest.mark.parametrize("shown", ["* * *", "———", "…", "•"])
def test_a_block_without_words_is_skipped_for_that_reason(shown):
    assert speak(block(shown), {}).skipped_because == "no_words"


def test_skipped_blocks_say_why():
    for kind in (BlockKind.FURNITURE, BlockKind.FOOTNOTE):
        spoken = speak(block("some words", kind), {})
        assert (spoken.text, spoken.skipped_because) == ("", kind.value)


def test_a_table_is_announced_once_in_the_language_of_the_text():
    assert said("a | b", BlockKind.TABLE) == "Table."
    assert said("a | b", BlockKind.TABLE, language="de") == "Tabelle."
    assert said("a | b", BlockKind.TABLE, language="xx") == "Table."
    assert said("c | d", BlockKind.TABLE, part=1) == ""


def test_a_table_that_is_wanted_is_read_cell_by_cell():
    policy = {BlockKind.TABLE: Speaking.SPEAK}

    assert said("a | b\nc | d", BlockKind.TABLE, policy) == "a, b, c, d"


def test_the_policy_decides_about_citations():
    speak_them = {SpanKind.CITATION: Speaking.SPEAK}
    announce = {SpanKind.CITATION: Speaking.ANNOUNCE}

    assert said("It is so [12].", policy=speak_them) == "It is so [12]."
    assert said("It is so [12].", policy=announce) == "It is so citation."


def test_linked_words_are_said_whatever_the_policy():
    shown = "the open sea"
    link = Span(4, 12, SpanKind.LINK, "https://example.org")
    policy = {SpanKind.LINK: Speaking.SKIP}

    assert speak(block(shown, spans=(link,)), policy).text == shown


def test_a_formula_in_a_sentence_is_said_in_words():
    shown = r"The area is \pi r^{2} here."
    formula = Span(12, 21, SpanKind.MATHS)

    assert said(shown, spans=(formula,)) == "The area is pi r squared here."


texts = st.text(st.sampled_from("ab. ,\n|•[]12¹…-—é日\t*_")).map(
    lambda text: text + "x"
)


@given(texts, st.sampled_from([{}, LISTEN_TO_ALL]), st.sampled_from(BlockKind))
def test_stretches_cover_what_is_said_and_lie_inside_what_is_shown(text, policy, kind):
    spoken = speak(block(text, kind), policy)

    ends = [0, *(stretch.spoken_end for stretch in spoken.stretches)]
    assert [s.spoken_start for s in spoken.stretches] == ends[:-1]
    assert ends[-1] == len(spoken.text)
    assert all(0 <= s.shown_start <= s.shown_end <= len(text) for s in spoken.stretches)
    shown_ends = [s.shown_end for s in spoken.stretches]
    assert shown_ends == sorted(shown_ends)


@given(texts)
def test_a_stretch_of_equal_length_says_the_very_same_letters(text):
    for stretch in speak(block(text), {}).stretches:
        heard = speak(block(text), {}).text[stretch.spoken_start : stretch.spoken_end]
        shown = text[stretch.shown_start : stretch.shown_end]
        if len(heard) == len(shown) and "," not in heard:
            assert heard.split() == shown.split()


@given(texts, st.sampled_from([{}, LISTEN_TO_ALL]))
def test_what_is_said_is_already_normal(text, policy):
    spoken = speak(block(text), policy).text

    assert spoken == normalise(spoken)


@given(texts, st.sampled_from(BlockKind))
def test_a_block_is_either_said_or_skipped_for_a_reason(text, kind):
    spoken = speak(block(text, kind), {})

    assert bool(spoken.text) == (spoken.skipped_because is None)


def test_the_summary_counts_paragraphs_and_stretches():
    blocks = [
        block("a | b", BlockKind.TABLE),
        block("c | d", BlockKind.TABLE, part=1),
        block("It is so [1] and so [2], see http://x.org."),
        block("12", BlockKind.FURNITURE),
    ]

    assert [(s.kind, s.count, s.action) for s in skipped_summary(blocks, {})] == [
        (SpanKind.CITATION, 2, Speaking.SKIP),
        (BlockKind.TABLE, 1, Speaking.ANNOUNCE),
        (BlockKind.FURNITURE, 1, Speaking.SKIP),
    ]
    assert skipped_summary(blocks, LISTEN_TO_ALL) == ()
