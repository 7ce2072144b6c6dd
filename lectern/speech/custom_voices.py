"""Voices that people make: what each kind is made of, and what an engine is told.

A custom voice is one of three recipes over an engine: a mix of its voices, a clip that
it imitates, or a scene that it plays. Everything that decides the sound ends up in
``Voice.parameters``, and nothing else does: names, licences and who may use a voice
change without a sound becoming another.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from lectern.errors import InvalidRequest
from lectern.ids import BlobHash, OwnerId
from lectern.speech.voices import Voice, primary_language

PREFIX = "custom"
LONGEST_NAME = 80
MOST_PARTS = 8
WEIGHT_DECIMALS = 4
LONGEST_TRANSCRIPT = 2000
LONGEST_SCENE = 2000
VOICE_ID = re.compile(r"custom:([0-9a-f]{32})")
PART_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
LONGEST_LANGUAGE = 16


class VoiceKind(StrEnum):
    """How a custom voice is made; an engine says which kinds it can speak."""

    MIX = "mix"
    REFERENCE = "reference"
    PROMPT = "prompt"


class Mode(StrEnum):
    """What a reference voice hears before it speaks."""

    ANCHORED = "anchored"  # its clip alone: equal texts sound equal everywhere
    CHAINED = "chained"  # the blocks before as well


class Visibility(StrEnum):
    """Who may use a voice beside the one who made it."""

    PRIVATE = "private"
    LINK = "link"  # whoever has accepted one of its links
    WORKSPACE = "workspace"  # everybody here
    PUBLIC = "public"  # everybody here, who may also take it away as a file


@dataclass(frozen=True, slots=True)
class Part:
    """One voice of a mix."""

    voice: str  # the engine's own name, "af_heart"
    weight: float


@dataclass(frozen=True, slots=True)
class Mix:
    """A weighted mean of an engine's voices. Made by ``mix_of``."""

    parts: tuple[Part, ...]  # sorted by name; weights sum to 1

    kind = VoiceKind.MIX

    def parameters(self) -> dict[str, str]:
        """Return what the engine is told."""
        said = ",".join(f"{part.voice}={_weight(part.weight)}" for part in self.parts)
        return {"kind": self.kind.value, "voices": said}


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person whose voice a clip holds has agreed to, and when."""

    statement: str
    on: date


@dataclass(frozen=True, slots=True)
class Reference:
    """A recorded clip that the engine imitates."""

    clip: BlobHash
    transcript: str  # what is said in the clip, word for word
    consent: Consent
    mode: Mode = Mode.ANCHORED

    kind = VoiceKind.REFERENCE

    def parameters(self) -> dict[str, str]:
        """Return what the engine is told."""
        return {
            "kind": self.kind.value,
            "audio": self.clip,
            "transcript": self.transcript,
            "mode": self.mode.value,
        }


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an engine that draws its sound by lot is to draw."""

    temperature: float = 0.3
    top_p: float = 0.95
    top_k: int = 50
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Prompt:
    """A scene in words that the engine plays, with one of its voices or without."""

    scene: str
    voice: str = ""  # the engine's own name; empty lets the engine choose
    sampling: Sampling = Sampling()

    kind = VoiceKind.PROMPT

    def parameters(self) -> dict[str, str]:
        """Return what the engine is told."""
        return {
            "kind": self.kind.value,
            "voice": self.voice,
            "scene": self.scene,
            "temperature": f"{self.sampling.temperature:g}",
            "top_p": f"{self.sampling.top_p:g}",
            "top_k": str(self.sampling.top_k),
            "seed": str(self.sampling.seed),
        }


Recipe = Mix | Reference | Prompt


@dataclass(frozen=True, slots=True)
class CustomVoice:
    """One voice that somebody made."""

    id: str  # 32 lower-case hex digits
    owner_id: OwnerId
    engine: str
    slug: str  # unique for an owner and an engine
    name: str
    language: str  # BCP 47, lower case
    recipe: Recipe
    engine_version: str  # at making
    licence: str
    description: str
    visibility: Visibility
    tensor: BlobHash | None  # of a mix that came with its tensor
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @property
    def voice_id(self) -> str:
        """Return the id by which documents and the API name it."""
        return f"{PREFIX}:{self.id}"

    def voice(self) -> Voice:
        """Return it as an engine takes it."""
        return Voice(
            id=self.voice_id,
            engine=self.engine,
            name=self.name,
            language=self.language,
            parameters=self.recipe.parameters(),
            licence=self.licence,
            owner_id=self.owner_id,
        )

    def is_stale(self, engine_version: str) -> bool:
        """Whether its engine has changed since it was made."""
        return engine_version != self.engine_version


