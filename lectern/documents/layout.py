"""Printed rows grouped to paragraphs by how they are set: gaps, indents, short last
lines, changes of size, marks of list items.

What a group *is* is decided in ``kinds``; how groups go on over columns and pages in
``flow``.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from statistics import median

from lectern.documents.hyphens import is_broken
from lectern.documents.rows import Row

PARAGRAPH_GAP = 1.32
"""Line pitches from one row to the next past which a new paragraph begins."""
SIZE_CHANGE = 1.12
INDENT_EM = 0.7
COLUMN_SHIFT_EM = 4.5
CAPTION_ROWS = 14
HEAD_CHARS = 70
EDGE_EM = 0.4
EDGE_ROWS = 3
CENTRED_EM = 0.8
FULL_ROW_EM = 1.2
USUAL_PITCH = 1.25  # of the font size, where a page has too few rows to measure

SENTENCE_END = re.compile(r"[.!?…:;。！？؟۔।॥។:]['\"”’»›)\]】」』⁰¹²³⁴-⁹\d]{0,5}$")
LIST_MARK = re.compile(
    r"^(?:[•‣◦▪▫●○■□◆◇➢➤✓✔·∙∗*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\[\d{1,3}\])"
    r"\s+\S"
)
BULLET = re.compile(r"^[•‣◦▪▫●○■□◆◇➢➤✓✔∙]")
CAPTION = re.compile(
    r"^(?:fig(?:ure|\.)?|table|tab\.|tableau|abb(?:ildung|\.)|tabelle|figura|tabla|"
    r"plate|chart|listing|algorithm|scheme|exhibit|рис(?:\.|унок)|таблица|图|表|図|그림|표)"
    r"\s*(?:\d+|[IVX]+\b|[A-Z]\.\d)[.\d]*\s*(?:[.:|–—-]|$|(?-i:[A-Z(]))",
    re.IGNORECASE,
)
LEADER = re.compile(r"(?:\.\s?){3,}\s*[\divxlc]{1,6}$|…+\s*\d+$")
TRAILING_PAGE = re.compile(r"\s(\d{1,4})$")
NUMBER_TOKEN = re.compile(r"^[-+−±~<>≤≥(]*[$€£¥]?\d[\d.,:%/×x±e+−)–-]*[%*†]?$")
UNLIKE_PROSE = re.compile(
    "[0-9={}()\\[\\];<>+*/&|_#$\\\\%∀-⋿×÷±→↔⇒⇔⟨⟩\U0001d400-\U0001d7ff]"
)
"""Without one of these a row is no table, listing or formula."""
DIGIT = re.compile(r"\d")
PAGE_DIGITS = frozenset("0123456789ivxlc")
ENTRY_CHARS = 90
LEAST_ENTRIES = 4
"""Rows that end in rising numbers, to be taken for a table of contents."""
CODE_STRONG = re.compile(
    r"[;{]\s*$|^(?:\d+\s+)?\W*[}\])]+\W*$|\s//\s|^\s*(?:\d+\s+)?(?:def|class|import|return|if|else|elif|for|"
    r"while|do|public|private|static|void|int|var|let|const|function|func|fn|package|using|"
    r"switch|case|struct|try|catch)\b.*[({:;=\]]\s*\S{0,12}$|"
    r":=|==|!=|&&|\|\||->|=>|\+\+|--;|\w\(\)|</\w+>|^\s*(?://|#!|#include|/\*|\*/|>>> )"
)
COMMENT = re.compile(r"(?:^|\s)(?://|#|/\*)\s")
CODE_SIGNS = re.compile(r"[{}()\[\];=<>+*/&|!_#$\\\"%:]")
PROSE = re.compile(r"\b[^\W\d_]{2,}\b(?:[,']? [^\W\d_]{2,}\b){4,}")
MATHS_SIGN = re.compile(
    "[=∑∏∫√∞∂∇∈∉⊂⊆⊇∪∩∀∃∧∨¬→⇒⇔↔↦≤≥≠≈≡∼∝±×÷⊕⊗⟨⟩‖\U0001d400-\U0001d7ff]"
)
MATHS_STRONG = re.compile("[∑∏∫√∂∇∈∉⊂⊆∀∃∧∨≤≥≠≈≡∝⊕⊗‖\U0001d400-\U0001d7ff]")
LONG_WORD = re.compile(r"[^\W\d_]{4,}")


class Texture(Enum):
    """How a row looks by itself, before its neighbours are asked."""

    PROSE = auto()
    TABLE = auto()
    CODE = auto()
    MATHS = auto()
    CONTENTS = auto()  # a line of a printed table of contents


@dataclass(slots=True)
class Segment:
    """Rows below each other in one column and one size, and how they are set."""

    left: float
    right: float
    pitch: float
    rows: int


@dataclass(slots=True)
class Group:
    """The rows of one paragraph in one column."""

    rows: list[Row]
    segment: Segment
    texture: Texture
    gap_before: float  # in pitches; large at a column's head
    is_column_head: bool
    chars: int = 0

    @property
    def first(self) -> Row:
        """Return the first row."""
        return self.rows[0]

    @property
    def last(self) -> Row:
        """Return the last row."""
        return self.rows[-1]

    @property
    def size_pt(self) -> float:
        """Return the font size of the middle row."""
        return self.rows[len(self.rows) // 2].size_pt

    @property
    def is_bold(self) -> bool:
        """Return whether every row is bold."""
        return all(row.bold for row in self.rows)


def group_rows(rows: Sequence[Row]) -> list[Group]:
    """Return the rows of one page as paragraphs, in their order."""
    if not rows:
        return []
    textures = textures_of(rows)
    segments = _segments(rows, textures)
    groups = [_group(rows[0], segments[0], textures[0], gap=9.0, is_head=True)]
    for n in range(1, len(rows)):
        row, before = rows[n], rows[n - 1]
        gap, is_head = _gap(before, row, segments[n].pitch)
        group = groups[-1]
        follows = rows[n + 1] if n + 1 < len(rows) else None
        goes_on = (
            not is_head
            and textures[n] is group.texture
            and not _starts_new(group, row, follows, gap=gap, segment=segments[n])
        )
        if goes_on:
            group.rows.append(row)
        else:
            groups.append(
                _group(row, segments[n], textures[n], gap=gap, is_head=is_head)
            )
    for group in groups:
        group.chars = sum(len(row.text) for row in group.rows)
    return groups


def _group(
    row: Row, segment: Segment, texture: Texture, *, gap: float, is_head: bool
) -> Group:
    return Group([row], segment, texture, gap, is_head)


def _segments(rows: Sequence[Row], textures: Sequence[Texture]) -> list[Segment]:
    """Return for each row the stretch of like rows it stands in."""
    starts = [
        n
        for n in range(len(rows))
        if n == 0
        or textures[n] is not textures[n - 1]
        or not _is_like(rows[n - 1], rows[n])
    ]
    segments: list[Segment] = []
    page_pitch = _pitch(rows, None)
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        part = rows[start:end]
        left, pitch = min(row.left for row in part), _pitch(part, page_pitch)
        by_edge: dict[float, Segment] = {}
        for edge in _right_edges(part):
            if edge not in by_edge:
                by_edge[edge] = Segment(left, edge, pitch, len(part))
            segments.append(by_edge[edge])
    return segments


def _right_edges(rows: Sequence[Row]) -> list[float]:
    """Return for each row where its lines end when they are full.

    That is the edge that three rows in a run share. A wide caption may stand right
    above a narrow column, so that the widest row of a segment says too much.
    """
    widest = max(row.right for row in rows)
    edges: list[float | None] = [None] * len(rows)
    start = 0
    for n in range(1, len(rows) + 1):
        tolerance = EDGE_EM * rows[start].em
        if n < len(rows) and abs(rows[n].right - rows[start].right) <= tolerance:
            continue
        if n - start >= EDGE_ROWS:
            edges[start:n] = [max(row.right for row in rows[start:n])] * (n - start)
        start = n
    return _spread(edges, default=widest)


def _spread(edges: Sequence[float | None], *, default: float) -> list[float]:
    """Return edges with the unknown ones taken from the nearest known one."""
    known = [n for n, edge in enumerate(edges) if edge is not None]
    if not known:
        return [default] * len(edges)
    values = [edges[n] or default for n in known]
    if max(values) - min(values) < 0.02:
        return [max(values)] * len(edges)
    spread: list[float] = []
    place = 0
    for n in range(len(edges)):
        while place + 1 < len(known) and abs(known[place + 1] - n) <= abs(
            known[place] - n
        ):
            place += 1
        spread.append(values[place])
    return spread


def _is_like(above: Row, below: Row) -> bool:
    if below.top < above.top - 0.002 or _differ(above.size_pt, below.size_pt):
        return False
    if min(above.right, below.right) <= max(above.left, below.left):
        return False
    shift = abs(above.left - below.left)
    return shift <= COLUMN_SHIFT_EM * above.em or _are_centred(above, below)


def _differ(size_pt: float, other_pt: float) -> bool:
    larger, smaller = max(size_pt, other_pt), min(size_pt, other_pt)
    return larger > SIZE_CHANGE * smaller


def _are_centred(above: Row, below: Row) -> bool:
    if abs(above.left - below.left) < INDENT_EM * above.em:
        return False
    return abs(above.left + above.right - below.left - below.right) < (
        CENTRED_EM * above.em
    )


def _pitch(rows: Sequence[Row], fallback: float | None) -> float:
    """Return the median distance from one row to the next."""
    steps = []
    for above, below in itertools.pairwise(rows):
        step = min(below.top - above.top, below.bottom - above.bottom)
        if 0.002 < step < 4 * (above.bottom - above.top + 0.004):
            steps.append(step)
    if len(steps) >= 3 or (steps and fallback is None):
        return median(steps)
    if steps and fallback is not None:
        height = median(row.bottom - row.top for row in rows)
        return min(min(steps), max(fallback, 1.35 * height))
    if fallback is not None:
        return fallback
    return USUAL_PITCH * median(row.bottom - row.top for row in rows) * 1.2


def _gap(above: Row, below: Row, pitch: float) -> tuple[float, bool]:
    """Return the way down in pitches, and whether a new column begins instead."""
    step = min(below.top - above.top, below.bottom - above.bottom)
    if step < -0.3 * pitch:
        return 9.0, True
    apart = min(above.right, below.right) <= max(above.left, below.left)
    if apart and step < 0.5 * pitch:
        return 9.0, True
    return step / pitch, False


def _starts_new(
    group: Group, row: Row, follows: Row | None, *, gap: float, segment: Segment
) -> bool:
    """Return whether a row begins a new paragraph below the group's last row."""
    if group.texture is not Texture.PROSE:
        return gap > 3.0
    last = group.last
    if is_broken(last.text) and gap < 2.5:
        return False
    if gap > PARAGRAPH_GAP or _differ(last.size_pt, row.size_pt):
        return True
    ended = ended_early(last, row, segment)
    if last.bold != row.bold and (ended or group.first.bold != row.bold):
        return ended or _is_heading_like(group)
    if CAPTION.match(row.text) and (ended or SENTENCE_END.search(last.text)):
        return True
    if LIST_MARK.match(row.text):
        is_sure = BULLET.match(row.text) is not None or _is_next_item(group, row)
        if is_sure or ended or SENTENCE_END.search(last.text):
            return not _is_wrapped_number(group, row)
    if _are_centred(last, row) and _is_inset(row, segment):
        return False
    if _is_indented_start(group, row, follows, ended=ended):
        return True
    return ended and SENTENCE_END.search(last.text) is not None


