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
NO_LATIN_LETTERS = bytes(set(range(256)) - set(ascii_lowercase.encode()))
COMMON_LETTERS = b"eaoinrstuld"
VOWELS = b"aeiouy"
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
PLAIN_WORD = re.compile("[A-Z]?[b-df-hj-np-tv-xz]*[aeiouy][a-z]*[.,]?")
LATIN = re.compile(r"[\x00-\u024f’‐‑]*")
VOWEL = re.compile("[aeiouyæœøı]")
JOINTS = re.compile(r"[-'’‐‑/.,;:_@&+]+")


def is_legible(text: str) -> bool:
    """Return whether a text reads as text in some script."""
    # The dots of a table of contents lead the eye and say nothing.
    sample = LEADERS.sub("", text[: SAMPLE_CHARS * 2].replace("\ufffe", ""))
    sample = sample[:SAMPLE_CHARS]
    visible = "".join(sample.split())
    if not visible:
        return False
    if _unprintable(sample) > UNPRINTABLE_SHARE * len(visible):
        return False
    # A page of figures is legible; a page of signs is not.
    plain = _latin_letters(sample)
    if len(plain) < LETTER_SHARE * len(visible) > _letters_and_digits(sample):
        return False
    if _are_shuffled(plain):
        return False
    verdicts = list(map(_is_wordlike, WORD.findall(sample)))
    words = len(verdicts) - verdicts.count(None)
    return words < FEW_WORDS or verdicts.count(True) >= WORDLIKE_SHARE * words


def _unprintable(text: str) -> int:
    if text.replace("\n", " ").isprintable() and "\ufffd" not in text:
        return 0  # as in nearly all text
    return len(UNPRINTABLE.findall(text))


def _letters_and_digits(text: str) -> int:
    return sum(map(len, LETTERS_OR_DIGITS.findall(text)))


def _latin_letters(text: str) -> bytes:
    """Return the letters a to z of a text, in lower case and without accents."""
    plain = unicodedata.normalize("NFD", text.lower()).encode("ascii", "ignore")
    return plain.translate(None, NO_LATIN_LETTERS)


def _are_shuffled(letters: bytes) -> bool:
    """Return whether Latin letters are as frequent as in no language."""
    if len(letters) < ENOUGH_LETTERS:
        return False
    rare, consonants = (
        len(letters.translate(None, others)) for others in (COMMON_LETTERS, VOWELS)
    )
    common = (len(letters) - rare) / len(letters)
    vowels = (len(letters) - consonants) / len(letters)
    least, most = VOWEL_SHARE
    return common < COMMON_SHARE or not least < vowels < most


@lru_cache(maxsize=20_000)
def _is_wordlike(word: str) -> bool | None:
    """Return whether letters, case and vowels are as in a written word.

    None says that it has no letters: it is a number or a sign.
    """
    if PLAIN_WORD.fullmatch(word):  # as most are
        return True
    if NO_LETTERS.fullmatch(word):
        return None
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
