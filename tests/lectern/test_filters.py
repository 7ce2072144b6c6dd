"""Rules say otherwise what they find, and nothing else changes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.accounts.limits import Limits
from lectern.documents import filtering
from lectern.documents.filter_files import filters_from_json, filters_to_json
from lectern.documents.filter_patterns import WINDOW_CHARS, compiled, windows
from lectern.documents.filtering import Work, filtered, rewrite
from lectern.documents.filters import (
    Filter,
    Rule,
    RuleKind,
    Where,
    active_rules,
    cleaned,
    rules_digest,
)
from lectern.documents.pages import BlockKind, Span, SpanKind
from lectern.documents.rewriting import Rewriting, rewritten
from lectern.documents.spoken import speak
from lectern.errors import BadPattern, InvalidRequest, LimitReached
from tests.support.stores import some_text


def pattern(find: str, replacement: str = "", **more: object) -> Rule:
    made = Rule(find, replacement, RuleKind.PATTERN, is_whole_words=False)
    return replace(made, **more)


def said(text: str, *rules: Rule, language: str = "en") -> str:
    work = Work(chars_left=10_000)
    return rewrite(text, rules, language=language, work=work).text


def spoken(text, index: int = 0) -> str:
    return speak(text.blocks[index], {}).text


# What is found


def test_words_are_found_whole_in_any_case_and_over_any_white_space():
    rule = Rule("st john", "Saint John")

    assert said("St  John met\nst\u00a0john, best johnny.", rule) == (
        "Saint John met\nSaint John, best johnny."
    )


def test_a_whole_word_ends_where_a_letter_of_any_script_does():
    rule = Rule("été", "summer")

    assert said("été étés d’été, tété été", rule) == "summer étés d’summer, tété summer"


def test_words_that_begin_or_end_with_a_sign_are_found():
    assert said("It costs $5, C++ too.", Rule("C++", "C plus plus")) == (
        "It costs $5, C plus plus too."
    )
    assert said("a$5 or $5.", Rule("$5", "five dollars")) == (
        "afive dollars or five dollars."
    )


def test_either_apostrophe_is_found():
    rule = Rule("o'clock", "hours")

    assert said("five o’clock, six o'clock", rule) == "five hours, six hours"


def test_case_counts_where_it_is_to():
    rule = Rule("US", "United States", is_case_sensitive=True)

    assert said("The US told us.", rule) == "The United States told us."


def test_a_rule_bears_on_its_languages_alone():
    rule = Rule("die", "dee", languages=("de",))

    assert said("die", rule, language="de") == "dee"
    assert said("die", rule, language="en") == "die"


def test_groups_of_a_pattern_are_said_again():
    rule = pattern(r"(\d+)\s*km/(?P<per>[hs])", r"\1 kilometres per \g<per>")

    assert said("at 90 km/h", rule) == "at 90 kilometres per h"
    whole = replace(rule, is_whole_words=True)
    assert said("at 90 km/h, 90 km/hr", whole) == "at 90 kilometres per h, 90 km/hr"


def test_a_pattern_that_finds_nothing_replaces_nothing():
    assert said("baaa", pattern("a*", "x")) == "bx"
    assert said("été", pattern("z?", "x")) == "été"


def test_a_later_rule_sees_what_an_earlier_one_said():
    rules = [Rule("Dr.", "Doctor", is_whole_words=False), Rule("Doctor Lu", "Doc")]

    assert said("Dr. Lu and Dr. No", *rules) == "Doc and Doctor No"


@pytest.mark.parametrize(
    ("find", "at", "advice"),
    [
        (r"a(?<=x)b", 1, "look behind"),
        (r"ab(?!x)", 2, "look ahead"),
        (r"(a)\1", 3, "References back"),
        (r"ab(c", 2, "is not closed"),
        (r"a)b(", 1, "closes nothing"),
        (r"x[ab", 1, "is not closed"),
        (r"ab++", 2, "possessive"),
        (r"(x{1000}){1000}", 9, "repetitions"),
        ("a\\", 1, "single"),
        (r"(\pL{9}){99}", 0, "too large"),
    ],
)
def test_what_re2_refuses_is_told_with_its_place_and_what_to_do(find, at, advice):
    with pytest.raises(BadPattern, match=advice) as caught:
        compiled(pattern(find))

    assert caught.value.at == at


def test_brackets_that_only_fit_into_our_own_are_refused():
    with pytest.raises(BadPattern):
        compiled(pattern("a)(b", is_whole_words=True))


def test_a_replacement_may_name_only_groups_that_are_there():
    with pytest.raises(BadPattern, match="no such group"):
        compiled(pattern("(a)b", r"\2"))


# Work is bounded


@pytest.mark.parametrize(
    "find",
    [
        "(a+)+$",
        "(a|aa)+$",
        "(.*a){12}$",
        "(a*)*b",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(x+x+)+y",
    ],
)
def test_hostile_patterns_do_work_in_proportion_to_the_text(find):
    """A backtracking engine takes 2 to the 3 000th steps for the first of these."""
    rule = pattern(find, "-")
    scanned = []
    for chars in (1_000, 2_000, 3_000):
        work = Work(chars_left=0)
        rewrite("a" * chars + "!", [rule], language="en", work=work)
        scanned.append(work.scanned)

    assert scanned == [1_001, 2_001, 3_001]


def test_a_match_for_every_character_ends():
    work = Work(chars_left=0, places_left=2_000)

    text = rewrite("ab" * 9_000, [pattern("a.*?z|a", "-")], language="en", work=work)

    assert text.text.count("-") == 2_000
    assert work.left_out == 1  # and nothing more was looked for


def test_looking_for_what_changes_nothing_ends_too(monkeypatch):
    monkeypatch.setattr(filtering, "MOST_SCANNED", 100_000)
    work = Work(chars_left=0)

    text = rewrite("a" * 4_000, [pattern("a.*?z|a", "a")], language="en", work=work)

    assert text.changes == ()
    assert (work.scanned <= 100_000, work.left_out) == (True, 1)


def test_a_text_does_not_grow_past_its_allowance():
    text = some_text(*[f"a {number}" for number in range(2_000)])
    bomb = [pattern("(a+)", r"\1\1\1\1\1\1\1\1\1\1") for _ in range(5)]

    result = filtered(text, bomb)

    grown = sum(len(speak(block, {}).text) for block in result.text.blocks)
    assert grown <= sum(len(b.shown) for b in text.blocks) + 10_000 + 11_000
    assert result.work.left_out > 0


def test_no_block_is_said_at_many_times_its_length():
    text = some_text("a tiny block")

    result = filtered(text, [Rule("tiny", "x" * 500)])

    assert spoken(result.text) == "a tiny block"
    assert (result.touched, result.work.left_out) == (frozenset(), 1)


def test_long_paragraphs_are_looked_at_in_windows_that_cover_them():
    text = "word " * 3_000

    pieces = list(windows(text))

    assert "".join(text[low:high] for low, high in pieces) == text
    assert max(high - low for low, high in pieces) <= WINDOW_CHARS
    assert said(text, Rule("word", "sword")) == "sword " * 3_000


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Filter(" "), InvalidRequest),
        (Filter("x" * 81), LimitReached),
        (Filter("f", (Rule(" "),)), InvalidRequest),
        (Filter("f", (Rule("\ud800"),)), InvalidRequest),
        (Filter("f", (Rule("x" * 501),)), LimitReached),
        (Filter("f", (Rule("x", "y" * 501),)), LimitReached),
        (Filter("f", (Rule("x"),) * 201), LimitReached),
        (Filter("f", (Rule("x", languages=("en",) * 21),)), InvalidRequest),
    ],
)
def test_what_is_too_much_or_too_little_is_refused(wanted, error):
    with pytest.raises(error):
        cleaned(wanted, Limits())


# Nothing is lost

LETTERS = "abé 𝄞x"
TEXTS = st.text(LETTERS, max_size=40)
RULES = st.lists(
    st.builds(
        Rule,
        find=st.text("abé𝄞x", min_size=1, max_size=2),
        replacement=st.text(LETTERS, max_size=4),
        is_whole_words=st.booleans(),
    ),
    max_size=4,
)


@given(TEXTS, RULES)
def test_changes_lead_from_the_source_to_the_text_and_lose_nothing(source, rules):
    work = Work(chars_left=10_000)

    rewriting = rewrite(source, rules, language="en", work=work)

    assert rewritten(source, rewriting.changes) == rewriting.text
    ends = [0, *(change.end for change in rewriting.changes)]
    starts = [*(change.start for change in rewriting.changes), len(source)]
    assert all(end <= start for end, start in zip(ends, starts, strict=True))


@given(TEXTS, RULES)
def test_the_text_is_what_one_replacement_after_another_gives(source, rules):
    text = source
    for rule in rules:
        found = list(compiled(rule).matches(text))
        text = rewritten(text, found)

    assert said(source, *rules) == text


@given(st.lists(TEXTS.filter(str.strip), min_size=1, max_size=4), RULES)
def test_a_word_that_is_said_points_to_where_it_is_shown(shown, rules):
    text = some_text(*shown)

    result = filtered(text, rules)

    assert [b.shown for b in result.text.blocks] == [b.shown for b in text.blocks]
    assert [b.id for b in result.text.blocks] == [b.id for b in text.blocks]
    for block in result.text.blocks:
        told = speak(block, {})
        at = 0
        for stretch in told.stretches:
            assert stretch.spoken_start == at
            at = stretch.spoken_end
            assert 0 <= stretch.shown_start < stretch.shown_end <= len(block.shown)
            changed = [s for s in block.spans if s.kind is SpanKind.SAID]
            is_kept = not any(
                s.start < stretch.shown_end and s.end > stretch.shown_start
                for s in changed
            )
            if is_kept:
                here = told.text[stretch.spoken_start : stretch.spoken_end]
                there = block.shown[stretch.shown_start : stretch.shown_end]
                assert here.split() == there.split()
        assert at == len(told.text)


def test_two_matches_inside_one_earlier_change_are_one_change():
    rewriting = Rewriting("x-y")
    rewriting.replace(list(compiled(pattern("-", "aba")).matches("x-y")))
    rewriting.replace(list(compiled(pattern("a", "c")).matches(rewriting.text)))

    assert rewriting.text == "xcbcy"
    assert [(c.start, c.end, c.said) for c in rewriting.changes] == [(1, 2, "cbc")]


# Of a document


def test_what_is_only_said_leaves_the_page_alone():
    text = some_text("Hermione came.", "Nobody else did.")

    result = filtered(text, [Rule("Hermione", "Her-my-oh-knee")])

    assert result.text.blocks[0].shown == "Hermione came."
    assert spoken(result.text) == "Her-my-oh-knee came."
    assert result.text.blocks[1] == text.blocks[1]
    assert (result.places, result.touched) == (1, {text.blocks[0].id})
    stretches = speak(result.text.blocks[0], {}).stretches
    assert [(s.shown_start, s.shown_end) for s in stretches] == [(0, 8), (8, 14)]


def test_words_that_are_left_out_leave_no_blanks_and_no_loose_commas():
    text = some_text("He said, um, yes um.")

    result = filtered(text, [Rule("um")])

    assert spoken(result.text) == "He said,, yes."


def test_a_match_over_the_end_of_a_block_is_said_where_it_begins():
    first, second = some_text("ends with New", "York here").blocks
    second = replace(second, paragraph=0, part=1, start_char=14, end_char=23)
    text = replace(some_text("x"), blocks=(replace(first, end_char=13), second))

    result = filtered(text, [Rule("New York", "the city")])

    assert [spoken(result.text, i) for i in (0, 1)] == ["ends with the city", "here"]


def test_an_own_rule_counts_before_what_is_skipped_by_itself():
    text = some_text("As shown [3] here [4].")
    spans = (Span(9, 12, SpanKind.CITATION), Span(18, 21, SpanKind.CITATION))
    text = replace(text, blocks=(replace(text.blocks[0], spans=spans),))
    rule = pattern(r"\[3\]", "in note three")

    assert spoken(filtered(text, [rule]).text) == "As shown in note three here."
    over = pattern(r"shown \[", "seen ")  # what it leaves of the citation stays silent
    assert spoken(filtered(text, [over]).text) == "As seen here."


def test_what_changes_the_page_keeps_ids_and_moves_marks():
    text = some_text("The Iine of the Iaw is long.", "Untouched.")
    spans = (Span(16, 19, SpanKind.EMPHASIS),)
    text = replace(text, blocks=(replace(text.blocks[0], spans=spans), text.blocks[1]))
    rule = pattern(r"\bI(ine|aw)\b", r"thel\1", where=Where.SHOWN)

    block = filtered(text, [rule]).text.blocks[0]

    assert block.shown == "The theline of the thelaw is long."
    assert block.id == text.blocks[0].id
    (span,) = block.spans
    assert block.shown[span.start : span.end] == "thelaw"


def test_a_block_that_is_left_out_is_gone_and_chapters_stand_where_it_stood():
    from lectern.documents.blocks import Chapter

    text = some_text("One", "Downloaded by me", "Two")
    text = replace(
        text, chapters=(Chapter("Downloaded by me", 1, 1), Chapter("Two", 1, 2))
    )
    rule = Rule("Downloaded by me", where=Where.SHOWN)

    result = filtered(text, [rule]).text

    assert [(b.index, b.shown) for b in result.blocks] == [(0, "One"), (1, "Two")]
    assert [c.block_index for c in result.chapters] == [1, 1]


def test_a_document_is_never_filtered_away():
    text = some_text("One", "Two")

    result = filtered(text, [pattern(".+", where=Where.SHOWN)])

    assert result.text == text


def test_tables_that_are_announced_stay_announced():
    text = some_text("a | b")
    text = replace(text, blocks=(replace(text.blocks[0], kind=BlockKind.TABLE),))

    assert spoken(filtered(text, [Rule("a", "alpha")]).text) == "Table."


# Written down


def test_filters_come_back_from_their_file_as_they_were():
    kept = [
        Filter("Names", (Rule("Nguyễn", "win", languages=("en",)),), is_enabled=False),
        Filter("Marks", (pattern(r"\[(\d+)\]", r"note \1", where=Where.SHOWN),)),
    ]

    assert filters_from_json(filters_to_json(kept)) == kept


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"filters":[]}', b'{"filters":[{"name":"x","ruls":[]}]}'],
)
def test_a_file_of_something_else_is_refused(data):
    with pytest.raises(InvalidRequest, match="not a file of filters"):
        filters_from_json(data)


def test_rules_have_one_name_in_their_order_and_none_when_all_are_off():
    one, two = Rule("a", "b"), Rule("c", "d")

    assert rules_digest([one, two]) != rules_digest([two, one])
    off = [Filter("f", (replace(one, is_enabled=False),)), Filter("g", (two,), False)]
    assert rules_digest(active_rules(off)) == ""
