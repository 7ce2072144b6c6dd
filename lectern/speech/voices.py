"""Voices: who speaks."""

from dataclasses import dataclass, field
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
