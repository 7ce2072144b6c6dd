"""Text being put together piece by piece, with the spans that mark it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from lectern.documents.pages import Span, SpanKind

INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
"""Hints for setting lines, which no reader sees and no voice should meet."""
SPACES = re.compile(r"[ \t\r\n\f\v]+")


class InlineText:
    """Collects pieces; white space between them comes to one space."""

    def __init__(self, *, keeps_space: bool = False) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._spans: list[Span] = []
        self._keeps_space = keeps_space

    def __bool__(self) -> bool:
        return any(piece.strip() for piece in self._pieces)

    def add(self, text: str) -> None:
        """Append a piece of running text."""
        if not self._keeps_space:
            text = text.translate(INVISIBLE)
            text = SPACES.sub(" ", text)
            if text.startswith(" ") and self._ends_open():
                text = text[1:]
        if text:
            self._pieces.append(text)
            self._length += len(text)

    def break_line(self) -> None:
        """Append a line break that the author asked for."""
        self._drop_last_space()
        if self._length:
            self._pieces.append("\n")
            self._length += 1

    @contextmanager
    def marked(self, kind: SpanKind, target: str = "") -> Iterator[None]:
        """Mark what is added inside."""
        start = self._length
        yield
        if self._length > start:
            self._spans.append(Span(start, self._length, kind, target))

    def text_from(self, start: int) -> str:
        """Return what was added after the first ``start`` characters."""
        return "".join(self._pieces)[start:]

    @property
    def length(self) -> int:
        """Characters so far."""
        return self._length

    def result(self) -> tuple[str, tuple[Span, ...]]:
        """Return the text without outer space, and its spans."""
        whole = "".join(self._pieces)
        text = whole.strip("\n") if self._keeps_space else whole.strip()
        shift = whole.find(text) if text else 0
        spans = [_shifted(span, shift, text) for span in self._spans]
        kept = [span for span in spans if span is not None]
        ordered = sorted(kept, key=lambda s: (s.start, -s.end))
        return text, tuple(_merged(ordered))

    def _ends_open(self) -> bool:
        """Return whether a space now would be one too many."""
        return not self._pieces or self._pieces[-1][-1] in " \n"

    def _drop_last_space(self) -> None:
        if self._pieces and self._pieces[-1].endswith(" "):
            self._pieces[-1] = self._pieces[-1][:-1]
            self._length -= 1
            if not self._pieces[-1]:
                self._pieces.pop()


def _merged(spans: list[Span]) -> Iterator[Span]:
    """Yield spans, those of one kind that touch as one: office files cut them up."""
    waiting: Span | None = None
    for span in spans:
        touches = waiting and waiting.end == span.start and span.end > span.start
        alike = waiting and (waiting.kind, waiting.target) == (span.kind, span.target)
        if waiting and touches and alike:
            waiting = replace(waiting, end=span.end)
            continue
        if waiting:
            yield waiting
        waiting = span
    if waiting:
        yield waiting


def _shifted(span: Span, shift: int, text: str) -> Span | None:
    """Return a span in the stripped text, without space at its own ends."""
    start, end = max(0, span.start - shift), min(len(text), span.end - shift)
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end, span.kind, span.target) if end > start else None
