"""Whether a text layer can be read, or is the debris of a broken font or scan.

Judged without word lists, so that no language is put at a disadvantage.
"""

import re
import unicodedata
from functools import lru_cache
from string import ascii_lowercase

SAMPLE_CHARS = 1500
UNPRINTABLE_SHARE = 0.12
"""Past this share of control, private and replacement characters, text is noise."""
LETTER_SHARE = 0.35
WORDLIKE_SHARE = 0.55
FEW_WORDS = 8
"""Too few to judge by how words look."""
COMMON_LETTERS = "eaoinrstuld"
VOWELS = "aeiouy"
COMMON_SHARE = 0.5
VOWEL_SHARE = (0.25, 0.68)
"""Of 323 languages written in Latin letters, all but one lie within; texts whose
letters were shifted mostly do not."""
ENOUGH_LETTERS = 60
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd\U000f0000-\U0010ffff]"
)
LETTERS_OR_DIGITS = re.compile(r"[^\W_]+")
WORD = re.compile(r"[^\s\"“”‘«»()\[\]{}<>!?…—–*•·|\\]{3,}")
LEADERS = re.compile(r"([^\w\s])(?:\1{2,}|(?<=[.·]) (?:[.·] ){2,})")
"""Signs in a run, or dots with blanks between them. The set comes first: it is what
the search can look for quickly."""
NO_LETTERS = re.compile(r"[\W\d_]*")
LATIN = re.compile(r"[\x00-\u024f’‐‑]*")
VOWEL = re.compile("[aeiouyæœøı]")
JOINTS = re.compile(r"[-'’‐‑/.,;:_@&+]+")


def is_legible(text: str) -> bool:
    """Return whether a text reads as text in some script."""
    # The dots of a table of contents lead the eye and say nothing.
    sample = LEADERS.sub("", text[: SAMPLE_CHARS * 2].replace("\ufffe", ""))
    sample = sample[:SAMPLE_CHARS]
    visible_chars = len("".join(sample.split()))
    if not visible_chars:
        return False
    if len(UNPRINTABLE.findall(sample)) > UNPRINTABLE_SHARE * visible_chars:
        return False
    # A page of figures is legible; a page of signs is not.
    if _letters_and_digits(sample) < LETTER_SHARE * visible_chars:
        return False
    if _letters_are_shuffled(sample):
        return False
    words = [w for w in WORD.findall(sample) if not NO_LETTERS.fullmatch(w)]
    if len(words) < FEW_WORDS:
        return True
    return sum(map(_is_wordlike, words)) >= WORDLIKE_SHARE * len(words)


def _letters_and_digits(text: str) -> int:
    return sum(map(len, LETTERS_OR_DIGITS.findall(text)))


def _letters_are_shuffled(sample: str) -> bool:
    """Return whether Latin letters are as frequent as in no language."""
    plain = unicodedata.normalize("NFD", sample.lower())
    counts = {letter: plain.count(letter) for letter in ascii_lowercase}
    letters = sum(counts.values())
    if letters < ENOUGH_LETTERS:
        return False
    common = sum(counts[letter] for letter in COMMON_LETTERS) / letters
    vowels = sum(counts[letter] for letter in VOWELS) / letters
    least, most = VOWEL_SHARE
    return common < COMMON_SHARE or not least < vowels < most


@lru_cache(maxsize=20_000)
def _is_wordlike(word: str) -> bool:
    """Return whether letters, case and vowels are as in a written word."""
    if not LATIN.fullmatch(word):
        return _letters_and_digits(word) * 3 >= len(word)
    return all(map(_is_latin_wordlike, filter(None, JOINTS.split(word))))


def _is_latin_wordlike(part: str) -> bool:
    if part.isdigit() or len(part) == 1:
        return True
    cased = part.isupper() or part[1:].islower()
    if not part.isalpha() or not cased:
        return False
    if len(part) <= 3 or VOWEL.search(lower := part.lower()):
        return True
    return VOWEL.search(unicodedata.normalize("NFD", lower)) is not None
