"""A text as the model is given it: phonemes that know which characters they speak.

Phonemes are cut into pieces that the model takes, nothing is dropped on the way, and
what the model says of each phoneme's length becomes the times of words. Pure.
"""

import difflib
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

MOST_PHONEMES = 510
"""What the model takes at once, without the two signs that it adds."""
FRAME_MS = 25
OFFSET_FRAMES = 3
"""How far what the model states lags behind what is heard, as its authors found."""
LONGEST_WORD = 80
"""Characters; what is longer is an address or a slip."""
SENTENCE_ENDS = frozenset(".!?…。！？")
CLAUSE_ENDS = frozenset(",;:—")
LEAST_LIKENESS = 0.6
"""Below this, phonemes of single words tell nothing of those of the text."""

WORD = re.compile(r"\S+")
MARKS = re.compile(r"^([^\wˈˌ]*)(.*?)([^\wˈˌː̃ᵊʲʰ]*)$", re.DOTALL)


Heard = tuple[int, int, int, int]
"""Start and end of a word, in characters and then in milliseconds."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Phonemes of one word, or of one mark."""

    phonemes: str
    start: int  # characters of the text; equal to ``end`` where none is spoken
    end: int
    has_space: bool  # a pause between words follows, itself a phoneme

    @property
    def length(self) -> int:
        """Return how many phonemes the model is given for it."""
        return len(self.phonemes) + self.has_space


def with_short_words(text: str) -> tuple[str, list[int]]:
    """Return a text whose long words are cut by blanks, and where each character was.

    Spellers forget the end of a word that is longer than any of their language.
    """
    shown: list[str] = []
    places: list[int] = []
    length = 0
    for place, char in enumerate(text):
        length = 0 if char.isspace() else length + 1
        if length > LONGEST_WORD:
            shown.append(" ")
            places.append(place)
            length = 1
        shown.append(char)
        places.append(place)
    return "".join(shown), [*places, len(text)]


def placed(units: Sequence[Unit], places: Sequence[int]) -> list[Unit]:
    """Return units that name characters of the text as it was before it was cut."""
    return [
        Unit(unit.phonemes, places[unit.start], places[unit.end], unit.has_space)
        for unit in units
    ]


def known(units: Sequence[Unit], vocabulary: Set[str]) -> tuple[list[Unit], int]:
    """Return the units with what the model knows, and how many phonemes it does not."""
    kept, dropped = [], 0
    for unit in units:
        phonemes = "".join(char for char in unit.phonemes if char in vocabulary)
        dropped += len(unit.phonemes) - len(phonemes)
        kept.append(Unit(phonemes, unit.start, unit.end, unit.has_space))
    return kept, dropped


def pieces(units: Sequence[Unit], most: int = MOST_PHONEMES) -> Iterator[list[Unit]]:
    """Cut a text where a speaker would: after sentences, else clauses, else words.

    A word that is too long by itself is cut within, where it has spaces if it has any.
    """
    waiting = [part for unit in units for part in _short_enough(unit, most)]
    while waiting:
        count, length = 0, 0
        while count < len(waiting) and length + waiting[count].length <= most + 1:
            length += waiting[count].length
            count += 1
        if length > most and not waiting[count - 1].has_space:
            count -= 1
        if count < len(waiting):
            count = _best_cut(waiting[:count])
        yield waiting[:count]
        waiting = waiting[count:]


def _best_cut(units: Sequence[Unit]) -> int:
    for ends in (SENTENCE_ENDS, CLAUSE_ENDS):
        for count in range(len(units), 0, -1):
            if units[count - 1].phonemes[-1:] in ends:
                # Closing quotation marks stay with what they close.
                while count < len(units) and units[count].phonemes in ("”", ")", '"'):
                    count += 1
                return count
    for count in range(len(units), 0, -1):
        if units[count - 1].has_space:
            return count
    return len(units)


def _short_enough(unit: Unit, most: int) -> Iterator[Unit]:
    phonemes = unit.phonemes
    while len(phonemes) > most:
        cut = phonemes.rfind(" ", 1, most) + 1 or most
        yield Unit(phonemes[:cut], unit.start, unit.end, has_space=False)
        phonemes = phonemes[cut:]
    yield Unit(phonemes, unit.start, unit.end, has_space=unit.has_space)


def said(units: Sequence[Unit]) -> str:
    """Return the phonemes of a piece, without a space at its end."""
    return "".join(u.phonemes + " " * u.has_space for u in units).rstrip(" ")


