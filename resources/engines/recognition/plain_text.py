"""Plain text: its encoding, its pages, and the paragraphs its lines make."""

import re
from collections.abc import Iterator
from itertools import pairwise

from lectern.documents.pages import BlockKind, Element
from lectern.errors import DamagedFile

BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
CONTROLS = re.compile("[\x80-\x84\x86-\x9f]")
ENCODED_TWICE = re.compile("[\xc2-\xf4][\x80-\xbf]{1,3}")
ENCODINGS = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
    "koi8_r", "iso8859_2", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr", "cp949",
]  # fmt: skip
"""Those that documents are really found in; more would be guessed by chance."""
FEW_ACCENTS = 0.12
ACCENTED = {
    "cp1250": frozenset({"pl", "cs", "sk", "hu", "ro", "hr", "sl", "sq"}),
    "cp1254": frozenset({"tr"}),
    "cp1257": frozenset({"lt", "lv", "et"}),
}
GUESSED_FROM_BYTES = 64 * 1024
GOING_ON_SHARE = 0.15
"""Of pairs of lines: wrapped prose has more whose second begins in lower case."""
FULL_LINE = 0.88
"""Of the width around: a line with more room left was ended on purpose."""
NEAR_LINES = 4
LEAST_WIDTH, MOST_WIDTH = 45, 170
CHAPTER = re.compile(
    r"(?:chapter|part|book|section|act|scene|volume|canto|letter|kapitel|chapitre|"
    r"capítulo|capitolo|глава|часть)\s+(?:[ivxlcdm]+|\d+|[a-z]+)\b.{0,60}",
    re.IGNORECASE,
)
NAMED_PART = re.compile(
    r"(?:preface|prologue|epilogue|introduction|foreword|contents|conclusion|"
    r"appendix(?:\s+\w)?|afterword|acknowledge?ments|abstract|references)\.?",
    re.IGNORECASE,
)
LIST_ITEM = re.compile(r"(?:[-*•‣◦–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
BULLET = re.compile(r"^[-*•‣◦–]\s+")
UNDERLINE = re.compile(r"([=\-~^*])\1{2,}")
HEADING_CHARS = 80


def decode(data: bytes, *, is_glance: bool = False) -> str:
    """Return a text in whatever common encoding it is written.

    A glance takes every old encoding for Windows-1252, which is enough to see tags.

    Raises:
        DamagedFile: No encoding makes a text of it.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").lstrip("\ufeff")
    if wide := _wide_encoding(data):
        return data.decode(wide, "replace")
    try:
        return _unmixed(data.decode("utf-8"))
    except UnicodeDecodeError:
        encoding = "cp1252" if is_glance else _guessed(data)
        return data.decode(encoding, "replace")


def _unmixed(text: str) -> str:
    """Return a text whose characters were encoded twice, as "â\x80\x93", mended.

    Only where C1 control characters prove it: no author types them.
    """
    if not CONTROLS.search(text):
        return text
    return ENCODED_TWICE.sub(_decoded_again, text)


def _decoded_again(found: re.Match[str]) -> str:
    return found.group().encode("latin-1").decode("utf-8", "ignore")


def _wide_encoding(data: bytes) -> str | None:
    """Return UTF-16 without its mark, known by the zeros in every other byte."""
    sample = data[:4096]
    half = max(1, len(sample) // 2)
    if sample[1::2].count(0) > 0.6 * half:
        return "utf-16-le"
    if sample[0::2].count(0) > 0.6 * half:
        return "utf-16-be"
    return None


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    sample = data[:GUESSED_FROM_BYTES]
    high = sum(byte > 127 for byte in sample)
    if high < FEW_ACCENTS * len(sample):
        return _guessed_by_language(sample)
    best = from_bytes(sample, cp_isolation=ENCODINGS).best()
    if best is None:
        raise DamagedFile(
            "The text is in an encoding that cannot be told. Save it as UTF-8 and "
            "try again."
        )
    return best.encoding


def _guessed_by_language(sample: bytes) -> str:
    """Return the encoding of a text with a few accents, which fit many by chance."""
    import py3langid

    for encoding, spoken in ACCENTED.items():
        language, _ = py3langid.classify(sample.decode(encoding, "replace"))
        if language in spoken:
            return encoding
    return "cp1252"


def pages(text: str) -> list[list[Element]]:
    """Return the elements of a text, page by page where it has form feeds."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    is_wrapped = _is_wrapped(text)
    sheets = [sheet for sheet in text.split("\f") if sheet.strip()]
    return [list(elements(sheet, is_wrapped=is_wrapped)) for sheet in sheets]


def _is_wrapped(text: str) -> bool:
    """Return whether lines were broken by width: then many go on in lower case."""
    lines = [line.strip() for line in text.split("\n")]
    pairs = [(a, b) for a, b in pairwise(lines) if a and b]
    lower = sum(b[0].islower() for _, b in pairs)
    return lower > GOING_ON_SHARE * len(pairs)


def elements(text: str, *, is_wrapped: bool) -> Iterator[Element]:
    """Yield the paragraphs, headings and list items of one page."""
    for group in re.split(r"\n[ \t]*\n", text):
        lines = [line.rstrip() for line in group.split("\n") if line.strip()]
        if any(char.isalnum() for line in lines for char in line):
            yield from _group(lines, is_wrapped=is_wrapped)


def _group(lines: list[str], *, is_wrapped: bool) -> Iterator[Element]:
    """Yield what a group of lines without a blank line between them holds."""
    if len(lines) == 2 and UNDERLINE.fullmatch(lines[1].strip()):
        yield Element(BlockKind.HEADING, lines[0].strip(), 2)
        return
    if len(lines) <= 2 and (level := _heading_level(lines)):
        yield Element(BlockKind.HEADING, " ".join(s.strip() for s in lines), level)
        return
    if len(lines) > 1 and _heading_level(lines[:1]) == 1:
        yield Element(BlockKind.HEADING, lines[0].strip(), 1)
        lines = lines[1:]
    lines = [line for line in lines if any(char.isalnum() for char in line)]
    for joined in _joined(lines, is_wrapped=is_wrapped):
        if LIST_ITEM.match(joined):
            yield Element(BlockKind.LIST, BULLET.sub("", joined), 1)
        else:
            yield Element(BlockKind.PARAGRAPH, joined)


def _heading_level(lines: list[str]) -> int:
    """Return 1 for a chapter, 2 for a lesser heading, 0 for running text."""
    text = " ".join(line.strip() for line in lines)
    if len(text) > HEADING_CHARS or not any(char.isalpha() for char in text):
        return 0
    if CHAPTER.fullmatch(text) or NAMED_PART.fullmatch(text):
        return 1 if text[-1] not in ",;" else 0
    letters = [char for char in text if char.isalpha()]
    cased = any(char.lower() != char.upper() for char in letters)
    is_loud = cased and len(letters) > 3 and text == text.upper()
    return 2 if is_loud and text[-1] not in ".,;:!?" else 0


def _joined(lines: list[str], *, is_wrapped: bool) -> Iterator[str]:
    """Yield paragraphs: a line goes on if it is full, and the next starts none."""
    running = ""
    for place, line in enumerate(lines):
        stripped = line.strip()
        starts = LIST_ITEM.match(stripped) or _is_indented(line, lines, place)
        if running and (starts or not is_wrapped or not _goes_on(lines, place)):
            yield running
            running = ""
        running = _glued(running, stripped)
    if running:
        yield running


def _is_indented(line: str, lines: list[str], place: int) -> bool:
    """Return whether a line is set in, as the first of a paragraph, and others not."""
    return (
        place > 0
        and line[:2].isspace()
        and not lines[place - 1][:2].isspace()
        and sum(not other[:2].isspace() for other in lines) > len(lines) / 2
    )


def _goes_on(lines: list[str], place: int) -> bool:
    """Return whether a line carries on the one before it.

    It does if its first word had no room there, measured by the lines around, as
    one text may be wrapped at several widths.
    """
    before, line = lines[place - 1].rstrip(), lines[place].strip()
    if line[0].islower() and before[-1] not in ".!?:":
        return True
    widths = [
        max(map(len, lines[max(0, place - NEAR_LINES) : place])),
        max(map(len, lines[place : place + NEAR_LINES])),
    ]
    width = max(widths) if before[-1] in ".!?:" else min(widths)
    if not LEAST_WIDTH <= width <= MOST_WIDTH:
        return False
    first_word = len(line.split(maxsplit=1)[0])
    return len(before) + 1 + first_word >= FULL_LINE * width


def _glued(running: str, line: str) -> str:
    if not running:
        return line
    if re.search(r"[^\W\d_]-$", running) and line[0].isalpha():
        return running + line  # typed texts break at hyphens that belong to the word
    return f"{running} {line}"
