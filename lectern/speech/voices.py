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
