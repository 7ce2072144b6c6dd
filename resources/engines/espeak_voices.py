"""espeak-ng's own list of voices, turned into ours. Pure.

The library lists one voice for each language or accent, and separately some hundred
variants (``+f3``) that change how any of them sounds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from lectern.speech.voices import Voice

ENGINE = "espeak"
GENDERS: dict[int, Literal["male", "female"]] = {1: "male", 2: "female"}
VARIANTS: dict[str, tuple[str, Literal["male", "female", "neutral"]]] = {
    "f2": ("Female 2", "female"),
    "f3": ("Female 3", "female"),
    "f4": ("Female 4", "female"),
    "m3": ("Male 3", "male"),
    "m7": ("Male 7", "male"),
    "whisper": ("Whisper", "neutral"),
}
"""The variants offered with every voice. The file name decides the sound."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One voice as the library lists it."""

    code: str  # unique; the library's language code unless two voices share one
    name: str
    file: str  # "gmw/en-US"; unlike codes, every file name is accepted as a voice
    languages: tuple[tuple[str, int], ...]  # with priority, lower is better
    gender: int


def entries(described: Iterable[dict[str, Any]]) -> list[Entry]:
    """Return the library's list with a unique code for each voice."""
    taken: set[str] = set()
    found: list[Entry] = []
    for voice in described:
        languages = tuple((name.lower(), rank) for name, rank in voice["languages"])
        code = languages[0][0]
        if code in taken:
            code = voice["file"].rsplit("/", 1)[-1].lower()
        taken.add(code)
        found.append(
            Entry(code, voice["name"], voice["file"], languages, voice["gender"])
        )
    return found


def voices(listed: Iterable[Entry]) -> Iterator[Voice]:
    """Yield each voice and its variants, best first within a language."""
    for entry in sorted(listed, key=lambda one: (_primary(one), one.languages[0][1])):
        yield _voice(entry, "", entry.name, GENDERS.get(entry.gender, "neutral"))
        for variant, (name, gender) in VARIANTS.items():
            yield _voice(entry, f"+{variant}", f"{entry.name}, {name}", gender)


def preferred(listed: Iterable[Entry], language: str) -> Entry | None:
    """Return the voice that the library ranks first for a language tag."""
    wanted = language.lower().replace("_", "-")
    while wanted:
        ranked = [
            (rank, entry)
            for entry in listed
            for name, rank in entry.languages
            if name == wanted
        ]
        if ranked:
            return min(ranked, key=lambda pair: pair[0])[1]
        wanted = wanted.rpartition("-")[0]
    return None


def _primary(entry: Entry) -> str:
    return entry.languages[0][0].split("-")[0]


def _voice(
    entry: Entry,
    suffix: str,
    name: str,
    gender: Literal["male", "female", "neutral"],
) -> Voice:
    return Voice(
        id=f"{ENGINE}:{entry.code}{suffix}",
        engine=ENGINE,
        name=name,
        language=entry.languages[0][0],
        gender=gender,
        parameters={"file": entry.file + suffix},
    )