def times(
    units: Sequence[Unit], frames: Sequence[int], *, from_ms: int, until_ms: int
) -> Iterator[Heard]:
    """Yield start and end of each word of a piece, in characters and milliseconds.

    ``frames`` holds the length of each phoneme of ``said(units)``, preceded and
    followed by one for the silence around. A space counts half to either side.
    """
    edges = [-float(min(OFFSET_FRAMES, frames[0]))]
    for count in frames:
        edges.append(edges[-1] + count)
    position = 1  # after the silence
    lead = 0.0  # half of the space before
    for unit in units:
        first, position = position, position + len(unit.phonemes)
        if unit.end > unit.start and unit.phonemes:
            last = min(position, len(edges) - 2)
            start = edges[min(first, last)] - lead
            end = edges[last] + _half_space(unit, frames, last)
            start_ms, end_ms = (
                max(from_ms, min(until_ms, from_ms + round(at * FRAME_MS)))
                for at in (start, end)
            )
            yield unit.start, unit.end, start_ms, end_ms
        lead = _half_space(unit, frames, position)
        position += unit.has_space


def _half_space(unit: Unit, frames: Sequence[int], position: int) -> float:
    """Return half the length of the space at a position; the last has none after."""
    if not unit.has_space or position >= len(frames) - 1:
        return 0.0
    return frames[position] / 2


def joined(words: Sequence[Heard], text: str) -> list[Heard]:
    """Return one time for each run between blanks, in order and without overlap.

    What is highlighted is such a run, whatever the model takes for words: "don't" is
    two, "42" may be two, "$3.50" is several.
    """
    found: list[Heard] = []
    ordered = sorted(words)
    number = 0
    heard_ms = 0
    for run in WORD.finditer(text):
        inside = []
        while number < len(ordered) and ordered[number][0] < run.end():
            if ordered[number][1] > run.start():
                inside.append(ordered[number])
            number += 1
        if inside:
            start = max(heard_ms, min(word[2] for word in inside))
            heard_ms = max(start, max(word[3] for word in inside))
            found.append((run.start(), run.end(), start, heard_ms))
    return found


def matched(text: str, phonemes: str, alone: Sequence[str]) -> tuple[list[Unit], bool]:
    """Tell which phonemes of a text belong to which of its words.

    ``alone`` holds the phonemes of each run between blanks, spoken by itself. Spoken
    together, words lend each other sounds and melt into groups; still the phonemes
    come in the same order. Returns whether the words could be told; if not, the units
    name no characters.
    """
    groups = phonemes.split()
    runs = [match.span() for match in WORD.finditer(text)]
    counts = [len(one.split()) for one in alone]
    if sum(counts) == len(groups):
        owners = [
            [n] * len(group) for n, group in zip(_each(counts), groups, strict=True)
        ]
    else:
        told = _owners("".join(groups), ["".join(one.split()) for one in alone])
        if told is None:
            return [unit for group in groups for unit in _cut(group, (0, 0))], False
        owners, position = [], 0
        for group in groups:
            owners.append(told[position : position + len(group)])
            position += len(group)
    units: list[Unit] = []
    for group, owned in zip(groups, owners, strict=True):
        start = 0
        for end in range(1, len(group) + 1):
            if end == len(group) or owned[end] != owned[start]:
                last = end == len(group)
                units += _cut(group[start:end], runs[owned[start]], has_space=last)
                start = end
    return units, True


def _each(counts: Sequence[int]) -> Iterator[int]:
    for number, count in enumerate(counts):
        yield from [number] * count


def _owners(together: str, alone: Sequence[str]) -> list[int] | None:
    """Return the word of each phoneme, by likeness; None when there is too little."""
    apart = "".join(alone)
    words = [number for number, one in enumerate(alone) for _ in one]
    matcher = difflib.SequenceMatcher(None, apart, together, autojunk=False)
    if not words or matcher.ratio() < LEAST_LIKENESS:
        return None
    owners = [-1] * len(together)
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            owners[block.b + offset] = words[block.a + offset]
    latest = words[0]
    for position, owner in enumerate(owners):
        latest = owners[position] = latest if owner < 0 else owner
    return owners


def _cut(group: str, run: tuple[int, int], *, has_space: bool = True) -> Iterator[Unit]:
    """Yield a group's word and the marks around it: a pause is none of the word."""
    found = MARKS.match(group)
    parts = [part for part in (found.groups() if found else (group,)) if part]
    for number, part in enumerate(parts):
        is_word = any(char.isalpha() for char in part)
        start, end = run if is_word else (run[0], run[0])
        last = number == len(parts) - 1
        yield Unit(part, start, end, has_space=has_space and last)
