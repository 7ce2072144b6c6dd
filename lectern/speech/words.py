"""When each word is heard, told from what an engine reports while it speaks.

Engines report too much and too little: several marks inside "1,234.56", one for
"twenty-one". What a reader sees highlighted is a run between blanks, so the first
mark inside such a run starts it, and it lasts until the next one starts. Runs of
scripts that are written without blanks are cut at their marks.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lectern.speech.timing import WordTime

WITHOUT_BLANKS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han, kana
    "\U00020000-\U0003ffff"
)
TOKEN = re.compile(rf"[{WITHOUT_BLANKS}]+|[^\s{WITHOUT_BLANKS}]+")
CUT_AT_MARKS = re.compile(f"[{WITHOUT_BLANKS}]")


@dataclass(frozen=True, slots=True)
class WordMark:
    """The engine's word that it is now at this character."""

    char: int  # from 0
    ms: int  # from the start of the sound


def word_times(text: str, marks: Iterable[WordMark], *, end_ms: int) -> list[WordTime]:
    """Return the words of a text with the time each one is heard.

    Words without a mark (a lone dash) are left out: nothing is heard of them.
    """
    starts = _starts(text, marks)
    words: list[WordTime] = []
    start_ms = 0
    for number, (start, end, heard_ms) in enumerate(starts):
        start_ms = max(start_ms, min(heard_ms, end_ms))
        next_ms = starts[number + 1][2] if number + 1 < len(starts) else end_ms
        words.append(
            WordTime(start, end, start_ms, max(start_ms, min(next_ms, end_ms)))
        )
    return words


def _starts(text: str, marks: Iterable[WordMark]) -> list[tuple[int, int, int]]:
    """Return first and last character of every heard word, and when it starts."""
    first_ms: dict[int, int] = {}  # by character
    for mark in marks:
        first_ms.setdefault(mark.char, mark.ms)
    marked = sorted(first_ms)
    found: list[tuple[int, int, int]] = []
    position = 0
    for token in TOKEN.finditer(text):
        inside: list[int] = []
        while position < len(marked) and marked[position] < token.end():
            if marked[position] >= token.start():
                inside.append(marked[position])
            position += 1
        if inside:
            found += _cut(token, inside, first_ms)
    return found


def _cut(
    token: re.Match[str], inside: list[int], first_ms: dict[int, int]
) -> list[tuple[int, int, int]]:
    if not CUT_AT_MARKS.match(token[0]):
        return [(token.start(), token.end(), min(first_ms[char] for char in inside))]
    edges = [token.start(), *inside[1:], token.end()]
    return [(edges[n], edges[n + 1], first_ms[char]) for n, char in enumerate(inside)]
