"""What every speech engine offers: text and a voice in, samples out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lectern.errors import BadEngineReply
from lectern.ids import BlobHash, digest
from lectern.jobs.accelerators import Accelerator
from lectern.speech.custom_voices import VoiceKind
from lectern.speech.timing import WordTime
from lectern.speech.voices import Voice, speaks

ReadBlob = Callable[[BlobHash], bytes]
"""Reads what a voice is made from: a recording."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Sound of one text."""

    samples: NDArray[np.int16]  # shape (samples,), mono
    rate_hz: int
    words: tuple[WordTime, ...]  # in order; empty when the engine states none
    encoded: bytes | None = None  # Ogg Opus, when that is what the engine sent


def joined(parts: Sequence[Speech]) -> Speech:
    """Return a text that was spoken in pieces as one sound.

    Raises:
        BadEngineReply: They differ in their rate.
    """
    if len(parts) == 1:
        return parts[0]
    rates_hz = {part.rate_hz for part in parts}
    if len(rates_hz) > 1:
        raise BadEngineReply("The engine changed the rate of its sound in a text.")
    return Speech(np.concatenate([part.samples for part in parts]), rates_hz.pop(), ())


@dataclass(frozen=True, slots=True)
class Heard:
    """A block before this one, for engines whose voice goes on from it."""

    text: str  # normalised
    sound: bytes  # Ogg Opus


class SpeechEngine(ABC):
    """Speaks texts. Safe to share between threads.

    The web app speaks too, for previews and for programs: what is heavy to load is in
    a process of its own (``resident.py``).
    """

    name: str
    version: str
    phonemes_version: str
    accelerator: Accelerator = Accelerator.CPU
    """Which machines may run it; an engine behind HTTP needs none here."""
    texts_at_once: int | None = None
    """How many threads may call ``synthesise`` together; None is one for each core."""
    custom_kinds: frozenset[VoiceKind] = frozenset()
    """Kinds of voices that people may make for it."""

    @abstractmethod
    def voices(self) -> Sequence[Voice]:
        """Return every voice, best first within a language.

        Raises:
            EngineUnavailable: The engine cannot say now.
        """

    def default_voice(self, language: str) -> Voice | None:
        """Return the engine's own choice for a language; None when it has none."""
        return next((voice for voice in self.voices() if speaks(voice, language)), None)

    def find(self, voice_id: str) -> Voice | None:
        """Return the voice with this id, which need not be a listed one."""
        return next((voice for voice in self.voices() if voice.id == voice_id), None)

    def voice_digest(self, voice: Voice) -> str:
        """Return a digest of everything in a voice that decides how it sounds."""
        parts = [part for pair in sorted(voice.parameters.items()) for part in pair]
        return digest(*parts)

    def context_blocks(self, voice: Voice) -> int:
        """Return how many blocks before a block decide its sound; mostly none."""
        return 0

    def price_micros(self, chars: int) -> int | None:
        """Return what speaking so many characters costs, in millionths of the unit
        of money; 0 is free, None is not known."""
        return 0

    def tensor(self, voice: Voice) -> NDArray[np.float32] | None:
        """Return the numbers that a mixed voice is made of, up to three dimensions;
        None where there are none, or none to give away."""
        return None

    def warm_up(self, voice: Voice, *, processes: int = 1) -> None:  # noqa: B027
        """Get ready for this many texts at a time, without waiting for it."""

    def close(self) -> None:  # noqa: B027  # most engines hold nothing
        """Let go of processes and memory; another call starts them again."""

    @abstractmethod
    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Speech:
        """Speak a normalised text. The same call gives the same samples.

        ``context`` holds the blocks before this one, oldest first: never more than
        ``context_blocks``, and fewer at the beginning of a section.

        Raises:
            EngineError: The engine crashed or replied with silence or nonsense.
        """
