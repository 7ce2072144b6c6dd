"""English words and their sounds, as far as aligning text with speech needs them.

A dictionary knows most words. What it lacks is spelled out here: numbers in words,
unknown words by how their letters are mostly said. A rough pronunciation places a
word within a few hundredths of a second; nothing is ever spoken by it.
"""

import re

ONES = (  # noqa: SIM905
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"))
LARGEST = 10**12
FIRST_YEAR, AFTER_LAST_YEAR = 1100, 2000

SIGNS = {"%": "percent", "&": "and", "+": "plus", "$": "dollars", "£": "pounds"}
_PIECE = re.compile(r"\d[\d,]*(?:\.\d+)?|[a-z]+(?:['’][a-z]+)*|[%&+$£]")

SOUNDS = (  # longest first within a first letter; ARPAbet as CMU writes it
    ("tion", "SH AH N"), ("sion", "ZH AH N"), ("ture", "CH ER"), ("ough", "OW"),
    ("augh", "AO"), ("eigh", "EY"), ("tch", "CH"), ("sch", "S K"), ("dge", "JH"),
    ("igh", "AY"), ("ear", "IH R"), ("our", "AO R"), ("eau", "OW"), ("ch", "CH"),
    ("sh", "SH"), ("th", "TH"), ("ph", "F"), ("wh", "W"), ("ck", "K"), ("ng", "NG"),
    ("qu", "K W"), ("kn", "N"), ("wr", "R"), ("gh", "G"), ("ee", "IY"), ("ea", "IY"),
    ("oo", "UW"), ("ou", "AW"), ("ow", "OW"), ("oi", "OY"), ("oy", "OY"),
    ("ai", "EY"), ("ay", "EY"), ("au", "AO"), ("aw", "AO"), ("ie", "IY"),
    ("ei", "AY"), ("ey", "IY"), ("oa", "OW"), ("ue", "UW"), ("ui", "UW"),
    ("ar", "AA R"), ("er", "ER"), ("ir", "ER"), ("or", "AO R"), ("ur", "ER"),
    ("ss", "S"), ("ll", "L"), ("tt", "T"), ("pp", "P"), ("nn", "N"), ("mm", "M"),
    ("rr", "R"), ("ff", "F"), ("bb", "B"), ("dd", "D"), ("gg", "G"), ("zz", "Z"),
    ("cc", "K"), ("ce", "S EH"), ("ci", "S IH"), ("cy", "S IY"), ("ge", "JH EH"),
    ("a", "AE"), ("b", "B"), ("c", "K"), ("d", "D"), ("e", "EH"), ("f", "F"),
    ("g", "G"), ("h", "HH"), ("i", "IH"), ("j", "JH"), ("k", "K"), ("l", "L"),
    ("m", "M"), ("n", "N"), ("o", "AA"), ("p", "P"), ("q", "K"), ("r", "R"),
    ("s", "S"), ("t", "T"), ("u", "AH"), ("v", "V"), ("w", "W"), ("x", "K S"),
    ("y", "IY"), ("z", "Z"),
)  # fmt: skip
_SILENT_E = re.compile(r"(?<=[a-z]{2}[^aeiou])e$")


def words_of(token: str) -> list[str]:
    """Return the words that are said of one run between blanks, in lower case."""
    words: list[str] = []
    for piece in _PIECE.findall(token.lower().replace("’", "'")):
        if piece[0].isdigit():
            words += _number(piece.replace(",", ""))
        else:
            words.append(SIGNS.get(piece, piece))
    return words


def sounds_of(word: str) -> str:
    """Return about how a word that no dictionary has is said, in ARPAbet."""
    letters = _SILENT_E.sub("", word.replace("'", ""))
    sounds: list[str] = []
    place = 0
    while place < len(letters):
        for spelling, sound in SOUNDS:
            if letters.startswith(spelling, place):
                sounds.append(sound)
                place += len(spelling)
                break
        else:
            place += 1  # a letter of another alphabet
    return " ".join(sounds)


def _number(digits: str) -> list[str]:
    whole, _, fraction = digits.partition(".")
    value = int(whole)
    if value >= LARGEST:
        words = [ONES[int(digit)] for digit in whole]
    elif len(whole) == 4 and FIRST_YEAR <= value < AFTER_LAST_YEAR and not fraction:
        words = [*_cardinal(value // 100), *_rest_of_year(value % 100)]
    else:
        words = _cardinal(value)
    if fraction:
        words += ["point", *(ONES[int(digit)] for digit in fraction)]
    return words


def _rest_of_year(value: int) -> list[str]:
    if value == 0:
        return ["hundred"]
    return ["oh", ONES[value]] if value < 10 else _cardinal(value)


def _cardinal(value: int) -> list[str]:
    if value < 20:
        return [ONES[value]]
    if value < 100:
        rest = _cardinal(value % 10) if value % 10 else []
        return [TENS[value // 10 - 2], *rest]
    if value < 1000:
        rest = _cardinal(value % 100) if value % 100 else []
        return [ONES[value // 100], "hundred", *rest]
    for scale, name in SCALES:
        if value >= scale:
            rest = _cardinal(value % scale) if value % scale else []
            return [*_cardinal(value // scale), name, *rest]
    raise AssertionError  # every value from 1000 on has a scale
