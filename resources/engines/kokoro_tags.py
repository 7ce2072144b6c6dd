"""Word classes of English, by rules: what misaki needs to choose a pronunciation.

misaki looks words up in its own lexicon and asks a tagger which of two it is: to
record or a record, a minute or minute detail. Its own tagger is a model that has to be
downloaded. These rules need nothing: function words are listed, the rest is told by
its neighbours and its ending. Tags are those of the Penn Treebank. Pure.
"""

from collections.abc import Sequence

VERSION = "1"
"""Part of the key of every sound: other rules speak some words differently."""

LISTED = {
    "DT": "a an the this these those each every either neither another no any some all",
    "PRP": "i you he she it we they me him us them myself yourself himself herself "
    "itself ourselves themselves",
    "PRP$": "my your his her its our their",
    "IN": "of in on at by for with from into onto over under about after before "
    "between through during without within against among across along around behind "
    "beside besides beyond despite except inside like near off out outside past per "
    "since than throughout till toward towards until upon up down if because although "
    "though while whereas whether as vs vs. versus that",
    "TO": "to",
    "CC": "and or but nor yet so plus",
    "MD": "can could will would shall should may might must ca wo 'll 'd cannot",
    "WDT": "which what whatever whichever",
    "WP": "who whom whoever",
    "WRB": "when where why how whenever wherever",
    "RB": "not n't very too also just only even still never always often again now "
    "then there here quite rather almost already soon perhaps maybe ever once twice",
    "VBP": "am are do have 're 've 'm",
    "VBZ": "is has does",
    "VBD": "was were had did said went came",
    "VB": "be",
    "VBN": "been done gone",
    "VBG": "being",
    "EX": "there",
    "CD": "one two three four five six seven eight nine ten eleven twelve hundred "
    "thousand million billion",
    "JJ": "more most other such own same few many much several new old good great "
    "first second third next last",
    "POS": "'s ’s '",
    "UH": "oh yes yeah ah hello",
}
WORDS = {word: tag for tag, words in LISTED.items() for word in words.split()}
MARKS = {
    **dict.fromkeys(".!?…", "."),
    **dict.fromkeys(":;-–—", ":"),
    **dict.fromkeys("([{", "-LRB-"),
    **dict.fromkeys(")]}", "-RRB-"),
    **dict.fromkeys("$£€¥", "$"),
    ",": ",",
    "#": "#",
    "“": "``",
    "”": "''",
}
ENDS = (".", ":", "``")
"""After these a sentence or a clause begins anew."""
HAVE = {"have", "has", "had", "'ve", "’ve", "having"}
BE = {"am", "is", "are", "was", "were", "be", "been", "being", "'re", "'m", "seems"}
DO = {"do", "does", "did"}
SUBJECTS = {"i", "you", "we", "they", "who"}
SINGULAR_SUBJECTS = {"he", "she", "it"}
PARTICIPLES = {"read", "reread", "cut", "put", "set", "hurt", "shut", "let"}
"""Verbs whose past is spelled as their present."""
OBJECTS = ("DT", "PRP", "PRP$")


def tags(words: Sequence[str]) -> list[str]:
    """Return a tag for each token of a text, as spaCy's English tokeniser cuts it."""
    found: list[str] = []
    opened = False  # a straight quotation mark
    for number, word in enumerate(words):
        if word in ('"', "''"):
            found.append("''" if opened else "``")
            opened = not opened
            continue
        previous = _neighbour(words, found, number)
        following = words[number + 1] if number + 1 < len(words) else ""
        before = found[-1] if found else "."
        found.append(_tag(word, previous, before, following))
    return found


def _neighbour(words: Sequence[str], found: Sequence[str], number: int) -> str:
    """Return the word before, adverbs left out: to *never* record, has *not* read."""
    for earlier in range(number - 1, -1, -1):
        if found[earlier] != "RB":
            return words[earlier].lower()
    return ""


def _tag(word: str, previous: str, before: str, following: str) -> str:
    lower = word.lower()
    mark = _mark(word)
    if mark:
        return mark
    if word == "A" and previous and before not in ENDS:
        return "NN"  # vitamin A
    if word.isupper() and len(word) > 1:
        return WORDS.get(lower, "NNP")
    if lower == "that":
        return _that(following)
    if lower in WORDS:
        return WORDS[lower]
    if word[0].isupper() and before not in ENDS:
        return "NNPS" if lower.endswith("s") and len(word) > 4 else "NNP"
    if word.endswith("ly") and len(word) > 4:
        return "RB"
    return _verb_after(lower, previous, before) or _content(
        lower, previous, before, following
    )


def _mark(word: str) -> str:
    """Tag what is no word: blanks, marks and numbers."""
    if word.isspace():
        return "_SP"
    if word in MARKS:
        return MARKS[word]
    if not any(char.isalnum() for char in word):
        return "." if set(word) <= {".", "…", "!", "?"} else "SYM"
    if word[0].isdigit() or (word[0] in ".+-" and word[1:2].isdigit()):
        return "CD"
    return ""


def _that(following: str) -> str:
    """Return IN before a clause (he said that she …), else DT (that house)."""
    tag = WORDS.get(following.lower(), "")
    return (
        "IN" if tag in ("DT", "PRP", "PRP$", "EX", "MD", "VBZ", "VBP", "VBD") else "DT"
    )


def _content(word: str, previous: str, before: str, following: str) -> str:
    """Tag a word that is no function word, by what stands around it."""
    if word.endswith("ing") and len(word) > 4:
        return "VBG"
    if word.endswith("ed") and len(word) > 3:
        return "JJ" if before in ("DT", "PRP$") else "VBD"
    follows = WORDS.get(following.lower(), "")
    if before in ("DT", "PRP$", "POS", "JJ", "CD", "IN", "WDT"):
        # "the present state" against "the present", "the live show".
        if following[:1].islower() and not follows and not _is_verb_form(following):
            return "JJ"
        return _noun(word)
    if previous in BE:
        return "JJ" if not word.endswith("s") else "NNS"
    if before in ENDS and follows in OBJECTS:
        return "VB"  # "Use the back door."
    if before in ("NN", "NNP") and word.endswith("s") and follows in OBJECTS:
        return "VBZ"
    if before in ("NNS", "NNPS") and not word.endswith("s") and follows:
        return "VBP"
    return _noun(word)


def _verb_after(word: str, previous: str, before: str) -> str:
    """Return the form of a verb that the word before asks for, if it does."""
    if previous == "to" or before == "MD" or previous in DO or before == "TO":
        return "VB"
    if previous in HAVE:
        return "VBN"
    if previous in BE and word in PARTICIPLES:
        return "VBN"
    if previous in SUBJECTS:
        return "VBD" if word.endswith("ed") else "VBP"
    if previous in SINGULAR_SUBJECTS:
        return "VBZ" if word.endswith("s") else "VBD"
    return ""


def _is_verb_form(word: str) -> bool:
    """Whether a word that follows a noun is likely its verb."""
    return word.endswith(("ed", "s")) and not word.endswith("ss")


def _noun(word: str) -> str:
    return "NNS" if word.endswith("s") and not word.endswith("ss") else "NN"
