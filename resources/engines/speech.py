"""What every speech engine offers: text and a voice in, samples out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lectern.speech.timing import WordTime
from lectern.speech.voices import Voice


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

    @abstractmethod
    def synthesise(self, text: str, voice: Voice) -> Speech:
        """Speak a normalised text. The same call gives the same samples.

        Raises:
            EngineError: The engine crashed or replied with silence or nonsense.
        """