def _is_heading_like(group: Group) -> bool:
    return len(group.rows) <= 3 and group.is_bold


def _is_next_item(group: Group, row: Row) -> bool:
    """Return whether a row starts with the sign that the item above starts with."""
    first = group.first
    same_sign = first.text[0] == row.text[0] and not first.text[0].isalnum()
    return same_sign and abs(first.left - row.left) < INDENT_EM * row.em


def _is_wrapped_number(group: Group, row: Row) -> bool:
    """Return whether "12. The" only looks like a mark: it stands inside an item."""
    if BULLET.match(row.text) or not LIST_MARK.match(group.first.text):
        return False
    return row.left > group.first.left + INDENT_EM * row.em


def _is_inset(row: Row, segment: Segment) -> bool:
    return row.left > segment.left + INDENT_EM * row.em or segment.rows <= 4


def ended_early(last: Row, row: Row, segment: Segment) -> bool:
    """Return whether the next row's first word would have fitted on this one."""
    word_chars = len(row.text.split(" ", 1)[0])
    char_width = (row.right - row.left) / max(1, len(row.text))
    room = segment.right - last.right
    return room > char_width * (word_chars + 1) + FULL_ROW_EM * last.em


def _is_indented_start(
    group: Group, row: Row, follows: Row | None, *, ended: bool
) -> bool:
    """Return whether a row's indent, against the group's own shape, says "new"."""
    tolerance = INDENT_EM * row.em
    first = group.first
    says_end = ended or SENTENCE_END.search(group.last.text) is not None
    if len(group.rows) == 1:
        if row.left > first.left + tolerance:  # a hanging indent, or a new start
            hangs = follows is not None and abs(follows.left - row.left) < tolerance
            return says_end and not (hangs and LIST_MARK.match(first.text))
        is_after_item = LIST_MARK.match(first.text) is not None
        return says_end and is_after_item and row.left < first.left - tolerance
    body_left = group.rows[1].left
    if row.left > body_left + tolerance:
        return says_end or follows is None or follows.left < row.left - tolerance
    if row.left < body_left - tolerance:
        return first.left < body_left - tolerance or says_end
    return False


