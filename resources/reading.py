"""One document as one voice reads it: what is said of each block, and under what key.

Worked out block by block when it is first asked for: a listener in the middle of a
long book must not wait for the rest of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lectern.documents.blocks import Block
from lectern.documents.spoken import Policy, speak
from lectern.ids import VariantKey, digest
from lectern.settings import Speech as SpeechSettings
from lectern.speech.pauses import pause_after_ms
from lectern.speech.variants import Recipe, normalise, variant_key
from lectern.speech.voices import Voice
from resources.engines.opus import encoder_name
from resources.engines.speech import SpeechEngine
from resources.engines.voices import SpeechEngines
from resources.stores.catalog import Document
from resources.stores.variants import Link


@dataclass(frozen=True, slots=True)
class Utterance:
    """One block to be spoken."""

    block: Block
    text: str  # normalised; never empty
    engine: SpeechEngine
    voice: Voice  # who really speaks: another one where the language is another
    pause_ms: int
    key: VariantKey

    def link(self, duration_ms: int) -> Link:
        """Return the statement that the block sounds like the variant."""
        return Link(
            block_index=self.block.index,
            block_id=self.block.id,
            block_kind=self.block.kind,
            key=self.key,
            chars=len(self.text),
            duration_ms=duration_ms,
        )


class Reading:
    """A document's blocks, a voice and a policy."""

    def __init__(
        self,
        document: Document,
        blocks: Sequence[Block],
        *,
        voice: Voice,
        policy: Policy,
        engines: SpeechEngines,
        settings: SpeechSettings,
    ) -> None:
        self.document = document
        self.voice = voice
        self._blocks = blocks
        self._policy = policy
        self._engines = engines
        self._settings = settings
        self._utterances: dict[int, Utterance | None] = {}
        self._speakers: dict[str, Voice] = {}  # by language

    def __len__(self) -> int:
        return len(self._blocks)

    def is_spoken(self, index: int) -> bool:
        """Whether anything is said of a block."""
        return self.utterance(index) is not None

    def utterance(self, index: int) -> Utterance | None:
        """Return what is said of a block; None when it is skipped."""
        if index not in self._utterances:
            self._utterances[index] = self._utter(self._blocks[index])
        return self._utterances[index]

    def utterances(self, indices: Sequence[int]) -> list[Utterance]:
        """Return those of the blocks that are spoken."""
        said = (self.utterance(index) for index in indices)
        return [utterance for utterance in said if utterance is not None]

    def _utter(self, block: Block) -> Utterance | None:
        text = normalise(speak(block, self._policy).text)
        if not text:
            return None
        if block.language not in self._speakers:
            speaker = self._engines.voice_for(block.language, self.voice)
            self._speakers[block.language] = speaker
        voice = self._speakers[block.language]
        engine = self._engines.engine(voice.engine)
        pause_ms = pause_after_ms(block.kind, text)
        recipe = recipe_of(text, engine, voice, pause_ms, self._settings)
        return Utterance(block, text, engine, voice, pause_ms, variant_key(recipe))


def recipe_of(
    text: str,
    engine: SpeechEngine,
    voice: Voice,
    pause_ms: int,
    settings: SpeechSettings,
) -> Recipe:
    """Return all that decides a block's sound."""
    voice_parts = [part for pair in sorted(voice.parameters.items()) for part in pair]
    return Recipe(
        text=text,
        engine=engine.name,
        engine_version=engine.version,
        phonemes_version=engine.phonemes_version,
        voice_digest=digest(*voice_parts),
        parameters=(
            ("loudness_lufs", f"{settings.loudness_lufs:g}"),
            ("pause_ms", str(pause_ms)),
        ),
        context_digest="",  # no engine so far hears what came before
        encoder=encoder_name(settings.bit_rate),
    )
