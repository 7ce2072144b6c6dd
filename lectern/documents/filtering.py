"""A document's text as filters leave it: what is shown, and what is said of it.

Rules that change the page come first, then those that only change what is said. They
look at whole paragraphs and know nothing of blocks: a match that reaches over the end
of a block is said where it begins. Blocks keep their ids, so that bookmarks and places
stay; what is said otherwise becomes a span of its block, which `spoken` carries out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from lectern.documents.blocks import Block, Chapter, DocumentText
from lectern.documents.filter_patterns import Pattern, compiled
from lectern.documents.filters import Rule, Where
from lectern.documents.pages import Span, SpanKind
from lectern.documents.rewriting import Change, Rewriting, rewritten
from lectern.ids import BlockId

GROWTH_CHARS = 10_000
"""By how much filters may make any document longer; a longer one may double."""
BLOCK_GROWTH, BLOCK_GROWTH_CHARS = 3, 300
"""A block is said in at most so many times its characters, and so many more."""
MOST_PLACES = 200_000
"""Replaced in one document."""
MOST_SCANNED = 300_000_000
"""Bytes that all looks for all rules together may look at in one document."""
MARKED = frozenset({SpanKind.CITATION, SpanKind.NOTE_MARK})
"""Marks that are gone once somebody has written something else in their place."""
BETWEEN_PARAGRAPHS = 2  # characters, as in ``building``


@dataclass(slots=True)
class Work:
    """What filtering one document may still do, and what it has done."""

    chars_left: int  # by which the text may still grow
    places_left: int = MOST_PLACES
    places: Counter[Rule] = field(default_factory=Counter)  # replaced, by rule
    scanned: int = 0  # bytes that were looked at, by each look anew
    left_out: int = 0  # replacements that would have made too much of the text

    def spend(self, scanned: int) -> bool:
        """Whether so many more bytes may be looked at; if so, they are counted."""
        if self.scanned + scanned > MOST_SCANNED:
            self.left_out += 1
            return False
        self.scanned += scanned
        return True

    def admits(self, rule: Rule, change: Change) -> bool:
        """Whether one more replacement is allowed; if it is, it is counted."""
        growth = len(change.said) - (change.end - change.start)
        if self.places_left <= 0 or growth > max(0, self.chars_left):
            self.left_out += 1
            return False
        self.places_left -= 1
        self.chars_left -= growth
        self.places[rule] += 1
        return True


@dataclass(frozen=True, slots=True)
class Filtered:
    """A text after its filters."""

    text: DocumentText
    touched: frozenset[BlockId]  # blocks shown or said otherwise
    work: Work

    @property
    def places(self) -> int:
        """Return how many places were replaced."""
        return self.work.places.total()


def filtered(text: DocumentText, rules: Sequence[Rule]) -> Filtered:
    """Return a text as rules leave it, carried out in their order.

    Raises:
        BadPattern: A rule's pattern cannot be used.
    """
    for rule in rules:
        compiled(rule)
    source_chars = sum(len(block.shown) for block in text.blocks)
    work = Work(chars_left=max(GROWTH_CHARS, source_chars))
    shown = [rule for rule in rules if rule.where is Where.SHOWN]
    result = _shown_otherwise(text, shown, work) if shown else text
    spoken = [rule for rule in rules if rule.where is Where.SPOKEN]
    if spoken:
        blocks = _said_otherwise(result.blocks, spoken, work)
        result = replace(result, blocks=tuple(blocks))
    before = {block.id: (block.shown, block.spans) for block in text.blocks}
    after = {block.id: (block.shown, block.spans) for block in result.blocks}
    touched = {id_ for id_, was in before.items() if after.get(id_) != was}
    return Filtered(result, frozenset(touched), work)


def rewrite(
    source: str, rules: Iterable[Rule], *, language: str, work: Work
) -> Rewriting:
    """Return one paragraph as rules leave it."""
    rewriting = Rewriting(source)
    folded = source.casefold()
    for rule in rules:
        pattern = compiled(rule)
        if not rule.is_for(language) or not pattern.may_match(folded):
            continue
        found = list(_found(rewriting.text, rule, pattern, work))
        if found:
            rewriting.replace(found)
            folded = rewriting.text.casefold()
    return rewriting


def _found(text: str, rule: Rule, pattern: Pattern, work: Work) -> Iterator[Change]:
    for match in pattern.matches(text, work.spend):
        change = Change(match.start, match.end, match.said)
        if change.said == text[change.start : change.end]:
            continue
        if work.admits(rule, change):
            yield change
        elif not work.places_left:
            return  # looking on would take time for nothing


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """The blocks of one paragraph, and where each begins in its text."""

    blocks: tuple[Block, ...]
    starts: tuple[int, ...]
    text: str

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> "_Paragraph":
        starts: list[int] = []
        text = ""
        for before, block in zip([None, *blocks], blocks, strict=False):
            if before is not None:
                text += " " * max(1, block.start_char - before.end_char)
            starts.append(len(text))
            text += block.shown
        return cls(tuple(blocks), tuple(starts), text)

    def changes_of(
        self, changes: Sequence[Change], work: Work
    ) -> Iterator[list[Change]]:
        """Yield each block's part of the changes, in its own characters."""
        said: set[int] = set()
        for block, start in zip(self.blocks, self.starts, strict=True):
            end = start + len(block.shown)
            mine: list[Change] = []
            for number, change in enumerate(changes):
                first, last = max(change.start, start), min(change.end, end)
                if first >= last:
                    continue
                words = "" if number in said else change.said
                said.add(number)
                mine.append(Change(first - start, last - start, words))
            if not _is_fair(block, mine):
                work.left_out += len(mine)
                mine = []
            yield mine