def textures_of(rows: Sequence[Row]) -> list[Texture]:
    """Return how each row looks: prose, or part of a table, listing or formula."""
    textures = [Texture.PROSE] * len(rows)
    odd = [row if UNLIKE_PROSE.search(row.text) or row.cells else None for row in rows]
    if not any(odd):
        return textures
    maths = [_is_maths(row) if row else 0.0 for row in odd]
    code = [_code_weight(row) if row else 0.0 for row in odd]
    _mark_runs(textures, maths, Texture.MATHS, least=1)
    _mark_runs(textures, code, Texture.CODE, least=2)
    _mark_contents(textures, rows)
    _mark_tables(textures, rows, odd)
    return textures


def _mark_runs(
    textures: list[Texture], likely: Sequence[float], texture: Texture, *, least: int
) -> None:
    """Mark runs of likely rows, one doubtful row between two likely ones included."""
    if not any(likely):
        return
    start = None
    weight = 0.0
    for n in range(len(likely) + 1):
        value = likely[n] if n < len(likely) else 0.0
        bridged = 0 < n < len(likely) - 1 and likely[n - 1] and likely[n + 1] >= 1
        if value or (start is not None and bridged and value >= 0):
            start = n if start is None else start
            weight += value
            continue
        if start is not None and weight >= least:
            textures[start:n] = [texture] * (n - start)
        start, weight = None, 0.0


