"""From a text to the finished sound of one block: spoken, checked, levelled, encoded.

Everything that is done here shows in ``Recipe``: change one without the other and
old sounds are taken for new ones.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lectern.errors import BadEngineReply
from lectern.speech.timing import WordTime
from lectern.speech.voices import Voice
from resources.engines.alignment import align
from resources.engines.loudness import levelled, peak
from resources.engines.opus import encode
from resources.engines.opus_passing import passed_on
from resources.engines.speech import Heard, Speech, SpeechEngine

SILENT_BELOW = 100  # of 32,768: −50 dB, under the softest vowel of any voice seen
TAIL_THRESHOLD = 33  # −60 dB: what follows is taken for the engine's own pause
TAIL_KEPT_MS = 40
TAIL_LOOK_SAMPLES = 16_384  # from the end backwards: the tail is short

LONGEST_SECONDS = 4.0
LONGEST_SECONDS_A_CHAR = 1.3  # "9" is a word, "👩‍🚒" is three; twice what was seen
SHORTEST_SECONDS_A_LETTER = 0.008  # an eighth of ordinary speech
FEW_LETTERS = 20  # too few to judge a short reply by

NO_TURN = nullcontext()


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
    context: Sequence[Heard] = (),
    turn: AbstractContextManager[object] = NO_TURN,
) -> Sound:
    """Speak a text and return its finished sound, ``pause_ms`` of silence included.

    Word times that the engine does not state are found in the sound, and kept with
    it. What an engine has encoded itself is kept when it could be ours. ``turn`` is
    held while the engine speaks, and no longer.

    Raises:
        EngineError: The engine failed, or its reply cannot be this text.
    """
    with turn:
        started = time.perf_counter()
        speech = engine.synthesise(text, voice, context=context)
    check_reply(text, speech)
    samples = without_tail(speech.samples, speech.rate_hz)
    spoken_ms = len(samples) * 1000 // speech.rate_hz
    words = speech.words or align(
        text, samples, speech.rate_hz, language=voice.language
    )
    encoded = speech.encoded and passed_on(
        speech.encoded,
        speech.samples,
        speech.rate_hz,
        pause_ms=pause_ms,
        target_lufs=loudness_lufs,
        bit_rate=bit_rate,
    )
    if not encoded:
        loud = levelled(samples, speech.rate_hz, target_lufs=loudness_lufs)
        pause = np.zeros(pause_ms * speech.rate_hz // 1000, np.int16)
        whole = np.concatenate([loud, pause])
        encoded = encode(whole, speech.rate_hz, bit_rate=bit_rate)
    return Sound(
        data=encoded.data,
        duration_ms=encoded.duration_ms,
        words=tuple(_until(word, spoken_ms) for word in words),
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
    if peak(speech.samples) < SILENT_BELOW:
        raise BadEngineReply(f"The engine was silent on {_start_of(text)}.")
    if letters > FEW_LETTERS and seconds < SHORTEST_SECONDS_A_LETTER * letters:
        raise BadEngineReply(
            f"The engine spoke only {seconds:.2f} seconds on {_start_of(text)}."
        )


def without_tail(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    """Return the samples without the silence that the engine leaves at the end.

    How long that is differs by engine and by the last sign; pauses are ours to set.
    """
    for end in range(len(samples), 0, -TAIL_LOOK_SAMPLES):
        start = max(0, end - TAIL_LOOK_SAMPLES)
        part = samples[start:end]
        audible = np.flatnonzero((part > TAIL_THRESHOLD) | (part < -TAIL_THRESHOLD))
        if audible.size:
            last = start + int(audible[-1])
            return samples[: last + 1 + TAIL_KEPT_MS * rate_hz // 1000]
    return samples[:0]


def _until(word: WordTime, end_ms: int) -> WordTime:
    if word.end_ms <= end_ms:
        return word
    start_ms = min(word.start_ms, end_ms)
    return WordTime(word.start_char, word.end_char, start_ms, end_ms)


def _start_of(text: str) -> str:
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"