def _is_fair(block: Block, changes: Sequence[Change]) -> bool:
    chars = len(rewritten(block.shown, changes))
    return chars <= BLOCK_GROWTH * len(block.shown) + BLOCK_GROWTH_CHARS


def _paragraphs(blocks: Iterable[Block]) -> Iterator[_Paragraph]:
    for _number, group in groupby(blocks, key=lambda block: block.paragraph):
        yield _Paragraph.of(list(group))


def _changed(
    paragraph: _Paragraph, rules: Sequence[Rule], work: Work
) -> Iterator[tuple[Block, list[Change]]]:
    language = paragraph.blocks[0].language
    rewriting = rewrite(paragraph.text, rules, language=language, work=work)
    changes = rewriting.changes
    if not changes:
        yield from ((block, []) for block in paragraph.blocks)
        return
    yield from zip(paragraph.blocks, paragraph.changes_of(changes, work), strict=True)


def _said_otherwise(
    blocks: Iterable[Block], rules: Sequence[Rule], work: Work
) -> Iterator[Block]:
    for paragraph in _paragraphs(blocks):
        for block, changes in _changed(paragraph, rules, work):
            yield _with_said(block, changes) if changes else block


def _with_said(block: Block, changes: Sequence[Change]) -> Block:
    said = [Span(c.start, c.end, SpanKind.SAID, c.said) for c in changes]
    spans = sorted([*block.spans, *said], key=lambda span: (span.start, -span.end))
    return replace(block, spans=tuple(spans))


def _shown_otherwise(
    text: DocumentText, rules: Sequence[Rule], work: Work
) -> DocumentText:
    blocks: list[Block] = []
    place_of: list[int] = []  # where each block, or what follows it, stands now
    at_char = 0
    is_changed = False
    for paragraph in _paragraphs(text.blocks):
        part = 0
        for block, changes in _changed(paragraph, rules, work):
            place_of.append(len(blocks))
            new = _reading(block, changes) if changes else block
            is_changed |= bool(changes)
            if not new.shown:
                continue
            at_char += (part > 0) + (part == 0 and bool(blocks)) * BETWEEN_PARAGRAPHS
            new = replace(
                new,
                index=len(blocks),
                part=part,
                start_char=at_char,
                end_char=at_char + len(new.shown),
            )
            blocks.append(new)
            at_char, part = new.end_char, part + 1
    if not is_changed or not blocks:  # a document is not filtered away
        return text
    chapters = [
        _chapter(chapter, min(place_of[chapter.block_index], len(blocks) - 1), rules)
        if chapter.block_index < len(place_of)
        else chapter
        for chapter in text.chapters
    ]
    return replace(text, blocks=tuple(blocks), chapters=tuple(chapters))


def _reading(block: Block, changes: Sequence[Change]) -> Block:
    """Return a block with another text; its marks move along."""
    tidy = [_tidied(block.shown, change) for change in changes]
    shown = rewritten(block.shown, tidy)
    cut = len(shown) - len(shown.lstrip())
    shown = shown.strip()
    spans: list[Span] = []
    for span in block.spans:
        start = max(0, _moved(span.start, tidy, is_end=False) - cut)
        end = min(len(shown), _moved(span.end, tidy, is_end=True) - cut)
        is_gone = span.kind in MARKED and any(
            change.said and change.start <= span.start and span.end <= change.end
            for change in tidy
        )
        if start < end and not is_gone:
            spans.append(replace(span, start=start, end=end))
    return replace(block, shown=shown, spans=tuple(spans))


def _tidied(shown: str, change: Change) -> Change:
    """Return a change that leaves no two blanks where it leaves something out."""
    start, end = change.start, change.end
    is_after_blank = start == 0 or shown[start - 1].isspace()
    if not change.said and is_after_blank and shown[end : end + 1].isspace():
        return Change(start, end + 1, "")
    return change


def _moved(place: int, changes: Sequence[Change], *, is_end: bool) -> int:
    """Return where a character of the text stands after changes."""
    longer = 0
    for change in changes:
        if change.end <= place:
            longer += len(change.said) - (change.end - change.start)
        elif change.start < place:
            return change.start + longer + (len(change.said) if is_end else 0)
        else:
            break
    return place + longer


def _chapter(chapter: Chapter, block_index: int, rules: Sequence[Rule]) -> Chapter:
    work = Work(chars_left=GROWTH_CHARS)
    title = rewrite(chapter.title, rules, language="", work=work).text
    clean = " ".join(title.split()) or chapter.title
    return replace(chapter, title=clean, block_index=block_index)
