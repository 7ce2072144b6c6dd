"""What a group of printed rows is: heading, list item, caption, footnote, and so on.

Markup states the kinds itself; for printed pages they are told by size, weight and
place, measured against the whole document.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lectern.documents.layout import BULLET, LIST_MARK, Group
from lectern.documents.pages import BlockKind
from lectern.documents.splitting import WIDE
from lectern.documents.textures import CAPTION, PROSE, Texture

HEADING_SIZE = 1.12
HEADING_CHARS = 180
WEIGHTED_HEADING_CHARS = 120
HEADING_ROWS = 3
SMALLER = 0.93
LABEL_SIZE = 0.76
LABEL_CHARS = 80
CODE_LETTER_SHARE = 0.4
LABEL_TEXT_CHARS = 16
FOOT_TOP = 0.5
UNMARKED_FOOT_TOP = 0.62
SMALL_PRINT_SHARE = 0.45
"""Of a page's characters; where more is small, small print is the text."""
DEEPEST = 6

NOTE_START = re.compile(r"^(?:[⁰¹²³⁴-⁹]+|[*∗†‡§¶#]+|\[?\d{1,3}\]?[.)]?)\s*\S")
NUMBERED_TITLE = re.compile(
    r"^(?:\d{1,2}(?:\.\d{1,2}){0,4}\.?|[IVX]{1,5}\.|[A-Z]\.)\s+[^\W\d_]"
)
CHAPTER_TITLE = re.compile(
    r"^(?:chapter|part|book|section|appendix|chapitre|partie|livre|kapitel|teil|buch|"
    r"anhang|capítulo|capitolo|parte|hoofdstuk|глава|часть|rozdział)\s+"
    r"(?:\d{1,3}|[ivxlc]{1,7}|one|two|three|four|five|six|seven|eight|nine|ten)\b",
    re.IGNORECASE,
)
REFERENCES_TITLE = re.compile(
    r"^(?:[\dIVX]+\.?\s+)?(?:references?(?:\s+and\s+notes)?|bibliography|works\s+cited|"
    r"literature\s+cited|literatur(?:verzeichnis)?|quellen(?:verzeichnis)?|références"
    r"(?:\s+bibliographiques)?|bibliographie|referencias|bibliografía|bibliografia|"
    r"riferimenti(?:\s+bibliografici)?|литература|список\s+литературы|参考文献|참고문헌)\s*:?$",
    re.IGNORECASE,
)
STANDING_TITLE = re.compile(
    r"^(?:abstract|(?:table of )?contents|inhalt(?:sverzeichnis)?|sommaire|preface|"
    r"foreword|introduction|acknowledge?ments?|glossary|index|epilogue|prologue|"
    r"conclusions?|summary|résumé|zusammenfassung)$",
    re.IGNORECASE,
)
KIND_OF_TEXTURE = {
    Texture.TABLE: BlockKind.TABLE,
    Texture.CONTENTS: BlockKind.TABLE,  # nobody listens to a list of pages
    Texture.CODE: BlockKind.CODE,
    Texture.MATHS: BlockKind.MATHS,
}
WORDS = re.compile(r"[^\W\d_]+")
TITLE_CASE_CHARS = 60
UNLIKE_A_TITLE = ".,;"


@dataclass(frozen=True, slots=True)
class TypeScale:
    """The sizes a document is set in."""

    body_pt: float
    is_bold: bool  # the body itself
    knows_weight: bool = True  # recognised pictures tell no bold from regular
    heading_sizes_pt: tuple[float, ...] = ()  # largest first

    def level(self, size_pt: float) -> int:
        """Return a heading's level by its size: 1 for the largest."""
        larger = sum(size > 1.04 * size_pt for size in self.heading_sizes_pt)
        return min(larger + 1, DEEPEST)


@dataclass(slots=True)
class Printed:
    """A group with what it turned out to be."""

    group: Group
    kind: BlockKind
    level: int = 0
    text: str = field(default="")


