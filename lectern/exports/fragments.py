"""What of a block is highlighted when: sentences or words with their part of the sound.

The parts of a block follow one another from its first sample to its last. A reading
system plays them one by one; a gap between them would be skipped, and heard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lectern.documents.spoken import Stretch
from lectern.speech.timing import WordTime


@dataclass(frozen=True, slots=True)
class Fragment:
    """Characters of the shown text, and the milliseconds of the block they last."""

    start_char: int
    end_char: int  # exclusive
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class ShownWord:
    """A word where it is shown, and when it begins to be heard."""

    start_char: int
    end_char: int  # exclusive
    start_ms: int


def shown_words(
    words: Sequence[WordTime], stretches: Sequence[Stretch], *, shown_chars: int
) -> list[ShownWord]:
    """Return where heard words stand on the page, in order, without overlap.

    ``stretches`` count the normalised spoken text. Words that share their place (an
    announcement of three words for one table) become one; those that stand nowhere
    are left out.
    """
    found: list[ShownWord] = []
    for word in words:
        place = _shown(word, stretches)
        if place is None:
            continue
        start, end = place[0], min(place[1], shown_chars)
        if found and start < found[-1].end_char:
            before = found.pop()
            start, end = before.start_char, max(before.end_char, end)
            found.append(ShownWord(start, end, before.start_ms))
        elif end > start:
            found.append(ShownWord(start, end, word.start_ms))
    return found


def word_fragments(
    words: Sequence[ShownWord], *, shown_chars: int, duration_ms: int
) -> list[Fragment]:
    """Return one fragment a word; the whole block when no word is timed."""
    return _following(
        [(word.start_char, word.end_char, word.start_ms) for word in words],
        shown_chars=shown_chars,
        duration_ms=duration_ms,
    )


def sentence_fragments(
    words: Sequence[ShownWord],
    sentence_starts: Sequence[int],
    *,
    shown_chars: int,
    duration_ms: int,
) -> list[Fragment]:
    """Return one fragment a sentence in which something is heard.

    ``sentence_starts`` are characters of the shown text, without 0.
    """
    edges = [0, *sorted(set(sentence_starts) - {0}), shown_chars]
    parts: list[tuple[int, int, int]] = []
    for start, end in pairwise(edges):
        inside = [word for word in words if start <= word.start_char < end]
        if inside:
            # A word of a sentence may reach past its end, "etc." for one.
            parts.append((start, max(end, inside[-1].end_char), inside[0].start_ms))
    apart = [
        (max(start, parts[number - 1][1]) if number else start, end, start_ms)
        for number, (start, end, start_ms) in enumerate(parts)
    ]
    return _following(
        [part for part in apart if part[1] > part[0]],
        shown_chars=shown_chars,
        duration_ms=duration_ms,
    )


def _following(
    parts: Sequence[tuple[int, int, int]], *, shown_chars: int, duration_ms: int
) -> list[Fragment]:
    """Return parts of a text that share the block's sound without a gap."""
    fragments: list[Fragment] = []
    for number, (start, end, start_ms) in enumerate(parts):
        from_ms = min(start_ms, duration_ms) if fragments else 0
        is_last = number + 1 == len(parts)
        to_ms = duration_ms if is_last else min(parts[number + 1][2], duration_ms)
        if to_ms > from_ms:
            fragments.append(Fragment(start, end, from_ms, to_ms))
        elif (
            fragments
        ):  # nothing is heard of it by itself: it belongs to the one before
            before = fragments.pop()
            fragments.append(
                Fragment(before.start_char, end, before.start_ms, before.end_ms)
            )
    if fragments:
        return fragments
    return [Fragment(0, shown_chars, 0, duration_ms)]


def _shown(word: WordTime, stretches: Sequence[Stretch]) -> tuple[int, int] | None:
    """Return the shown characters that a spoken word stands for."""
    start: int | None = None
    end = 0
    for stretch in stretches:
        if (
            stretch.spoken_end <= word.start_char
            or stretch.spoken_start >= word.end_char
        ):
            continue
        is_even = (
            stretch.spoken_end - stretch.spoken_start
            == stretch.shown_end - stretch.shown_start
        )
        first, last = stretch.shown_start, stretch.shown_end
        if is_even:
            first += max(0, word.start_char - stretch.spoken_start)
            last -= max(0, stretch.spoken_end - word.end_char)
        start = first if start is None else min(start, first)
        end = max(end, last)
    return None if start is None else (start, end)
