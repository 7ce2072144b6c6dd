"""What every speech engine offers: text and a voice in, samples out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lectern.speech.timing import WordTime
from lectern.speech.voices import Voice, speaks


@dataclass(frozen=True, slots=True)
class Speech:
    """Sound of one text."""

    samples: NDArray[np.int16]  # shape (samples,), mono
    rate_hz: int
    words: tuple[WordTime, ...]  # in order; empty when the engine states none


class SpeechEngine(ABC):
    """Speaks texts."""

    name: str
    version: str
    phonemes_version: str

    @abstractmethod
    def voices(self) -> Sequence[Voice]:
        """Return every voice, best first within a language."""

    def default_voice(self, language: str) -> Voice | None:
        """Return the engine's own choice for a language; None when it has none."""
        return next((voice for voice in self.voices() if speaks(voice, language)), None)

    def find(self, voice_id: str) -> Voice | None:
        """Return the voice with this id, which need not be a listed one."""
        return next((voice for voice in self.voices() if voice.id == voice_id), None)

    def warm_up(self, voice: Voice, *, processes: int = 1) -> None:  # noqa: B027
        """Get ready for this many texts at a time, without waiting for it."""

    def close(self) -> None:  # noqa: B027  # most engines hold nothing
        """Let go of processes and memory; another call starts them again."""

    @abstractmethod
    def synthesise(self, text: str, voice: Voice) -> Speech:
        """Speak a normalised text. The same call gives the same samples.

        Raises:
            EngineError: The engine crashed or replied with silence or nonsense.
        """
