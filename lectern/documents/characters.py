"""The characters of recognised text, put into the one form the rest relies on.

What a font or an encoding did to the letters is undone here: ligatures, accents
printed as signs of their own, odd blanks, invisible marks. Words stay as they are.
"""

import re
import unicodedata

SOFT_HYPHEN = "\ufffe"
"""Stands at a line's end where the source marks its hyphen as soft."""

ODD = re.compile(
    "[\x00-\x1f\x7f-\xa0\u00a8\u00ad\u00af\u00b4\u00b8\u02c6\u02c7\u02d8-\u02dd\u0060"
    "\u1680\u180e\u2000-\u200b\u200e-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    "\ufb00-\ufb06\ufb50-\ufdfb\ufe70-\ufeff\ufffd\ue000-\uf8ff]|  "
)
BLANKS = re.compile(
    "[\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
)
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufffd]"
)
SOFT_HYPHEN_SIGN = "\u00ad"  # a place where a word may be broken, seldom a break
LIGATURES = re.compile("[\ufb00-\ufb06\ufb50-\ufdfb\ufe70-\ufefc]+")
BULLETS_OF_SYMBOL_FONTS = re.compile("[\uf0a7\uf0b7\uf0d8\uf076\uf0fc\uf06e]")
PRIVATE = re.compile("[\ue000-\uf8ff]")
SPACING_ACCENT = re.compile(
    "(?:([\u00a8\u00af\u00b4\u00b8\u02c6\u02c7\u02d8-\u02dd]) ?"
    "|(?<=[^\\W\\d_])(\u0060)(?=[aeiou]))([^\\W\\d_])"
)
"""A grave accent also quotes: it counts only inside a word and before a vowel."""
ACCENTS = {
    "\u00a8": "\u0308",
    "\u00af": "\u0304",
    "\u00b4": "\u0301",
    "\u0060": "\u0300",
    "\u00b8": "\u0327",
    "\u02c6": "\u0302",
    "\u02c7": "\u030c",
    "\u02d8": "\u0306",
    "\u02d9": "\u0307",
    "\u02da": "\u030a",
    "\u02db": "\u0328",
    "\u02dc": "\u0303",
    "\u02dd": "\u030b",
}
DOTLESS = str.maketrans({"\u0131": "i", "\u0237": "j"})


def clean(text: str) -> str:
    """Return text in NFC with plain single blanks and whole letters.

    Line ends count as blanks. Most lines are clean already, and are told so by
    one search.
    """
    if text.isascii() and text.isprintable() and "  " not in text and "`" not in text:
        return text
    if ODD.search(text):
        text = _mended(text)
    return unicodedata.normalize("NFC", text)


def clean_lines(text: str) -> str:
    """Return text cleaned line by line, with its line ends kept."""
    if "\n" not in text:
        return clean(text).strip()
    lines = (clean(line).rstrip() for line in text.splitlines())
    return "\n".join(lines).strip("\n")


def clean_code(text: str) -> str:
    """Return text without invisible characters, its blanks and lines kept."""
    lines = (
        INVISIBLE.sub("", line.expandtabs(4)).rstrip() for line in text.splitlines()
    )
    return "\n".join(lines).strip("\n")


def _mended(text: str) -> str:
    text = INVISIBLE.sub("", text.replace(SOFT_HYPHEN_SIGN, ""))
    text = BULLETS_OF_SYMBOL_FONTS.sub("•", text)
    text = PRIVATE.sub("", text)
    text = LIGATURES.sub(_without_ligature, text)
    text = SPACING_ACCENT.sub(_accented, text)
    return BLANKS.sub(" ", text)


def _without_ligature(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match.group())


def _accented(match: re.Match[str]) -> str:
    """Return an accent and the letter after it as one letter, if there is such one.

    TeX's older fonts print "naïve" as a, diaeresis, dotless i, and that is the
    order they are found in.
    """
    accent, letter = match[1] or match[2], match[3]
    joined = unicodedata.normalize("NFC", letter.translate(DOTLESS) + ACCENTS[accent])
    return joined if len(joined) == 1 else match.group()
