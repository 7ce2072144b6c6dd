"""One document as one voice reads it: what is said of each block, and under what key.

Worked out block by block when it is first asked for: a listener in the middle of a
long book must not wait for the rest of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from lectern.documents.blocks import Block
from lectern.documents.spoken import Policy, speak
from lectern.errors import EngineUnavailable
from lectern.ids import VariantKey, digest
from lectern.settings import Speech as SpeechSettings
from lectern.speech.pauses import pause_after_ms
from lectern.speech.sections import section_starts
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
    heard: tuple["Utterance", ...] = ()  # blocks before it that decide its sound

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
        stand_in: Voice | None = None,
        kept: Collection[VariantKey] = (),
        sound_owner: str = "",
        engines: SpeechEngines,
        settings: SpeechSettings,
    ) -> None:
        self.document = document
        self.voice = voice
        self._blocks = blocks
        self._policy = policy
        self._stand_in = stand_in  # reads in place of a voice that is gone,
        self._kept = kept  # but for these sounds, which that voice has left
        self._sound_owner = sound_owner  # see lectern.speech.privacy
        self._engines = engines
        self._settings = settings
        self._utterances: dict[int, Utterance | None] = {}
        self._speakers: dict[tuple[str, str, str], Voice] = {}  # by language

    @cached_property
    def _section_starts(self) -> Sequence[int]:
        return section_starts(self._blocks)

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
        if self._stand_in is None:
            return self._as_spoken_by(self.voice, block, text)
        return self._left_by_voice(block, text) or self._as_spoken_by(
            self._stand_in, block, text
        )

    def _left_by_voice(self, block: Block, text: str) -> Utterance | None:
        """Return what a voice that is gone has spoken already, else None."""
        try:
            said = self._as_spoken_by(self.voice, block, text)
        except EngineUnavailable:  # its engine is gone as well
            return None
        return said if said.key in self._kept else None

    def _as_spoken_by(self, chosen: Voice, block: Block, text: str) -> Utterance:
        place = (block.language, chosen.id, chosen.engine)
        if place not in self._speakers:
            self._speakers[place] = self._engines.voice_for(
                block.language, chosen, self.document.reader
            )
        voice = self._speakers[place]
        engine = self._engines.engine(voice.engine)
        pause_ms = pause_after_ms(block.kind, text)
        count = engine.context_blocks(voice)
        heard = self._heard(block.index, voice, count) if count else ()
        recipe = recipe_of(
            text,
            engine,
            voice,
            pause_ms,
            self._settings,
            heard=[utterance.key for utterance in heard],
            sound_owner=self._sound_owner,
        )
        key = variant_key(recipe)
        return Utterance(block, text, engine, voice, pause_ms, key, heard)

    def _heard(self, index: int, voice: Voice, count: int) -> tuple[Utterance, ...]:
        """Return the blocks before one that its voice has spoken in its section.

        From the section's start on: each then finds the one before it worked out.
        """
        before = self.utterances(range(self._section_starts[index], index))
        same_voice = [
            said
            for said in before
            if said.voice.id == voice.id and said.engine.name == voice.engine
        ]
        return tuple(same_voice[-count:])


def recipe_of(
    text: str,
    engine: SpeechEngine,
    voice: Voice,
    pause_ms: int,
    settings: SpeechSettings,
    *,
    heard: Sequence[VariantKey] = (),
    sound_owner: str = "",
) -> Recipe:
    """Return all that decides a block's sound; ``heard`` is the blocks before it."""
    return Recipe(
        text=text,
        engine=engine.name,
        engine_version=engine.version,
        phonemes_version=engine.phonemes_version,
        voice_digest=engine.voice_digest(voice),
        parameters=(
            ("loudness_lufs", f"{settings.loudness_lufs:g}"),
            ("pause_ms", str(pause_ms)),
        ),
        context_digest=digest(*heard) if heard else "",
        encoder=encoder_name(settings.bit_rate),
        sound_owner=sound_owner,
    )