def _is_maths(row: Row) -> float:
    text = row.text
    if text.isascii() and "=" not in text:
        return 0.0
    signs = len(MATHS_SIGN.findall(text))
    if not signs or PROSE.search(text):
        return 0.0
    words = LONG_WORD.findall(text)
    if MATHS_STRONG.search(text):
        return float(len(words) <= 2 and 4 * sum(map(len, words)) < 2 * len(text))
    is_formula = "=" in text and not words and len(text) >= 5
    return float(is_formula and not CODE_STRONG.search(text))


def _code_weight(row: Row) -> float:
    """Return 1 or 2 for rows that look like a program, -1 for sure prose, else 0."""
    text = row.text
    signs = len(CODE_SIGNS.findall(text))
    if not signs:
        return 0.0
    is_strong = CODE_STRONG.search(text) is not None
    remark = COMMENT.search(text)
    if PROSE.search(text[: remark.start()] if remark else text):
        return float(signs > 0.12 * len(text))
    if is_strong and (signs >= 2 or len(LONG_WORD.findall(text)) <= 2):
        return 1.0
    return 1.0 if signs >= 4 and signs > 0.16 * len(text) else 0.0


def _mark_contents(textures: list[Texture], rows: Sequence[Row]) -> None:
    """Mark the lines of a printed table of contents: they end in rising numbers."""
    run: list[int] = []
    has_leader = False
    before = 0
    for n in range(len(rows) + 1):
        number, is_leader = _entry(rows[n].text) if n < len(rows) else (-1, False)
        is_prose = n < len(rows) and textures[n] is Texture.PROSE
        if is_leader or (is_prose and number >= before):
            run.append(n)
            before = max(before, number)
            has_leader = has_leader or is_leader
            continue
        if len(run) >= LEAST_ENTRIES or has_leader:
            textures[run[0] : run[-1] + 1] = [Texture.CONTENTS] * len(run)
        run, before, has_leader = [], 0, False
    _bridge_contents(textures, rows)


