"""Voices: who speaks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal


@dataclass(frozen=True, slots=True)
class Voice:
    """One way an engine can sound."""

    id: str  # "espeak:en-gb+f3": engine, colon, the engine's own name
    engine: str
    name: str  # for people: "English (Great Britain), Female 3"
    language: str  # BCP 47, "en-gb"
    gender: Literal["female", "male", "neutral"] = "neutral"
    parameters: dict[str, str] = field(default_factory=dict, hash=False)
    licence: str = ""  # SPDX identifier or a few words; empty when nobody states one
    owner_id: str = ""  # who made it; empty for a voice that an engine brings


SAME_LANGUAGE = {
    "cmn": "zh",
    "hak": "zh",
    "yue": "zh",
    "nb": "no",
    "nn": "no",
    "in": "id",
    "iw": "he",
    "fil": "tl",
    "arb": "ar",
    "pes": "fa",
}
"""Codes that name what a document's language code names too, or a part of it."""


def primary_language(tag: str) -> str:
    """Return the first part of a language tag, in the one code we compare by."""
    primary = tag.lower().replace("_", "-").split("-")[0]
    return SAME_LANGUAGE.get(primary, primary)


def speaks(voice: Voice, language: str) -> bool:
    """Whether a voice is made for a language, whatever the region."""
    return primary_language(voice.language) == primary_language(language)


def nearest_voices(wanted: str, voices: Sequence[Voice], *, most: int) -> list[Voice]:
    """Return the voices that a misspelt id or name may mean, the likeliest first.

    Compared are the name that people see and the engine's own; what stands before the
    colon counts a little, as it is the same for hundreds.
    """
    engine, colon, name = wanted.casefold().rpartition(":")
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(name)

    def likeness(voice: Voice) -> float:
        own = voice.id.partition(":")[2].casefold()
        ratios = []
        for each in (own, voice.name.casefold()):
            matcher.set_seq1(each)
            ratios.append(matcher.ratio())
        return max(ratios) + 0.1 * (bool(colon) and voice.engine.casefold() == engine)

    return sorted(voices, key=likeness, reverse=True)[:most]
