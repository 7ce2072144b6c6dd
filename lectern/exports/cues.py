"""Subtitles of a reading: words and their times to cues that can be read.

Two lines of 42 columns at most, 5/6 to 7 seconds, never across a block; a cue ends
with a sentence or a clause where it can. Gaps too short to notice are closed.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

LINE_COLUMNS = 42
LINES = 2
SHORTEST_MS = 833
LONGEST_MS = 7000
CLOSED_GAP_MS = 500
"""A shorter gap is closed, but for ``GAP_MS``: the eye sees that something changed."""
GAP_MS = 83
IDEAL_COLUMNS = 60

SENTENCE_ENDS = ".!?…。！？؟۔।"
CLAUSE_ENDS = ",;:–—，、；：،؛"
CLOSERS = "\"'”’»›)]}」』）】"
INSIDE_SENTENCE, INSIDE_CLAUSE = 3.0, 1.0
PER_CUE, SHORT, SENTENCE_END_INSIDE, LINE_IMBALANCE = 0.5, 2.0, 1.0, 0.08


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word with the blanks that follow it, and when it is heard in the file."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from when to when."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def columns(text: str) -> int:
    """Return how wide a text is; signs of East Asian scripts take two columns."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    marks = sum(unicodedata.combining(char) > 0 for char in text)
    return len(text) + wide - marks


def cues_of_block(words: Sequence[HeardWord]) -> list[Cue]:
    """Return the cues of one block; their times are mended by ``timed``."""
    return _Block(words).cues() if words else []


def timed(cues: Sequence[Cue], *, end_ms: int) -> list[Cue]:
    """Return cues that last long enough to be read, as far as there is room.

    ``end_ms`` is the end of the file. No two overlap.
    """
    mended: list[Cue] = []
    for number, cue in enumerate(cues):
        limit_ms = cues[number + 1].start_ms if number + 1 < len(cues) else end_ms
        wanted_ms = max(cue.end_ms, cue.start_ms + SHORTEST_MS)
        if limit_ms - wanted_ms < CLOSED_GAP_MS:
            wanted_ms = limit_ms - GAP_MS if number + 1 < len(cues) else limit_ms
        stop_ms = min(wanted_ms, limit_ms)
        if stop_ms <= cue.start_ms:  # words so close that no gap fits between them
            stop_ms = limit_ms
        mended.append(Cue(cue.start_ms, max(stop_ms, cue.start_ms), cue.lines))
    return mended


def srt(cues: Sequence[Cue]) -> Iterator[str]:
    """Yield a SubRip file cue by cue."""
    for number, cue in enumerate(cues, start=1):
        start, end = _clock(cue.start_ms, ","), _clock(cue.end_ms, ",")
        yield f"{number}\n{start} --> {end}\n{_srt_text(cue)}\n\n"


def vtt(cues: Sequence[Cue], *, language: str = "") -> Iterator[str]:
    """Yield a WebVTT file cue by cue."""
    yield "WEBVTT\n" + (f"Language: {language}\n" if language else "") + "\n"
    for cue in cues:
        start, end = _clock(cue.start_ms, "."), _clock(cue.end_ms, ".")
        yield f"{start} --> {end}\n{_vtt_text(cue)}\n\n"


class _Block:
    """The words of a block, measured once."""

    def __init__(self, words: Sequence[HeardWord]) -> None:
        self._words = words
        trimmed = [word.text.rstrip() for word in words]
        self._trailing = [
            columns(word.text) - columns(text)
            for word, text in zip(words, trimmed, strict=True)
        ]
        self._edges = [0, *accumulate(columns(word.text) for word in words)]
        self._weights = [_weight_after(text) for text in trimmed]

    def cues(self) -> list[Cue]:
        """Return the cues that cost least."""
        count = len(self._words)
        costs = [0.0] + [float("inf")] * count
        came_from = [0] * (count + 1)
        for start in range(count):
            for end in range(start + 1, count + 1):
                if end > start + 1 and not self._fits(start, end):
                    break
                cost = costs[start] + self._cost(start, end)
                if cost < costs[end]:
                    costs[end], came_from[end] = cost, start
        cuts = [count]
        while cuts[-1]:
            cuts.append(came_from[cuts[-1]])
        return [self._cue(start, end) for start, end in pairwise(cuts[::-1])]

    def _columns(self, start: int, end: int) -> int:
        return self._edges[end] - self._edges[start] - self._trailing[end - 1]

    def _lasts_ms(self, start: int, end: int) -> int:
        return self._words[end - 1].end_ms - self._words[start].start_ms

    def _fits(self, start: int, end: int) -> bool:
        if self._lasts_ms(start, end) > LONGEST_MS:
            return False
        if self._columns(start, end) <= LINE_COLUMNS:
            return True
        return any(self._line_ends(start, end))

    def _line_ends(self, start: int, end: int) -> Iterator[int]:
        """Yield where the first of two lines may end."""
        for cut in range(start + 1, end):
            above, below = self._columns(start, cut), self._columns(cut, end)
            if 0 < above <= LINE_COLUMNS and 0 < below <= LINE_COLUMNS:
                yield cut

    def _cost(self, start: int, end: int) -> float:
        cost = PER_CUE + (self._columns(start, end) / IDEAL_COLUMNS - 1) ** 2
        cost += SENTENCE_END_INSIDE * self._weights[start : end - 1].count(0.0)
        if self._lasts_ms(start, end) < SHORTEST_MS:
            cost += SHORT
        return cost if end == len(self._words) else cost + self._weights[end - 1]

    def _cue(self, start: int, end: int) -> Cue:
        lines = tuple(self._lines(start, end))
        return Cue(self._words[start].start_ms, self._words[end - 1].end_ms, lines)

    def _lines(self, start: int, end: int) -> list[str]:
        """Return the words in one line, or in two of about the same length."""
        if self._columns(start, end) <= LINE_COLUMNS:
            return [self._text(start, end)]
        cuts = list(self._line_ends(start, end))
        if not cuts:
            return _broken(self._text(start, end))
        cut = min(cuts, key=lambda cut: self._imbalance(start, cut, end))
        return [self._text(start, cut), self._text(cut, end)]

    def _imbalance(self, start: int, cut: int, end: int) -> float:
        above, below = self._columns(start, cut), self._columns(cut, end)
        uneven = abs(above - below) * LINE_IMBALANCE + (above > below) / 2
        return uneven + self._weights[cut - 1]

    def _text(self, start: int, end: int) -> str:
        return "".join(word.text for word in self._words[start:end]).strip()


def _weight_after(text: str) -> float:
    """Return what it costs to part a word from the next one."""
    last = text.rstrip(CLOSERS)[-1:]
    if last and last in SENTENCE_ENDS:
        return 0.0
    return INSIDE_CLAUSE if last and last in CLAUSE_ENDS else INSIDE_SENTENCE


def _broken(word: str) -> list[str]:
    """Return one word that is longer than a line, in pieces."""
    lines = [""]
    for char in word:
        if columns(lines[-1] + char) > LINE_COLUMNS:
            lines.append("")
        lines[-1] += char
    return lines


def _clock(ms: int, point: str) -> str:
    seconds, thousandths = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{thousandths:03d}"


def _srt_text(cue: Cue) -> str:
    # SubRip has no escapes: players read "<" as the beginning of a tag.
    text = "\n".join(cue.lines)
    return text.replace("-->", "→").replace("<", "‹").replace(">", "›")


def _vtt_text(cue: Cue) -> str:
    text = "\n".join(cue.lines).replace("&", "&amp;").replace("<", "&lt;")
    return text.replace(">", "&gt;")
