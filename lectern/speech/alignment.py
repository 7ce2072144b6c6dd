"""From what a voice was given back to what stands on the page.

Word times count characters of the normalised text. Stretches count those of the text
as ``speak`` gave it, where spaces may be doubled and accents be characters of their
own.
"""

import re
import unicodedata
from bisect import bisect_right

from lectern.documents.spoken import Spoken, Stretch
from lectern.speech.variants import normalise

_WORD = re.compile(r"\S+")


def normalised_stretches(spoken: Spoken) -> tuple[Stretch, ...]:
    """Return the stretches of a text counted in its normalised form."""
    if normalise(spoken.text) == spoken.text:
        return spoken.stretches
    place = _Places(spoken.text)
    return tuple(
        Stretch(
            place.of(stretch.spoken_start),
            place.of(stretch.spoken_end),
            stretch.shown_start,
            stretch.shown_end,
        )
        for stretch in spoken.stretches
    )


def is_shown_as_said(normalised: str, shown: str) -> bool:
    """Whether both have the same letters at the same places: no map is needed."""
    return len(normalised) == len(shown) and all(
        said == seen or (said == " " and seen.isspace())
        for said, seen in zip(normalised, shown, strict=True)
    )


class _Places:
    """Where each character of a text lies once the text is normalised."""

    def __init__(self, text: str) -> None:
        self._raw_starts: list[int] = []
        self._words: list[tuple[str, int]] = []  # raw word, start when normalised
        start = 0
        for match in _WORD.finditer(text):
            self._raw_starts.append(match.start())
            self._words.append((match[0], start))
            start += len(unicodedata.normalize("NFC", match[0])) + 1
        self._length = max(0, start - 1)

    def of(self, raw: int) -> int:
        """Return the normalised place of a raw one; between words, the next word's."""
        index = bisect_right(self._raw_starts, raw) - 1
        if index < 0:
            return 0
        word, start = self._words[index]
        inside = raw - self._raw_starts[index]
        if inside <= len(word):
            return start + len(unicodedata.normalize("NFC", word[:inside]))
        has_next = index + 1 < len(self._words)
        return self._words[index + 1][1] if has_next else self._length
