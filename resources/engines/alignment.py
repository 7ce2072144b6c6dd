"""Word times for every engine that states none: found in the sound, else guessed.

English is aligned by pocketsphinx, which finds known words in known speech. Other
languages, and English where that fails or is not installed, are spread evenly over
the stretches with speech.
"""

import logging
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lectern.speech.proportional import Span, proportional_marks
from lectern.speech.timing import WordTime
from lectern.speech.voices import primary_language
from lectern.speech.words import TOKEN, WordMark, word_times
from resources.engines.english_sounds import sounds_of, words_of

ALIGNED_RATE_HZ = 16_000  # what the acoustic model was made for
FRAME_MS = 10
LOOK_MS = 10
SILENT_SHARE = 0.02  # of the loudest slice: −34 dB
PAUSE_MS = 120
"""Silence this long is a pause; shorter ones are part of a word ("t", "k")."""
WIDE_BEAM = 1e-100
"""The usual beam gives up on one sentence in three of synthetic speech."""
LONGEST_ALIGNED_SECONDS = 120

Samples = NDArray[np.int16]

logger = logging.getLogger(__name__)
_own = threading.local()


def align(
    text: str, samples: Samples, rate_hz: int, *, language: str
) -> list[WordTime]:
    """Return when each word of a normalised text is heard in its mono samples."""
    end_ms = len(samples) * 1000 // rate_hz
    marks: list[WordMark] = []
    if primary_language(language) == "en" and end_ms <= LONGEST_ALIGNED_SECONDS * 1000:
        marks = _forced_marks(text, samples, rate_hz)
    if not marks:
        marks = proportional_marks(text, voiced_spans(samples, rate_hz))
    return word_times(text, marks, end_ms=end_ms)


def voiced_spans(samples: Samples, rate_hz: int) -> list[Span]:
    """Return the stretches of a sound between its pauses."""
    size = max(1, rate_hz * LOOK_MS // 1000)
    count = len(samples) // size
    if not count:
        return []
    slices = samples[: count * size].reshape(count, size)
    peaks = np.maximum(
        slices.max(axis=1).astype(np.int32), -slices.min(axis=1).astype(np.int32)
    )
    loud = np.flatnonzero(peaks > max(1.0, peaks.max() * SILENT_SHARE))
    if not loud.size:
        return []
    breaks = np.flatnonzero(np.diff(loud) * LOOK_MS > PAUSE_MS)
    firsts = loud[np.concatenate([[0], breaks + 1])]
    lasts = loud[np.concatenate([breaks, [loud.size - 1]])]
    return [
        Span(int(first) * LOOK_MS, (int(last) + 1) * LOOK_MS)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _forced_marks(text: str, samples: Samples, rate_hz: int) -> list[WordMark]:
    """Return where each word begins, or nothing where it cannot be told."""
    decoder = _decoder()
    if decoder is None:
        return []
    chars: list[int] = []  # where the token of each word begins
    words: list[str] = []
    for token in TOKEN.finditer(text):
        for word in words_of(token[0]):
            if _knows(decoder, word):
                chars.append(token.start())
                words.append(word)
    if not words:
        return []
    found = _found(decoder, words, _resampled(samples, rate_hz))
    if len(found) != len(words):
        logger.debug("%d of %d words were found in a sound", len(found), len(words))
        return []
    first_ms: dict[int, int] = {}
    for char, ms in zip(chars, found, strict=True):
        first_ms.setdefault(char, ms)
    return [WordMark(char, ms) for char, ms in first_ms.items()]


def _found(decoder: Any, words: list[str], samples: Samples) -> list[int]:
    """Return the start of every word in milliseconds; none when it does not fit."""
    decoder.set_align_text(" ".join(words))
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    segments = decoder.seg()
    if segments is None:
        return []
    return [
        segment.start_frame * FRAME_MS
        for segment in segments
        if segment.word[0] not in "<[("  # silence and noise
    ]


def _knows(decoder: Any, word: str) -> bool:
    """Whether a word has a pronunciation; an unknown one is given a rough one."""
    if decoder.lookup_word(word) is not None:
        return True
    sounds = sounds_of(word)
    if not sounds:
        return False
    decoder.add_word(word, sounds, True)  # noqa: FBT003  (theirs)
    return True


def _decoder() -> Any:
    """Return this thread's decoder; None when pocketsphinx is not installed.

    One takes 0.3 s to make, and serves one thread at a time.
    """
    if not hasattr(_own, "decoder"):
        try:
            from pocketsphinx import Decoder
        except ImportError:
            logger.info("English is not aligned: `pip install lectern[align]` adds it")
            _own.decoder = None
        else:
            _own.decoder = Decoder(
                samprate=ALIGNED_RATE_HZ,
                bestpath=False,
                loglevel="FATAL",
                beam=WIDE_BEAM,
                wbeam=WIDE_BEAM,
                pbeam=WIDE_BEAM,
            )
    return _own.decoder


def _resampled(samples: Samples, rate_hz: int) -> Samples:
    """Return the samples at the rate of the acoustic model.

    Straight lines between samples do: the model looks at bands far below the errors
    that this makes.
    """
    if rate_hz == ALIGNED_RATE_HZ:
        return samples
    count = len(samples) * ALIGNED_RATE_HZ // rate_hz
    places = np.arange(count) * (rate_hz / ALIGNED_RATE_HZ)
    between = np.interp(places, np.arange(len(samples)), samples.astype(np.float32))
    whole: Samples = between.astype(np.int16)
    return whole
