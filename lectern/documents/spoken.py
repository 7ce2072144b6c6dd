"""What is said of what is shown: speak, skip or announce, by kind.

The policy is applied when a block is spoken and never changes the block.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from lectern.documents.announcements import link_to, name_of, sentence_of
from lectern.documents.blocks import Block
from lectern.documents.formulas import say_formula
from lectern.documents.pages import BlockKind, Span, SpanKind


class Speaking(StrEnum):
    """What to do with a kind of text."""

    SPEAK = "speak"
    SKIP = "skip"
    ANNOUNCE = "announce"  # say that it is there: "Table.", "Code, 12 lines."


Policy = dict[BlockKind | SpanKind, Speaking]
"""Choices that differ from ``DEFAULT_POLICY``."""

DEFAULT_POLICY: dict[BlockKind | SpanKind, Speaking] = {
    BlockKind.HEADING: Speaking.SPEAK,
    BlockKind.PARAGRAPH: Speaking.SPEAK,
    BlockKind.LIST: Speaking.SPEAK,
    BlockKind.QUOTE: Speaking.SPEAK,
    BlockKind.CAPTION: Speaking.SPEAK,
    BlockKind.FOOTNOTE: Speaking.SKIP,
    BlockKind.TABLE: Speaking.ANNOUNCE,
    BlockKind.CODE: Speaking.ANNOUNCE,
    BlockKind.MATHS: Speaking.ANNOUNCE,
    BlockKind.FURNITURE: Speaking.SKIP,
    SpanKind.CITATION: Speaking.SKIP,
    SpanKind.NOTE_MARK: Speaking.SKIP,
    SpanKind.LINK: Speaking.SPEAK,  # the linked words; a bare address is announced
    SpanKind.CODE: Speaking.SPEAK,
    SpanKind.MATHS: Speaking.SPEAK,
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """``spoken[spoken_start:spoken_end]`` says ``shown[shown_start:shown_end]``."""

    spoken_start: int
    spoken_end: int
    shown_start: int
    shown_end: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is said of one block."""

    text: str  # empty when skipped
    skipped_because: str | None  # "furniture", "footnote", …; None when spoken
    stretches: tuple[Stretch, ...]  # covers ``text`` in order, without gaps


@dataclass(frozen=True, slots=True)
class SkippedKind:
    """A kind of text that is not read out, and how often it occurs."""

    kind: BlockKind | SpanKind
    count: int
    action: Speaking  # SKIP or ANNOUNCE


NO_WORDS = "no_words"
"""Why a row of stars or dashes is skipped."""

PLAIN = re.compile(r"(?![ –—-])[\w ,.;:!?'\"’‘“”()—–-]+(?<! )")
"""Text that is said just as it is shown, if its blanks are single."""
LEADERS = re.compile(r"\s*(?:[.·…_•‧⋅-]\s?){4,}")
HAS_LEADERS = re.compile(r"[.·…_•‧⋅-]\s?(?:[.·…_•‧⋅-]\s?){3}")
"""The same, to be asked of every block: what begins with a sign is found quickly."""
CELL = re.compile(r"\s*(?:\||\t)\s*")
LINE = re.compile(r"[ \t]*\n\s*")
BULLET = re.compile(r"^[•‣◦▪▫●○■□◆◇➢➤✓✔∙·⁃*–—-]+\s+")
TEX = re.compile(r"[\\\\{}^_$]")
RULE = re.compile(r"[|\\_~^<>#*=]{2,}")
BARE_ADDRESS = re.compile(r"(?:[a-z]+://|www\.|doi(?:\.org/|:))\S+$", re.IGNORECASE)
HOST = re.compile(r"^(?:[a-z]+://)?(?:www\.)?([^/:?#\s]+)", re.IGNORECASE)
PAUSED = ".,;:!?…。、，；：！？،؛؟"
CLOSING = ".,;:!?…)]}»”’。、，；：！？"
TOKEN = re.compile(rf"\S+(?: [^\s{re.escape(CLOSING)}]\S*)*|\s+")
"""Words with single blanks between them, or blanks to be looked at."""