def hex_of(voice_id: str) -> str | None:
    """Return the hex digits of a custom voice's id; None for any other voice."""
    found = VOICE_ID.fullmatch(voice_id)
    return found[1] if found else None


def mix_of(weights: Iterable[tuple[str, float]]) -> Mix:
    """Return a mix with weights that sum to 1.

    A voice named twice counts once with both weights; one without weight is left out.

    Raises:
        InvalidRequest: No voice has weight, there are too many, or a name or weight
            cannot be one.
    """
    summed: dict[str, float] = {}
    for name, weight in weights:
        if not PART_NAME.fullmatch(name):
            raise InvalidRequest(f"“{name[:64]}” is no name of a voice to mix.")
        if not 0 <= weight <= 1000:  # refuses what is no number, too
            raise InvalidRequest("The weight of a voice lies between 0 and 1,000.")
        summed[name] = summed.get(name, 0.0) + weight
    summed = {name: weight for name, weight in sorted(summed.items()) if weight > 0}
    if not summed:
        raise InvalidRequest("Give at least one voice of the mix some weight.")
    if len(summed) > MOST_PARTS:
        raise InvalidRequest(f"A mix takes up to {MOST_PARTS} voices.")
    total = sum(summed.values())
    shares = {
        name: round(weight / total, WEIGHT_DECIMALS) for name, weight in summed.items()
    }
    shares = {name: share for name, share in shares.items() if share > 0}
    # What rounding left over goes to the strongest, where it is heard least.
    strongest = max(shares, key=lambda name: (shares[name], name))
    others = sum(share for name, share in shares.items() if name != strongest)
    shares[strongest] = round(1 - others, WEIGHT_DECIMALS)
    return Mix(tuple(Part(name, share) for name, share in shares.items()))


def _weight(weight: float) -> str:
    """Return a weight with two to four decimals: each has one spelling."""
    whole, decimals = f"{weight:.{WEIGHT_DECIMALS}f}".split(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def language_tag(text: str) -> str:
    """Return a language tag in the one form that is kept.

    Raises:
        InvalidRequest: It is not one.
    """
    tag = text.strip().lower().replace("_", "-")
    if len(tag) > LONGEST_LANGUAGE or not LANGUAGE.fullmatch(tag):
        raise InvalidRequest(
            f"“{text[:40]}” is no language tag. Write one like “en” or “pt-br”."
        )
    return tag


def require_language(recipe: Recipe, language: str, stock: Iterable[Voice]) -> None:
    """Refuse a voice that would read a language none of its parts speaks.

    ``stock`` are the engine's own voices.

    Raises:
        InvalidRequest: Its parts speak other languages, or the engine lacks one.
    """
    if isinstance(recipe, Reference):
        return  # only who recorded the clip can say
    names = (
        [part.voice for part in recipe.parts]
        if isinstance(recipe, Mix)
        else [recipe.voice] * bool(recipe.voice)
    )
    spoken = {voice.parameters.get("voice", ""): voice.language for voice in stock}
    spoken |= {voice.id.partition(":")[2]: voice.language for voice in stock}
    for name in names:
        if name not in spoken:
            raise InvalidRequest(
                f"The engine has no voice “{name}”. Choose among those it lists."
            )
    languages = {primary_language(spoken[name]) for name in names}
    if languages and primary_language(language) not in languages:
        raise InvalidRequest(
            f"None of these voices speaks “{language}”. "
            f"They speak: {', '.join(sorted(languages))}."
        )


def slug_of(name: str) -> str:
    """Return a name as it stands in addresses and files; never empty.

    Letters of any script stay: two names in Chinese must not become one.
    """
    words = re.sub(r"[\W_]+", "-", name.casefold()).strip("-")
    return words[:LONGEST_NAME].strip("-") or "voice"
