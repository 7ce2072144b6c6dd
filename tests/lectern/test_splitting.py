"""Paragraphs are cut into blocks without losing a letter, and edits stay local."""

import random

from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.splitting import HARD_CHARS, cut, cut_lines, needs_sentences
from tests.support.printing import prose

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=400)
paragraphs = st.lists(words, max_size=60).map(lambda parts: " ".join(parts).strip())


def starts_of(text: str) -> list[int]:
    return [n + 2 for n in range(len(text) - 2) if text[n : n + 2] == ". "]


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in cut(text, starts_of(text))]


@given(paragraphs)
def test_joining_the_blocks_restores_the_paragraph(text):
    assert "".join("".join(pieces(text)).split()) == "".join(text.split())


@given(paragraphs)
def test_no_block_is_longer_than_allowed_and_none_is_blank(text):
    assert all(0 < len(piece) <= HARD_CHARS for piece in pieces(text))
    assert all(piece.strip() == piece for piece in pieces(text))


@given(paragraphs)
def test_blocks_follow_each_other(text):
    edges = [edge for span in cut(text, starts_of(text)) for edge in span]

    assert edges == sorted(edges)


@given(st.integers(0, 10**6), st.integers(5, 60))
def test_blocks_of_plain_sentences_end_with_a_sentence(seed, sentences):
    text = prose(seed, sentences=sentences)

    assert all(piece.endswith(".") for piece in pieces(text))


def test_blocks_are_about_250_characters():
    found = pieces(prose(1, sentences=400))

    assert 215 <= sum(map(len, found)) / len(found) <= 285


def test_a_short_paragraph_is_one_block():
    assert pieces(prose(1, sentences=2)) == [prose(1, sentences=2)]
    assert not needs_sentences(prose(1, sentences=2))


def test_an_endless_sentence_is_cut_at_clauses_then_at_words():
    clauses = ", ".join(["and the boats leaned to the water"] * 20)
    bare = " ".join(["boats"] * 200)

    assert all(piece.endswith(",") for piece in pieces(clauses)[:-1])
    assert all(set(piece.split()) == {"boats"} for piece in pieces(bare))


def test_a_semicolon_is_a_better_place_than_a_comma():
    text = "the lamp, " * 18 + "the end; " + "the lamp, " * 20

    assert pieces(text.strip())[0].endswith(";")


def test_an_endless_word_is_cut_all_the_same():
    assert [len(piece) for piece in pieces("x" * 700)] == [325, 325, 50]


def test_a_cut_inside_a_word_keeps_marks_with_their_letter():
    text = "e\u0301" * 400

    assert all(not piece.startswith("\u0301") for piece in pieces(text))


def test_chinese_is_cut_shorter_as_each_sign_says_more():
    text = "今天天气很好，我们去海边看船，大家都很高兴。" * 30
    ends = [n + 1 for n, char in enumerate(text) if char == "。"]
    found = [text[a:b] for a, b in cut(text, ends[:-1])]

    assert max(map(len, found)) <= 140
    assert all(piece.endswith("。") for piece in found)


def test_chinese_without_any_stop_is_cut_between_signs():
    assert max(len(piece) for piece in pieces("船" * 500)) <= 140


def test_tables_are_cut_between_rows():
    text = "\n".join(f"row {n} | {n * n}" for n in range(100))
    found = [text[a:b] for a, b in cut_lines(text)]

    assert all(piece.startswith("row") for piece in found)
    assert "\n".join(found) == text


def test_an_edit_in_a_long_paragraph_changes_only_blocks_near_it():
    sentences = prose(3, sentences=200).split(". ")
    edited = [*sentences[:50], "A new sentence stands here now", *sentences[50:]]
    before, after = pieces(". ".join(sentences)), pieces(". ".join(edited))

    assert sum(piece not in before for piece in after) <= 4


def test_many_edits_still_leave_most_of_a_long_paragraph():
    chance = random.Random(1)
    sentences = prose(3, sentences=2000).split(". ")
    before = set(pieces(". ".join(sentences)))
    for _ in range(8):
        sentences.insert(chance.randrange(2000), "Something else was said here")
    after = pieces(". ".join(sentences))

    new = sum(len(piece) for piece in after if piece not in before)
    assert new <= 0.04 * sum(map(len, after))
