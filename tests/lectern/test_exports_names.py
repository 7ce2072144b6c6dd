"""File names that any system takes, whatever a document is called."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.exports.languages import three_letters
from lectern.exports.names import NAME_BYTES, numbered_names, safe_name


@given(st.text(max_size=400))
def test_no_title_makes_a_bad_name(title):
    name = safe_name(title, "m4b")

    assert name.endswith(".m4b")
    assert 4 < len(name.encode()) <= NAME_BYTES
    assert not set(name) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in name)
    assert not any(char in "\u202a\u202e\u2066\u2069" for char in name)
    assert name == name.strip()
    assert not name.startswith(".")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("War and Peace", "War and Peace.mp3"),
        ("../../etc/passwd", "etc-passwd.mp3"),
        ("C:\\Windows\\x", "C-Windows-x.mp3"),
        ("<script>alert(1)</script>", "script alert(1)-script.mp3"),
        ("CON", "Untitled CON.mp3"),
        ("lpt1.txt", "Untitled lpt1.txt.mp3"),
        ("", "Untitled.mp3"),
        ("…", "….mp3"),
        ("...", "Untitled.mp3"),
        ("Line\nbreak\tand \x00 nul", "Line break and nul.mp3"),
        ("evil\u202e3pm.exe", "evil 3pm.exe.mp3"),
        ("שלום עולם", "שלום עולם.mp3"),
        ("👩‍🚒 at work", "👩‍🚒 at work.mp3"),
        ("e\u0301te\u0301", "été.mp3"),
    ],
)
def test_names_say_what_titles_say(title, name):
    assert safe_name(title, "mp3") == name


def test_a_long_title_is_cut_between_signs():
    name = safe_name("👩‍🚒" * 100, "epub")

    stem = name.removesuffix(".epub")
    assert len(name.encode()) <= NAME_BYTES
    assert not stem.endswith("\u200d")


def test_names_of_a_zip_are_all_different_and_sort_as_the_chapters_do():
    names = numbered_names(["Same", "same", "", "\u0000"] * 30, "mp3")

    assert len({name.casefold() for name in names}) == 120
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("language", "code"),
    [("en", "eng"), ("pt-BR", "por"), ("yue", "yue"), ("", "und"), ("x1", "und")],
)
def test_languages_are_told_in_three_letters(language, code):
    assert three_letters(language) == code
