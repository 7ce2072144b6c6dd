"""Names for files that any system takes: Windows, macOS, Linux, inside a zip."""

import re
import unicodedata
from collections.abc import Iterable

NAME_BYTES = 180
"""Of UTF-8, suffix included: file systems take 255, and some add to a name."""
FALLBACK = "Untitled"
PARTING = re.compile(r"\s*[/\\|]+\s*")
FORBIDDEN = re.compile(r'[<>:"?*]+')
RESERVED = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE
)
"""Names of devices on Windows, whatever their ending."""
JOINERS = "\u200c\u200d"
"""Invisible, and part of how words and emoji are written."""


def safe_name(title: str, suffix: str) -> str:
    """Return a file name made from a title; ``suffix`` is without its dot."""
    stem = _bounded(_cleaned(title), NAME_BYTES - len(suffix.encode()) - 1)
    if not stem or RESERVED.fullmatch(stem):
        stem = f"{FALLBACK} {stem}".strip()
    return f"{stem}.{suffix}"


def numbered_names(titles: Iterable[str], suffix: str) -> list[str]:
    """Return names that sort in the order of their titles, each one different."""
    listed = list(titles)
    width = max(2, len(str(len(listed))))
    return [
        safe_name(f"{number:0{width}d} {title}", suffix)
        for number, title in enumerate(listed, start=1)
    ]


def _cleaned(title: str) -> str:
    text = unicodedata.normalize("NFC", title)
    kept = "".join(char if _is_kept(char) else " " for char in text)
    plain = PARTING.sub("-", FORBIDDEN.sub(" ", kept))
    return " ".join(plain.split()).strip(f" .-{JOINERS}")


def _is_kept(char: str) -> bool:
    if char in JOINERS:
        return True
    # Control characters, marks that turn the direction, halves of characters.
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _bounded(stem: str, most_bytes: int) -> str:
    if len(stem.encode()) <= most_bytes:
        return stem
    cut = stem.encode()[:most_bytes].decode("utf-8", "ignore")
    left = stem[len(cut)]
    # What belongs to the sign before it must not begin the part that is lost.
    while cut and (
        unicodedata.combining(left) or left in JOINERS or cut[-1] in JOINERS
    ):
        left, cut = cut[-1], cut[:-1]
    return cut.rstrip(" .-")
