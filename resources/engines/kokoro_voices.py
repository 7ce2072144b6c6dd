"""Kokoro's voices, as the names of their files tell them. Pure but for listing them.

The first letter is the language and the second the gender: ``af_heart`` is an
American woman, ``bm_george`` a British man.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from lectern.speech.voices import Voice

ENGINE = "kokoro"
LICENCE = "Apache-2.0"
LANGUAGES = {
    "a": ("en-us", "American English"),
    "b": ("en-gb", "British English"),
    "e": ("es", "Spanish"),
    "f": ("fr", "French"),
    "h": ("hi", "Hindi"),
    "i": ("it", "Italian"),
    "j": ("ja", "Japanese"),
    "p": ("pt-br", "Brazilian Portuguese"),
    "z": ("zh", "Mandarin Chinese"),
}
GENDERS: dict[str, Literal["female", "male"]] = {"f": "female", "m": "male"}
BEST = ("af_heart", "af_bella", "af_nicole", "bf_emma", "am_michael", "bm_george")
"""Those with the most and the best recordings behind them come first."""


def names(folder: Path) -> list[str]:
    """Return the names of the voices in a model's folder, best first."""
    found = {file.stem for file in (folder / "voices").glob("*.pt")}
    known = [name for name in found if name[:1] in LANGUAGES]
    return sorted(known, key=lambda name: (name[0], _rank(name), name))


def _rank(name: str) -> int:
    return BEST.index(name) if name in BEST else len(BEST)


def voices(listed: Iterable[str]) -> list[Voice]:
    """Return the engine's own voices."""
    return [_voice(name) for name in listed]


def _voice(name: str) -> Voice:
    language, said = LANGUAGES[name[0]]
    own = name.partition("_")[2] or name
    return Voice(
        id=f"{ENGINE}:{name}",
        engine=ENGINE,
        name=f"{own.replace('_', ' ').title()} ({said})",
        language=language,
        gender=GENDERS.get(name[1:2], "neutral"),
        parameters={"kind": "stock", "voice": name},
        licence=LICENCE,
    )


def weights(voice: Voice) -> dict[str, float]:
    """Return how much of each stock voice is in a voice."""
    if voice.parameters.get("kind") != "mix":
        return {voice.parameters["voice"]: 1.0}
    parts = (part.partition("=") for part in voice.parameters["voices"].split(","))
    return {name: float(weight) for name, _, weight in parts}


def letter(voice: Voice) -> str:
    """Return the letter of the language in which a voice reads.

    A mix of languages reads the one it is made for, and of its accents that which is
    strongest in it.
    """
    shares: dict[str, float] = {}
    for name, weight in weights(voice).items():
        shares[name[0]] = shares.get(name[0], 0.0) + weight
    ranked = sorted(shares, key=lambda one: (-shares[one], one))
    tag = voice.language.lower()
    spoken = {one: LANGUAGES[one][0] for one in ranked if one in LANGUAGES}
    exact = [one for one, language in spoken.items() if language == tag]
    alike = [one for one, language in spoken.items() if language[:2] == tag[:2]]
    return [*exact, *alike, *ranked][0]