def type_scale(pages: Iterable[Sequence[Group]]) -> TypeScale:
    """Return the sizes of a document: what most letters have is its body."""
    chars: Counter[float] = Counter()
    bold = total = 0
    candidates: Counter[float] = Counter()
    for groups in pages:
        for group in groups:
            length = group.chars
            if group.texture is not Texture.PROSE:
                length //= 4
            chars[_step(group.size_pt)] += length
            total += length
            bold += length if group.is_bold else 0
            if len(group.rows) <= HEADING_ROWS and length <= HEADING_CHARS:
                candidates[_step(group.size_pt)] += 1
    body = max(chars, key=lambda size: (chars[size], -size)) if chars else 10.0
    larger = sorted((s for s in candidates if s >= HEADING_SIZE * body), reverse=True)
    merged: list[float] = []
    for size in larger:
        if not merged or merged[-1] > 1.06 * size:
            merged.append(size)
    return TypeScale(body, bold > 0.5 * max(total, 1), bold > 0, tuple(merged))


def _step(size_pt: float) -> float:
    return round(size_pt * 2) / 2


def classify_page(
    groups: Sequence[Group], scale: TypeScale, *, in_references: bool
) -> tuple[list[Printed], bool]:
    """Return the kinds of one page's groups, and whether references go on."""
    chars = sum(group.chars for group in groups)
    small = sum(g.chars for g in groups if g.size_pt < SMALLER * scale.body_pt)
    has_small_print = small <= SMALL_PRINT_SHARE * chars
    found: list[Printed] = []
    for place, group in enumerate(groups):
        printed = _classified(group, scale)
        if printed.kind is BlockKind.HEADING:
            in_references = REFERENCES_TITLE.match(_head(group)) is not None
        elif printed.kind in (BlockKind.PARAGRAPH, BlockKind.LIST):
            is_note = has_small_print and _is_footnote(groups, place, scale)
            if in_references or is_note:
                printed = Printed(group, BlockKind.FOOTNOTE)
        found.append(printed)
    _keep_single_numbers_as_text(found)
    _take_headings_in_figures_for_labels(found)
    return found, in_references


def _head(group: Group) -> str:
    return " ".join(row.text for row in group.rows)[:HEADING_CHARS]


def _classified(group: Group, scale: TypeScale) -> Printed:
    if group.texture is Texture.CODE and not _has_letters(group):
        return Printed(group, BlockKind.FURNITURE)
    if group.texture is not Texture.PROSE:
        return Printed(group, KIND_OF_TEXTURE[group.texture])
    text = group.first.text
    if CAPTION.match(text) and len(group.rows) <= 12:
        return Printed(group, BlockKind.CAPTION)
    if group.size_pt < LABEL_SIZE * scale.body_pt and group.chars <= LABEL_CHARS:
        is_note = NOTE_START.match(text) and len(text) >= 12
        if not is_note and not PROSE.search(text):
            return Printed(group, BlockKind.FURNITURE)
    if _is_label(group):
        return Printed(group, BlockKind.FURNITURE)
    level = _heading_level(group, scale)
    if level:
        return Printed(group, BlockKind.HEADING, level)
    if LIST_MARK.match(text):
        return Printed(group, BlockKind.LIST, 1)
    return Printed(group, BlockKind.PARAGRAPH)


def _has_letters(group: Group) -> bool:
    """Return whether a listing can be one, and is no debris of a figure's font."""
    text = "".join(row.text for row in group.rows)
    return sum(map(str.isalpha, text)) > CODE_LETTER_SHARE * len(text)


def _is_label(group: Group) -> bool:
    """Return whether a row holds no word at all: "(a)   (b)" below a figure."""
    text = group.first.text
    return (
        len(group.rows) == 1
        and len(text) <= LABEL_TEXT_CHARS
        and not any(len(part) >= 3 for part in WORDS.findall(text))
        and WIDE.search(text) is None
        and bool(group.first.cells or not any(c.isalpha() for c in text))
    )


