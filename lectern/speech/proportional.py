"""When words are heard, guessed from how much there is to say of each.

For engines that say nothing of it, in languages that nobody aligns. Silence counts
for nothing: a voice that pauses at a comma has not gone on in the text meanwhile.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from lectern.speech.words import TOKEN, WITHOUT_BLANKS, WordMark

_SYLLABLE_SIGN = re.compile(f"[{WITHOUT_BLANKS}]")
LETTER, DIGIT, SYLLABLE, BETWEEN = 1.0, 3.0, 2.5, 0.4
"""How long things take to say, in letters: "7" is a word, "漢" a syllable or two."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of sound in which somebody speaks."""

    start_ms: int
    end_ms: int  # exclusive


def proportional_marks(text: str, voiced: Sequence[Span]) -> list[WordMark]:
    """Return where each word of a text begins, if all of it is spoken evenly.

    ``voiced`` are the stretches with speech, in order. Without any there are no marks.
    """
    places, weights = _places(text)
    if not places or not voiced:
        return []
    before = [0.0, *accumulate(weights)]
    total_ms = sum(span.end_ms - span.start_ms for span in voiced)
    share = total_ms / before[-1]
    clock = _Clock(voiced)
    return [
        WordMark(char, clock.ms_after(before[number] * share))
        for number, char in enumerate(places)
    ]


def _places(text: str) -> tuple[list[int], list[float]]:
    """Return the first character of each spoken word, and how long each takes."""
    places: list[int] = []
    weights: list[float] = []
    for token in TOKEN.finditer(text):
        if _SYLLABLE_SIGN.match(token[0]):
            places += range(token.start(), token.end())
            weights += [SYLLABLE] * len(token[0])
            continue
        weight = sum(map(_weight, token[0]))
        if weight:
            places.append(token.start())
            weights.append(weight + BETWEEN)
    return places, weights


def _weight(char: str) -> float:
    category = unicodedata.category(char)
    if category == "Nd":
        return DIGIT
    return LETTER if category[0] == "L" else 0.0


class _Clock:
    """Speaking time to time on the clock: pauses are skipped."""

    def __init__(self, voiced: Sequence[Span]) -> None:
        self._voiced = voiced
        lengths = (span.end_ms - span.start_ms for span in voiced)
        self._spoken_before_ms = [0, *accumulate(lengths)][:-1]

    def ms_after(self, spoken_ms: float) -> int:
        """Return the moment at which so much has been spoken."""
        number = bisect_right(self._spoken_before_ms, spoken_ms) - 1
        inside_ms = spoken_ms - self._spoken_before_ms[number]
        return round(self._voiced[number].start_ms + inside_ms)
