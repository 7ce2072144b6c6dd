"""Speech variants: everything that decides a sound, as one key."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from lectern.ids import VariantKey, digest

SCHEME = "1"
"""Raise to make every key new, when what a recipe means has changed."""


class Outcome(StrEnum):
    """How one request for a variant was met: the block-variant merge case."""

    SYNTHESISED = "synthesised"
    REPLAYED = "replayed"  # the same block asked again
    JOINED = "joined"  # somebody was already making it
    MERGED_SAME_DOCUMENT = "merged_same_document"
    MERGED_SAME_OWNER = "merged_same_owner"
    MERGED_OTHER_OWNER = "merged_other_owner"
    LOST = "lost"  # a row without its audio: made again


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides how a block sounds. Two equal recipes are one variant."""

    text: str
    engine: str
    engine_version: str
    phonemes_version: str  # version of the grapheme-to-phoneme step
    voice_digest: str
    parameters: tuple[tuple[str, str], ...]  # sorted by name
    context_digest: str  # empty for engines that hear no context
    encoder: str  # "opus 32000 voip 48000 v1"
    sound_owner: str = ""  # who alone may meet with it; empty: whoever asks


def normalise(text: str) -> str:
    """Return text in the one form that is spoken: NFC, single spaces, trimmed."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def variant_key(recipe: Recipe) -> VariantKey:
    """Return the digest of a recipe; equal exactly when the recipes are equal."""
    parameters = [part for pair in recipe.parameters for part in pair]
    key = digest(
        SCHEME,
        recipe.text,
        recipe.engine,
        recipe.engine_version,
        recipe.phonemes_version,
        recipe.voice_digest,
        recipe.context_digest,
        recipe.encoder,
        *parameters,
    )
    if recipe.sound_owner:
        key = digest(SCHEME, "of", recipe.sound_owner, key)
    return VariantKey(key)