def _heading_level(group: Group, scale: TypeScale) -> int:
    """Return a heading's level, 0 for what is none."""
    length = group.chars
    if len(group.rows) > HEADING_ROWS or not 2 <= length <= HEADING_CHARS:
        return 0
    text = _head(group)
    if BULLET.match(text) or any(row.cells for row in group.rows):
        return 0
    if not any(map(str.isalpha, text)):
        return 0
    below_sizes = min(len(scale.heading_sizes_pt) + 1, DEEPEST)
    if group.size_pt >= HEADING_SIZE * scale.body_pt:
        return scale.level(group.size_pt) if text[-1] not in ",;" else 0
    if CHAPTER_TITLE.match(text) and length <= 80 and group.gap_before > 1.2:
        return below_sizes if scale.heading_sizes_pt else 1
    if text[-1] in UNLIKE_A_TITLE or length > WEIGHTED_HEADING_CHARS:
        return 0
    is_weighted = group.is_bold and not scale.is_bold and not text.endswith(":")
    return below_sizes if is_weighted or _reads_as_title(group, text, scale) else 0


def _reads_as_title(group: Group, text: str, scale: TypeScale) -> bool:
    """Return whether a line in the size of the text is a title by its words."""
    is_small = group.size_pt < SMALLER * scale.body_pt
    if group.gap_before <= 1.2 or len(group.rows) > 2 or is_small:
        return False
    capitals = sum(map(str.isupper, text))
    if capitals >= 4 and capitals >= 0.9 * sum(map(str.isalpha, text)):
        return True
    if REFERENCES_TITLE.match(text) or STANDING_TITLE.match(text):
        return True
    is_numbered = NUMBERED_TITLE.match(text) and len(group.rows) == 1
    if is_numbered and len(text) <= 70 and not text.endswith((":", "?")):
        return True
    return not scale.knows_weight and _is_in_title_case(text)


def _is_in_title_case(text: str) -> bool:
    """Return whether a short line is written as titles are, and as few lines are."""
    words = [word for word in WORDS.findall(text) if len(word) >= 4]
    is_short = len(text) <= TITLE_CASE_CHARS and text[0].isupper()
    return is_short and len(words) >= 1 and all(word[0].isupper() for word in words)


def _is_footnote(groups: Sequence[Group], place: int, scale: TypeScale) -> bool:
    """Return whether small print at a column's foot is a note.

    Nothing in the size of the text may stand below it in its column.
    """
    group = groups[place]
    if group.size_pt >= SMALLER * scale.body_pt or group.first.top < FOOT_TOP:
        return False
    is_marked = NOTE_START.match(group.first.text) is not None
    if not is_marked and group.first.top < UNMARKED_FOOT_TOP:
        return False
    return not any(
        other.first.top > group.last.top
        and other.size_pt >= SMALLER * scale.body_pt
        and other.first.left < group.segment.right
        and other.segment.right > group.first.left
        for other in groups
    )


def _keep_single_numbers_as_text(found: list[Printed]) -> None:
    """Take "1." for a list only where another numbered item stands near."""
    numbered = [
        place
        for place, printed in enumerate(found)
        if printed.kind is BlockKind.LIST
        and printed.group.texture is Texture.PROSE
        and not BULLET.match(printed.group.first.text)
    ]
    for place in numbered:
        has_near = any(other != place and abs(other - place) <= 3 for other in numbered)
        if not has_near:
            found[place].kind, found[place].level = BlockKind.PARAGRAPH, 0


def _take_headings_in_figures_for_labels(found: Sequence[Printed]) -> None:
    """Take a small heading for a label of the figure whose labels stand around it."""
    for before, printed, after in zip(
        found, found[1:], [*found[2:], None], strict=False
    ):
        if printed.kind is not BlockKind.HEADING or after is None:
            continue
        is_in_figure = after.kind in (BlockKind.FURNITURE, BlockKind.CAPTION) or (
            after.kind is BlockKind.HEADING and before.kind is BlockKind.FURNITURE
        )
        if before.kind is BlockKind.FURNITURE and is_in_figure:
            printed.kind, printed.level = BlockKind.FURNITURE, 0
