"""Paragraphs cut into blocks: about 250 characters, 325 at most.

A block ends at a sentence; where one is too long, at a clause, then at a word. Which
of several sentence ends is taken depends on the words around them and on nothing
else, so that an edit changes the blocks near it and leaves the rest of a long
paragraph, and its audio, as they were.
"""

import re
import unicodedata
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Protocol

HARD_CHARS = 325
LEAST_CHARS = 160
"""Where there is a choice, blocks are no shorter; with 325 the mean is near 250."""
HARD_WIDE_CHARS, LEAST_WIDE_CHARS = 140, 70
"""The same for scripts that say a word in one or two characters."""
SHORT_CHARS = 50
"""A block this short is better than a cut inside a sentence, a shorter one is not."""
TAIL_CHARS = 40
CONTEXT_CHARS = 16

WIDE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]")
CLAUSE_END = re.compile(
    r"[;:—–؛：；]['\"”’»)\]]?\s+|[；：—]+(?=\S)|(?<=\S)\s+(?=[—–]\s)"
)
WEAK_CLAUSE_END = re.compile(r"[,،)\]][”’»\"']?\s+|[，、）」』]+(?=\S)")
WORD_END = re.compile(r"\s+")
WIDE_BREAK = re.compile(
    "(?<=[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af])"
    "(?=[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af])(?![ぁぃぅぇぉっゃゅょゎァィゥェォッャュョー])"
)
LINE_END = re.compile(r"\n+")


class SentenceFinder(Protocol):
    """Finds where sentences begin."""

    def starts(self, texts: Sequence[str], *, language: str) -> list[list[int]]:
        """Return for each text the characters at which sentences begin, without 0."""


def needs_sentences(text: str) -> bool:
    """Return whether a paragraph is longer than one block."""
    return len(text) > _limits(text)[0]


def cut(text: str, sentence_starts: Sequence[int]) -> list[tuple[int, int]]:
    """Return the blocks of a paragraph as (start, end) without blanks around them."""
    hard, least = _limits(text)
    edges = [0]
    while len(text) - edges[-1] > hard:
        edges.append(_next_edge(text, edges[-1], sentence_starts, (hard, least)))
    pieces = zip(edges, [*edges[1:], len(text)], strict=True)
    trimmed = (_trimmed(text, start, end) for start, end in pieces)
    return [(start, end) for start, end in trimmed if start < end]


def cut_lines(text: str) -> list[tuple[int, int]]:
    """Return the blocks of a table or listing: whole lines as long as they fit."""
    return cut(text, [match.end() for match in LINE_END.finditer(text)])


def _limits(text: str) -> tuple[int, int]:
    """Return the most and the least characters of a block in this script."""
    if text.isascii() or len(text) <= HARD_WIDE_CHARS:
        return HARD_CHARS, LEAST_CHARS
    if 3 * len(WIDE.findall(text[:400])) < len(text[:400]):
        return HARD_CHARS, LEAST_CHARS
    return HARD_WIDE_CHARS, LEAST_WIDE_CHARS


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _next_edge(
    text: str, start: int, sentences: Sequence[int], limits: tuple[int, int]
) -> int:
    """Return where the block that begins at ``start`` ends."""
    hard, least = limits
    last = start + hard
    first = bisect_right(sentences, start)
    within = sentences[first : bisect_right(sentences, last)]
    good = within[bisect_left(within, start + least) :]
    if good:
        roomy = [edge for edge in good if len(text) - edge >= TAIL_CHARS]
        return min(roomy or good, key=lambda edge: _rank(text, edge))
    if within and within[-1] - start >= SHORT_CHARS:
        return within[-1]
    return _edge_inside_sentence(text, start, limits)


def _edge_inside_sentence(text: str, start: int, limits: tuple[int, int]) -> int:
    hard, least = limits
    last = min(start + hard, len(text))
    for pattern, low in ((CLAUSE_END, least // 2), (WEAK_CLAUSE_END, least)):
        edges = [m.end() for m in pattern.finditer(text, start + low, last)]
        if edges:
            return min(edges[-3:], key=lambda edge: _rank(text, edge))
    words = [m.end() for m in WORD_END.finditer(text, start + least, last)]
    if words:
        return words[-1]
    breaks = [m.start() for m in WIDE_BREAK.finditer(text, start + least, last)]
    if breaks:
        return breaks[-1]
    words = [m.end() for m in WORD_END.finditer(text, start + 1, last)]
    return words[-1] if words else _edge_inside_word(text, last)


def _edge_inside_word(text: str, last: int) -> int:
    """Return a place near ``last`` that keeps marks with the letter they are on."""
    edge = last
    while edge > last - 8 and _is_mark(text[edge : edge + 1]):
        edge -= 1
    return edge


def _is_mark(char: str) -> bool:
    return bool(char) and unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf")


def _rank(text: str, edge: int) -> int:
    """Return a number told by the words around an edge alone."""
    around = text[max(0, edge - CONTEXT_CHARS) : edge + CONTEXT_CHARS]
    return zlib.crc32(around.encode("utf-8", "surrogatepass"))
