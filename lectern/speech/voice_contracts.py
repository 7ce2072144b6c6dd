"""Custom voices as they enter and leave Lectern: requests, rows and archives."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from lectern.contracts import Contract
from lectern.errors import InvalidRequest
from lectern.ids import BlobHash
from lectern.speech.custom_voices import (
    LONGEST_NAME,
    LONGEST_SCENE,
    LONGEST_TRANSCRIPT,
    MOST_PARTS,
    PART_NAME,
    Consent,
    Mix,
    Mode,
    Prompt,
    Recipe,
    Reference,
    Sampling,
    mix_of,
)

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PartName = Annotated[str, StringConstraints(pattern=f"^{PART_NAME.pattern}$")]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME),
]
Licence = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]


class MixBody(Contract):
    """A mix: weight by the engine's own voice name."""

    kind: Literal["mix"] = "mix"
    weights: dict[PartName, float] = Field(min_length=1, max_length=4 * MOST_PARTS)


class ConsentBody(Contract):
    """The consent to using a recorded voice."""

    statement: str = Field(min_length=10, max_length=1000)
    on: date


class ReferenceBody(Contract):
    """A clip, by the digest of its bytes, and what is said in it."""

    kind: Literal["reference"] = "reference"
    clip: Digest
    transcript: str = Field(min_length=1, max_length=LONGEST_TRANSCRIPT)
    consent: ConsentBody
    mode: Mode = Mode.ANCHORED


class SamplingBody(Contract):
    """How an engine is to draw its sound."""

    temperature: float = Field(default=0.3, ge=0, le=2)
    top_p: float = Field(default=0.95, gt=0, le=1)
    top_k: int = Field(default=50, ge=1, le=1000)
    seed: int = Field(default=42, ge=0, lt=2**31)


class PromptBody(Contract):
    """A scene."""

    kind: Literal["prompt"] = "prompt"
    scene: str = Field(min_length=1, max_length=LONGEST_SCENE)
    voice: Literal[""] | PartName = ""
    sampling: SamplingBody = SamplingBody()


RecipeBody = Annotated[
    MixBody | ReferenceBody | PromptBody, Field(discriminator="kind")
]

_RECIPE: TypeAdapter[MixBody | ReferenceBody | PromptBody] = TypeAdapter(RecipeBody)


def recipe_of(body: MixBody | ReferenceBody | PromptBody) -> Recipe:
    """Return a recipe that was read as a contract.

    Raises:
        InvalidRequest: Its parts do not fit together.
    """
    if isinstance(body, MixBody):
        return mix_of(body.weights.items())
    if isinstance(body, ReferenceBody):
        consent = Consent(" ".join(body.consent.statement.split()), body.consent.on)
        transcript = " ".join(body.transcript.split())
        return Reference(BlobHash(body.clip), transcript, consent, body.mode)
    sampling = Sampling(**body.sampling.model_dump())
    return Prompt(body.scene.strip(), body.voice, sampling)


def body_of(recipe: Recipe) -> MixBody | ReferenceBody | PromptBody:
    """Return a recipe as a contract."""
    if isinstance(recipe, Mix):
        return MixBody(weights={part.voice: part.weight for part in recipe.parts})
    if isinstance(recipe, Reference):
        consent = ConsentBody(statement=recipe.consent.statement, on=recipe.consent.on)
        return ReferenceBody(
            clip=recipe.clip,
            transcript=recipe.transcript,
            consent=consent,
            mode=recipe.mode,
        )
    chosen = recipe.sampling
    return PromptBody(
        scene=recipe.scene,
        voice=recipe.voice,
        sampling=SamplingBody(
            temperature=chosen.temperature,
            top_p=chosen.top_p,
            top_k=chosen.top_k,
            seed=chosen.seed,
        ),
    )


def recipe_from(kept: object) -> Recipe:
    """Return a recipe from the JSON it was kept as.

    Raises:
        InvalidRequest: It is none.
    """
    try:
        return recipe_of(_RECIPE.validate_python(kept, strict=False))
    except ValidationError as error:
        raise InvalidRequest(
            f"This is no recipe of a voice: {_first(error)}."
        ) from error


def recipe_json(recipe: Recipe) -> dict[str, object]:
    """Return a recipe as JSON."""
    return body_of(recipe).model_dump(mode="json")


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"


class NewVoice(Contract):
    """A voice to be made."""

    name: Name
    engine: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    language: Annotated[str, StringConstraints(min_length=2, max_length=16)]
    recipe: RecipeBody
    licence: Licence = ""
    description: Description = ""


class VoiceChange(Contract):
    """What may be changed of a voice; what is left out stays."""

    name: Name | None = None
    licence: Licence | None = None
    description: Description | None = None
    recipe: RecipeBody | None = None
    language: Annotated[str, StringConstraints(min_length=2, max_length=16)] | None = (
        None
    )
