"""A cover of words alone, for documents that bring none.

Drawn with the font that lies beside this module. Signs it lacks are drawn with a font
of the system that has them; where none does, the cover stays without words: an empty
box for every letter says less than nothing.
"""

import io
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

DRAWING = "drawn 1"
SIDE_PX = 1400
MARGIN_PX = 150
RULE_PX = 6
PAPER, INK, ACCENT, SOFT = "#f6f0e4", "#2b2520", "#a4572c", "#7d7163"
SIZES_PX = (150, 128, 108, 90, 74, 60, 48)
TITLE_LINES = 6
TITLE_CHARS = 160
AUTHOR_PX = 56
LEADING = 1.22
QUALITY = 88
OWN_FONTS = tuple(
    Path(__file__).with_name("fonts") / f"literata-{part}-wght-normal.woff2"
    for part in ("latin", "latin-ext")
)
SYSTEM_FONTS = Path("/usr/share/fonts")
SYSTEM_FONTS_TRIED = 200
NEVER_A_SIGN = "\uffff"

Font = ImageFont.FreeTypeFont


def draw_cover(title: str, author: str) -> bytes:
    """Return a cover with a title and, if known, an author, as a JPEG."""
    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, 44, SIDE_PX), fill=ACCENT)
    middle = SIDE_PX - MARGIN_PX - 3 * AUTHOR_PX
    pen.rectangle((MARGIN_PX, middle, MARGIN_PX + 180, middle + RULE_PX), fill=ACCENT)
    lines, size_px = _fitted(_shortened(title, TITLE_CHARS))
    top = MARGIN_PX + 20.0
    for line in lines:
        _write(pen, top, line, size_px, INK)
        top += size_px * LEADING
    author_line = _cut_to_width(_shortened(author, TITLE_CHARS), AUTHOR_PX)
    _write(pen, middle + 50.0, author_line, AUTHOR_PX, SOFT)
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=QUALITY)
    return target.getvalue()


def _shortened(text: str, most_chars: int) -> str:
    line = " ".join(text.split())
    if len(line) <= most_chars:
        return line
    return line[:most_chars].rsplit(" ", 1)[0].rstrip(" ,;:–—-") + "…"


def _fitted(title: str) -> tuple[list[str], int]:
    """Return a title in lines, and the largest size in which they fit."""
    if not _is_drawable(title):
        return [], SIZES_PX[-1]
    for size_px in SIZES_PX:
        lines = _wrapped(title, size_px)
        if lines is not None and len(lines) * size_px * LEADING <= 0.66 * SIDE_PX:
            return lines, size_px
    last = SIZES_PX[-1]
    words = [_cut_to_width(word, last) for word in title.split()]
    return (_wrapped(" ".join(words), last) or [])[:TITLE_LINES], last


def _wrapped(text: str, size_px: int) -> list[str] | None:
    """Return a text in lines; None when one of its words is too long for a line."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and _width(joined, size_px) <= SIDE_PX - 2 * MARGIN_PX:
            lines[-1] = joined
        elif _width(word, size_px) <= SIDE_PX - 2 * MARGIN_PX:
            lines.append(word)
        else:
            return None
    return lines if len(lines) <= TITLE_LINES else None


def _cut_to_width(text: str, size_px: int) -> str:
    if not _is_drawable(text):
        return ""
    short = text
    while short and _width(short, size_px) > SIDE_PX - 2 * MARGIN_PX:
        short = short[:-1]
    return short if short == text else f"{short[:-1]}…"


def _write(
    pen: ImageDraw.ImageDraw, top: float, text: str, size_px: int, ink: str
) -> None:
    left = float(MARGIN_PX)
    for run, path in _runs(text):
        font = _font(path, size_px)
        # On the line of the first font, as others rise and fall differently.
        ascent = _font(OWN_FONTS[0], size_px).getmetrics()[0]
        pen.text((left, top + ascent), run, font=font, fill=ink, anchor="ls")
        left += font.getlength(run)


def _width(text: str, size_px: int) -> float:
    return sum(_font(path, size_px).getlength(run) for run, path in _runs(text))


def _runs(text: str) -> list[tuple[str, Path]]:
    """Return a text in runs that one font each can draw."""
    runs: list[tuple[str, Path]] = []
    for char in text:
        path = _font_with(char)
        if path is None:
            continue
        if runs and (runs[-1][1] == path or char.isspace()):
            runs[-1] = (runs[-1][0] + char, runs[-1][1])
        else:
            runs.append((char, path))
    return runs


def _is_drawable(text: str) -> bool:
    """Whether there is a font for every letter and digit of a text."""
    return all(_font_with(char) for char in text if char.isalnum())


@lru_cache(maxsize=4096)
def _font_with(char: str) -> Path | None:
    if not char.isprintable():
        return None
    for path in (*OWN_FONTS, *_system_fonts()):
        if char.isspace() or _has(path, char):
            return path
    return None


def _has(path: Path, char: str) -> bool:
    """Whether a font draws a sign otherwise than one that cannot exist."""
    try:
        font = _font(path, SIZES_PX[-1])
        return bytes(font.getmask(char)) != _box_of(path)
    except OSError:
        return False


@lru_cache(maxsize=256)
def _box_of(path: Path) -> bytes:
    return bytes(_font(path, SIZES_PX[-1]).getmask(NEVER_A_SIGN))


@lru_cache(maxsize=256)
def _font(path: Path, size_px: int) -> Font:
    font = ImageFont.truetype(path, size_px)
    if path in OWN_FONTS:
        font.set_variation_by_axes([560])
    return font


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[Path, ...]:
    """Return fonts of this system, upright ones of ordinary weight first."""
    found = [
        path
        for ending in ("ttf", "otf", "ttc")
        for path in SYSTEM_FONTS.rglob(f"*.{ending}")
        if "ColorEmoji" not in path.name
    ]
    styled = ("bold", "italic", "oblique", "mono", "light", "condensed", "black")
    found.sort(key=lambda p: (any(s in p.name.lower() for s in styled), p.name))
    return tuple(found[:SYSTEM_FONTS_TRIED])
