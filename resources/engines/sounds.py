"""From a text to the finished sound of one block: spoken, checked, levelled, encoded.

Everything that is done here shows in ``Recipe``: change one without the other and
old sounds are taken for new ones.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lectern.errors import BadEngineReply
from lectern.speech.timing import WordTime
from lectern.speech.voices import Voice
from resources.engines.loudness import levelled
from resources.engines.opus import encode
from resources.engines.speech import Speech, SpeechEngine

SILENT_BELOW = 100  # of 32,768: −50 dB, under the softest vowel of any voice seen
TAIL_THRESHOLD = 33  # −60 dB: what follows is taken for the engine's own pause
TAIL_KEPT_MS = 40

LONGEST_SECONDS = 4.0
LONGEST_SECONDS_A_CHAR = 1.3  # "9" is a word, "👩‍🚒" is three; twice what was seen
SHORTEST_SECONDS_A_LETTER = 0.008  # an eighth of ordinary speech
FEW_LETTERS = 20  # too few to judge a short reply by


@dataclass(frozen=True, slots=True)
class Sound:
    """A block's sound, ready to be kept."""

    data: bytes  # Ogg Opus
    duration_ms: int
    words: tuple[WordTime, ...]
    elapsed_ms: int  # what it took to make


def make_sound(
    engine: SpeechEngine,
    text: str,
    voice: Voice,
    *,
    pause_ms: int,
    loudness_lufs: float,
    bit_rate: int,
) -> Sound:
    """Speak a text and return its finished sound, ``pause_ms`` of silence included.

    Raises:
        EngineError: The engine failed, or its reply cannot be this text.
    """
    started = time.perf_counter()
    speech = engine.synthesise(text, voice)
    check_reply(text, speech)
    samples = without_tail(speech.samples, speech.rate_hz)
    spoken_ms = len(samples) * 1000 // speech.rate_hz
    loud = levelled(samples, speech.rate_hz, target_lufs=loudness_lufs)
    pause = np.zeros(pause_ms * speech.rate_hz // 1000, np.int16)
    encoded = encode(np.concatenate([loud, pause]), speech.rate_hz, bit_rate=bit_rate)
    return Sound(
        data=encoded.data,
        duration_ms=encoded.duration_ms,
        words=tuple(_until(word, spoken_ms) for word in speech.words),
        elapsed_ms=round((time.perf_counter() - started) * 1000),
    )


def check_reply(text: str, speech: Speech) -> None:
    """Refuse a reply that cannot be this text.

    A text without letters or digits may be silent: engines say nothing of "* * *".

    Raises:
        BadEngineReply: It is silent, or far too long or too short.
    """
    seconds = len(speech.samples) / speech.rate_hz
    if seconds > LONGEST_SECONDS + LONGEST_SECONDS_A_CHAR * len(text):
        raise BadEngineReply(
            f"The engine made {seconds:.0f} seconds of sound from "
            f"{len(text)} characters."
        )
    letters = sum(char.isalnum() for char in text)
    if not letters:
        return
    if not speech.samples.size or np.abs(speech.samples).max() < SILENT_BELOW:
        raise BadEngineReply(f"The engine was silent on {_start_of(text)}.")
    if letters > FEW_LETTERS and seconds < SHORTEST_SECONDS_A_LETTER * letters:
        raise BadEngineReply(
            f"The engine spoke only {seconds:.2f} seconds on {_start_of(text)}."
        )


def without_tail(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    """Return the samples without the silence that the engine leaves at the end.

    How long that is differs by engine and by the last sign; pauses are ours to set.
    """
    audible = np.flatnonzero((samples > TAIL_THRESHOLD) | (samples < -TAIL_THRESHOLD))
    if not audible.size:
        return samples[:0]
    kept = int(audible[-1]) + 1 + TAIL_KEPT_MS * rate_hz // 1000
    return samples[:kept]


def _until(word: WordTime, end_ms: int) -> WordTime:
    if word.end_ms <= end_ms:
        return word
    start_ms = min(word.start_ms, end_ms)
    return WordTime(word.start_char, word.end_char, start_ms, end_ms)


def _start_of(text: str) -> str:
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"