def action_of(kind: BlockKind | SpanKind, policy: Policy) -> Speaking:
    """Return what is done with a kind of text."""
    return policy.get(kind) or DEFAULT_POLICY.get(kind, Speaking.SPEAK)


def speak(block: Block, policy: Policy) -> Spoken:
    """Return what is said of a block."""
    action = action_of(block.kind, policy)
    if action is Speaking.SKIP:
        return Spoken("", block.kind.value, ())
    if action is Speaking.ANNOUNCE:
        return _announced(block)
    shown = block.shown
    if not block.spans and _is_plain(shown):
        if not any(map(str.isalnum, shown)):
            return Spoken("", NO_WORDS, ())
        return Spoken(shown, None, (Stretch(0, len(shown), 0, len(shown)),))
    return _told(block, policy)


def _is_plain(shown: str) -> bool:
    return (
        PLAIN.fullmatch(shown) is not None
        and "  " not in shown
        and HAS_LEADERS.search(shown) is None
    )


def skipped_summary(blocks: Iterable[Block], policy: Policy) -> tuple[SkippedKind, ...]:
    """Return what is not read out, the most frequent first."""
    counts: Counter[BlockKind | SpanKind] = Counter()
    for block in blocks:
        if action_of(block.kind, policy) is not Speaking.SPEAK:
            counts[block.kind] += block.part == 0
            continue
        for span in block.spans:
            if _is_unspoken(block, span, policy):
                counts[span.kind] += 1
    return tuple(
        SkippedKind(kind, count, action_of(kind, policy))
        for kind, count in counts.most_common()
        if count
    )


def _is_unspoken(block: Block, span: Span, policy: Policy) -> bool:
    if action_of(span.kind, policy) is Speaking.SPEAK:
        return False
    return span.kind is not SpanKind.LINK or _is_bare(block, span)


def _is_bare(block: Block, span: Span) -> bool:
    return BARE_ADDRESS.match(block.shown[span.start : span.end]) is not None


def _announced(block: Block) -> Spoken:
    """Return the one sentence for a table or listing, at its first block only."""
    if block.part:
        return Spoken("", block.kind.value, ())
    text = sentence_of(block.kind, block.language)
    return Spoken(text, None, (Stretch(0, len(text), 0, len(block.shown)),))


@dataclass(frozen=True, slots=True)
class _Change:
    """Characters of the shown text that are said otherwise, or not at all."""

    start: int
    end: int
    said: str  # empty when not said
    is_exact: bool = False  # just this, without blanks around it


def _told(block: Block, policy: Policy) -> Spoken:
    shown = block.shown
    telling = _Telling(shown)
    at = 0
    for change in _changes(block, policy):
        if change.start < at:
            if not change.said:  # what an earlier change left of it is not said
                at = max(at, change.end)
            continue
        telling.keep(at, change.start)
        telling.say(change)
        at = change.end
    telling.keep(at, len(shown))
    return telling.result()


def _changes(block: Block, policy: Policy) -> list[_Change]:
    """Return what is said otherwise, in order; where two meet, the longer one.

    Of two that are equal, a person's own rule counts.
    """
    changes = [*_changed_spans(block, policy), *_changed_signs(block.shown)]
    return sorted(
        changes, key=lambda change: (change.start, -change.end, not change.is_exact)
    )


def _changed_spans(block: Block, policy: Policy) -> Iterator[_Change]:
    for span in block.spans:
        if span.kind is SpanKind.SAID:
            yield _Change(span.start, span.end, span.target, is_exact=True)
            continue
        action = action_of(span.kind, policy)
        said = name_of(span.kind, block.language)
        if span.kind is SpanKind.LINK:
            if not _is_bare(block, span):
                continue  # the linked words belong to the sentence
            if action is Speaking.SPEAK:
                said = link_to(
                    _host(block.shown[span.start : span.end]), block.language
                )
        elif action is Speaking.SPEAK:
            formula = block.shown[span.start : span.end]
            if span.kind is not SpanKind.MATHS or TEX.search(formula) is None:
                continue
            said = say_formula(formula)
        yield _Change(span.start, span.end, "" if action is Speaking.SKIP else said)