def _entry(text: str) -> tuple[int, bool]:
    """Return the page an entry names, -1 for none, and whether dots lead to it."""
    if text[-1] not in PAGE_DIGITS:
        return -1, False
    match = TRAILING_PAGE.search(text)
    is_short = match is not None and len(text) <= ENTRY_CHARS
    number = int(match[1]) if match and is_short else -1
    return number, LEADER.search(text) is not None


def _bridge_contents(textures: list[Texture], rows: Sequence[Row]) -> None:
    """Mark the first lines of entries that take two: those between other entries."""
    for n in range(1, len(rows) - 1):
        is_between = textures[n - 1] is textures[n + 1] is Texture.CONTENTS
        if is_between and len(rows[n].text) <= ENTRY_CHARS:
            textures[n] = Texture.CONTENTS


def _mark_tables(
    textures: list[Texture], rows: Sequence[Row], odd: Sequence[Row | None]
) -> None:
    """Mark rows set in cells, and rows of numbers."""
    likely = [
        0.0 if row is None else float(len(row.cells) >= 2) or _number_weight(row)
        for row in odd
    ]
    for n, texture in enumerate(textures):
        if texture in (Texture.CODE, Texture.MATHS, Texture.CONTENTS):
            likely[n] = 0.0
    _extend_below_captions(likely, rows)
    _mark_runs(textures, likely, Texture.TABLE, least=2)
    for n in range(len(rows) - 1, 0, -1):
        is_below_prose = textures[n - 1 : n + 1] == [Texture.PROSE, Texture.TABLE]
        if is_below_prose and _is_table_head(rows[n - 1], rows[n]):
            textures[n - 1] = Texture.TABLE


def _is_table_head(row: Row, below: Row) -> bool:
    """Return whether a row names the columns of the row below it."""
    tokens = row.text.split()
    step = below.top - row.top
    is_near = 0 < step < 2.2 * max(row.bottom - row.top, below.bottom - below.top)
    if not is_near or not 2 <= len(tokens) <= 16 or len(below.text.split()) < 3:
        return False
    if row.text[-1] in ".,:;" or CAPTION.match(row.text):
        return False
    named = sum(not token[0].islower() for token in tokens)
    if PROSE.search(row.text):
        return named == len(tokens)
    return 2 * named > len(tokens)


def _number_weight(row: Row) -> float:
    if DIGIT.search(row.text) is None:
        return 0.0
    tokens = row.text.split()
    if len(tokens) < 3:
        return 0.0
    numbers = sum(NUMBER_TOKEN.match(token) is not None for token in tokens)
    if row.text[-1] in ".,;" and numbers < 0.7 * len(tokens):
        return 0.0
    if numbers < 2 or numbers < 0.3 * len(tokens):
        return 0.0
    return 1.0 if numbers >= 0.4 * len(tokens) else 0.7


def _extend_below_captions(likely: list[float], rows: Sequence[Row]) -> None:
    """Count rows between a table's caption and its first numbers as its head."""
    for n, row in enumerate(rows):
        if not row.text[:3].lower().startswith("tab") or not CAPTION.match(row.text):
            continue
        until = min(n + CAPTION_ROWS, len(rows))
        ahead = next((i for i in range(n + 1, until) if likely[i]), n)
        for i in range(ahead - 1, n, -1):
            text = rows[i].text
            if PROSE.search(text) or text[-1] in ".,;" or len(text) > HEAD_CHARS:
                break
            likely[i] = 1.0
