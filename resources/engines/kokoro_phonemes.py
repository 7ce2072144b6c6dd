"""Phonemes for Kokoro, by misaki: each language by its own rules, and offline.

Runs in Kokoro's own interpreter. English is read by misaki's lexicon, with our rules
(``kokoro_tags.py``) in place of the model that it would download.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from resources.engines import kokoro_tags
from resources.engines.kokoro_units import (
    WORD,
    Unit,
    matched,
    placed,
    with_short_words,
)
from resources.engines.resident_work import Refused

ESPEAK = {"e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
EXTRAS = {
    "j": ("Japanese", "misaki[ja]"),
    "z": ("Mandarin Chinese", "misaki[zh]"),
}
REMEMBERED_WORDS = 20_000

Phonemes = tuple[list[Unit], bool]
"""The units of a text, and whether they name the characters that they speak."""


class Speller:
    """Turns texts of one language into phonemes. Loads in a second, used for long."""

    def __init__(self, letter: str) -> None:
        """Load what a language needs, named by the first letter of its voices.

        Raises:
            Refused: The language is none of Kokoro's, or a package is missing.
        """
        if letter in "ab":
            self._read: Callable[[str], Phonemes] = _english(british=letter == "b")
        elif letter in ESPEAK:
            self._read = _espeak(ESPEAK[letter])
        elif letter in EXTRAS:
            self._read = _with_extra(letter)
        else:
            raise Refused(f"there are no rules to read voices named “{letter}…” aloud")

    def units(self, text: str) -> Phonemes:
        """Return a text's units, in order."""
        shown, places = with_short_words(text)
        units, has_words = self._read(shown)
        return placed(units, places), has_words


def _english(*, british: bool) -> Callable[[str], Phonemes]:
    import spacy
    from misaki import en, espeak

    tokenise = spacy.blank("en")

    def nlp(text: str) -> Any:
        doc = tokenise(text)
        tags = kokoro_tags.tags([token.text for token in doc])
        for token, tag in zip(doc, tags, strict=True):
            token.tag_ = tag
        return doc

    # Its constructor would download a model; these are the fields that it sets.
    g2p = en.G2P.__new__(en.G2P)
    g2p.version = None
    g2p.british = british
    g2p.nlp = nlp
    g2p.lexicon = en.Lexicon(british)
    g2p.fallback = espeak.EspeakFallback(british=british)
    g2p.unk = ""

    def read(text: str) -> Phonemes:
        # Not preprocessed: that would take what looks like a link for instructions.
        _, tokens = g2p(text, preprocess=False)
        units: list[Unit] = []
        position = 0
        for token in tokens:
            phonemes = token.phonemes or ""
            found = text.find(token.text, position)
            start = position if found < 0 else found
            position = min(len(text), start + len(token.text))
            is_word = any(char.isalpha() for char in phonemes)
            has_space = bool(token.whitespace)
            if not phonemes.strip():
                phonemes = ""
            units.append(
                Unit(phonemes, start, position if is_word else start, has_space)
            )
        return _without_double_spaces(units), True

    return read


def _without_double_spaces(units: list[Unit]) -> list[Unit]:
    """Drop units that say nothing; the pause that followed them is heard once."""
    kept: list[Unit] = []
    for unit in units:
        if unit.phonemes:
            kept.append(unit)
        elif unit.has_space and kept and not kept[-1].has_space:
            last = kept[-1]
            kept[-1] = Unit(last.phonemes, last.start, last.end, has_space=True)
    return kept


def _espeak(language: str) -> Callable[[str], Phonemes]:
    from misaki import espeak

    g2p = espeak.EspeakG2P(language=language)
    one = lru_cache(REMEMBERED_WORDS)(lambda word: str(g2p(word)[0]))

    def read(text: str) -> Phonemes:
        alone = [one(word) for word in WORD.findall(text)]
        return matched(text, str(g2p(text)[0]), alone)

    return read


def _with_extra(letter: str) -> Callable[[str], Phonemes]:
    name, extra = EXTRAS[letter]
    try:
        if letter == "j":
            from misaki import ja

            g2p: Any = ja.JAG2P()
        else:
            from misaki import zh

            g2p = zh.ZHG2P()
    except (ImportError, RuntimeError, OSError) as error:
        raise Refused(
            f"{name} needs the package “{extra}” in Kokoro's environment ({error}). "
            f"Install it with: make kokoro KOKORO_EXTRAS='{extra}'"
        ) from error

    def read(text: str) -> Phonemes:
        # Their words are none that blanks tell apart: whoever aligns does better.
        return matched("", str(g2p(text)[0]), [])

    return read