def _host(address: str) -> str:
    if address.lower().startswith("doi"):
        return "doi.org"
    match = HOST.match(address)
    return match[1] if match else address


def _changed_signs(shown: str) -> Iterator[_Change]:
    """Yield signs that lead the eye and mean nothing to the ear."""
    bullet = BULLET.match(shown)
    if bullet:
        yield _Change(0, bullet.end(), "")
    likely = (
        (LEADERS, ",", HAS_LEADERS.search(shown)),
        (CELL, ",", "|" in shown or "\t" in shown),
        (LINE, ",", "\n" in shown),
        (RULE, "", True),
    )
    for pattern, said, may_match in likely:
        for match in pattern.finditer(shown) if may_match else ():
            before = shown[: match.start()].rstrip()
            pause = said if before and before[-1] not in PAUSED else ""
            if pattern is LINE and not pause:
                continue  # a line end is a blank
            yield _Change(match.start(), match.end(), pause)


class _Telling:
    """Puts the spoken text together, with where each part of it is shown."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._text = ""
        self._stretches: list[Stretch] = []

    def keep(self, start: int, end: int) -> None:
        """Say characters as they are shown, blanks joined to one."""
        for token in TOKEN.finditer(self._shown, start, end):
            if not token[0].isspace():
                if token[0][0] in CLOSING and self._text.endswith(" "):
                    self._drop_blank()
                self._add(token[0], token.start(), token.end())
            elif self._text and not self._text.endswith(" "):
                self._add(" ", token.start(), token.end())

    def say(self, change: _Change) -> None:
        """Say something else for some characters."""
        if change.is_exact:
            self._say_exactly(change)
            return
        if not change.said:
            if self._shown[change.start : change.end].isspace():
                self.keep(change.start, change.end)
            return
        if change.said == ",":
            if self._text.endswith(" "):
                self._drop_blank()
            if self._text and self._text[-1] not in PAUSED:
                self._add(", ", change.start, change.end)
            return
        blank = "" if not self._text or self._text[-1] in " (“«" else " "
        self._add(blank + change.said, change.start, change.end)

    def _say_exactly(self, change: _Change) -> None:
        said = change.said
        if self._text.endswith(" "):
            said = said.lstrip()
            if said and said[0] in CLOSING:
                self._drop_blank()
        if said:
            self._add(said, change.start, change.end)

    def result(self) -> Spoken:
        """Return all that was said."""
        while self._text and self._text[-1].isspace():
            self._drop_blank()
        if not any(map(str.isalnum, self._text)):
            return Spoken("", NO_WORDS, ())
        return Spoken(self._text, None, tuple(self._stretches))

    def _add(self, said: str, start: int, end: int) -> None:
        at = len(self._text)
        self._text += said
        last = self._stretches[-1] if self._stretches else None
        if last and last.shown_end == start and _is_even(last, len(said), end - start):
            joined = Stretch(last.spoken_start, at + len(said), last.shown_start, end)
            self._stretches[-1] = joined
        else:
            self._stretches.append(Stretch(at, at + len(said), start, end))

    def _drop_blank(self) -> None:
        """Take back the last character, a blank."""
        self._text = self._text[:-1]
        last = self._stretches.pop()
        if last.spoken_end - 1 > last.spoken_start:
            is_even = _is_even(last, 0, 0)
            end = last.shown_end - 1 if is_even else last.shown_end
            shorter = Stretch(
                last.spoken_start, last.spoken_end - 1, last.shown_start, end
            )
            self._stretches.append(shorter)


def _is_even(stretch: Stretch, said_chars: int, shown_chars: int) -> bool:
    """Return whether each character of a stretch stands for one shown character."""
    spoken = stretch.spoken_end - stretch.spoken_start
    return (
        said_chars == shown_chars and spoken == stretch.shown_end - stretch.shown_start
    )
