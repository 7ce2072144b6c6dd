"""How printed rows look: prose, or part of a table, a listing, a formula, a table of
contents. Told by their signs, numbers and cells, and by the rows around them.
"""

import re
from collections.abc import Sequence
from enum import Enum, auto

from lectern.documents.rows import Row

CAPTION_ROWS = 14
"""A table's head ends within so many rows below its caption."""
HEAD_CHARS = 70

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
NO_ENTRY = (-1, False)
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


def textures_of(rows: Sequence[Row]) -> list[Texture]:
    """Return how each row looks: prose, or part of a table, listing or formula."""
    textures = [Texture.PROSE] * len(rows)
    odd = [row if row.cells or UNLIKE_PROSE.search(row.text) else None for row in rows]
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
    entries = [_entry(row.text) for row in rows]
    named = sum(number >= 0 for number, _ in entries)
    if named < LEAST_ENTRIES and not any(is_leader for _, is_leader in entries):
        return
    run: list[int] = []
    has_leader = False
    before = 0
    for n in range(len(rows) + 1):
        number, is_leader = entries[n] if n < len(rows) else NO_ENTRY
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
        return NO_ENTRY
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
        float(len(row.cells) >= 2) or _number_weight(row)
        if row is not None and texture is Texture.PROSE
        else 0.0
        for row, texture in zip(odd, textures, strict=True)
    ]
    if not any(likely):
        return
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
