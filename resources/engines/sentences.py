"""Where sentences begin: a blank spaCy pipeline for each language, with a component
of ours that sets the starts.

Inside it sentencex proposes them. What it gets wrong for speech is mended here:
numbered references ("Fig. 2"), list items in running text, ellipses, and long quoted
speech, which it keeps in one piece.

spaCy's own tokens are words, and cutting a book into words costs more than everything
else together: the tokeniser here cuts only where a sentence could begin.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

COMPONENT = "lectern_sentence_starts"
LONG_SENTENCE_CHARS = 300
CONTEXT_CHARS = 28
ABBREVIATION_CHARS = 10
"""The longest one of those below, its full stop and what stands before it."""
WINDOW_CHARS = 8_000

ENDS = ".!?…。！？．｡؟۔।॥։።"
CLOSERS = "\"'”’»›)\\]}」』）】〉》"
END_RUN = re.compile(rf"[{ENDS}\n](?:(?<=\n)|[{ENDS}]*[{CLOSERS}]*)\s*")
"""The set comes first: it is what the search can look for quickly."""
LABEL = re.compile(
    r"(?:(?<=\s)|^)(?P<bullet>[•◦▪⁃‣]\s*)?(?P<open>\(?)(?P<value>\d{1,3}|[a-z])"
    r"(?P<close>[.)]{1,2})\s+(?=\S)"
)
REFERENCE = re.compile(
    r"(?:^|[\s(\[])(?:[Ff]igs?|[Ee]qs?|[Ee]qns?|[Ss]ecs?|[Nn]os?|[Nn]rs?|pp?|[Vv]ols?|"
    r"[Cc]hs?|[Cc]hap|[Tt]ab|Table|Figure|[Rr]efs?|[Aa]rts?|[Aa]pp|[Pp]ars?|[Pp]t|ll?|"
    r"ff?|Abb|Bd|Kap|Abs|Ziff|núms?|págs?|cap|nº|§)\.$"
)
NUMBER = re.compile(r"[\[(]?(?:\d|[IVXLC]+\b)")
GOES_ON = re.compile(
    r"(?:^|[\s(\[\"“‘'])(?:Dr|Mr|Mrs|Ms|Mx|Prof|Rev|Hon|Gen|Col|Capt|Lt|Sgt|Gov|Sen|Mme|"
    r"Mlle|Messrs|e\.g|i\.e|viz|cf|vs|z\.B|d\.h|vgl|bzw|p\.ex)\.$"
)
GLUED = re.compile(
    r"[.!?](?:(?<=[^\W\d_A-Z]{2}.)(?=[A-Z][a-z]+[\s.])|(?<=\d\.)(?=[A-Z][a-z]+\s))"
)
"""An end without a blank, as a lost note mark leaves it."""
SPACED_DOTS = re.compile(r"\.(?<=\w\.)\s(?=(?:\.\s){3}[A-Z])")
QUOTES = str.maketrans(dict.fromkeys('"“”„«»‘「」『』', " "))
WORD = re.compile(r"\w")


class SpacySentences:
    """Finds sentence starts with one spaCy pipeline for each language."""

    def starts(self, texts: Sequence[str], *, language: str) -> list[list[int]]:
        """Return for each text the characters at which sentences begin, without 0."""
        nlp = _pipeline(language)
        with nlp.memory_zone():
            return [
                [token.idx for token in doc if token.is_sent_start and token.i]
                for doc in nlp.pipe(texts)
            ]


@lru_cache(maxsize=64)
def _pipeline(language: str) -> Any:
    import spacy

    _register()
    # The neutral pipeline for every language: all that spaCy's own ones differ in is
    # the tokeniser, which is replaced. French alone takes two seconds to load, and
    # Japanese, Korean, Thai and Vietnamese want packages of their own.
    nlp: Any = spacy.blank("xx")
    # No shape, no likeness to numbers or addresses: nobody asks the tokens for it.
    nlp.vocab.lex_attr_getters = {}
    nlp.tokenizer = CandidateTokeniser(nlp.vocab)
    nlp.add_pipe(COMPONENT, config={"language": language})
    nlp.max_length = 10**9
    return nlp


def _register() -> None:
    """Make the component known to spaCy, once for the process."""
    from spacy.language import Language

    if not Language.has_factory(COMPONENT):
        Language.factory(
            COMPONENT, default_config={"language": "en"}, func=make_component
        )


def make_component(nlp: Any, name: str, language: str) -> "SentenceStarts":
    """Return the component, as spaCy asks for it."""
    return SentenceStarts(language)


class SentenceStarts:
    """Sets ``is_sent_start`` of every token."""

    def __init__(self, language: str) -> None:
        """Take the language whose abbreviations count."""
        self._language = language

    def __call__(self, doc: Any) -> Any:
        """Return the document with its sentences marked."""
        import numpy as np
        from spacy.attrs import SENT_START

        starts = set(sentence_starts(doc.text, self._language))
        # All at once: set one by one, each token makes spaCy look at all of them.
        marks = [1 if token.idx in starts else -1 for token in doc]
        if marks:
            marks[0] = 1
            doc.from_array(
                [SENT_START], np.array(marks, dtype=np.int64).view(np.uint64)
            )
        return doc


class CandidateTokeniser:
    """Cuts text only where a sentence could begin; tokens keep their blanks."""

    def __init__(self, vocab: Any) -> None:
        """Take the vocabulary that tokens are kept in."""
        self._vocab = vocab

    def __call__(self, text: str) -> Any:
        """Return the text as a document whose tokens are sentence candidates."""
        from spacy.tokens import Doc

        edges = {m.end() for m in END_RUN.finditer(text)} | set(_inserted(text))
        edges |= {0, len(text)}
        words = [text[a:b] for a, b in pairwise(sorted(edges))]
        return Doc(self._vocab, words=words, spaces=[False] * len(words))


def sentence_starts(text: str, language: str) -> list[int]:
    """Return the characters at which sentences begin, without 0, in order."""
    inserted = _inserted(text)
    starts = set(_proposed(text, language)) | set(inserted)
    starts -= set(_not_after_labels(text))
    kept: list[int] = []
    for start in sorted(starts):
        if start in inserted or not _goes_on(text, kept[-1] if kept else 0, start):
            kept.append(start)
    return _with_long_quotes_cut(text, kept, language)


def _proposed(text: str, language: str) -> list[int]:
    """Return sentencex's starts, each moved to the first letter.

    It takes quadratic time where quotations are opened and never closed, so it is
    given no more than a few pages at once.
    """
    import sentencex

    starts: list[int] = []
    at = 0
    while at < len(text):
        sentences = sentencex.segment(language, text[at : at + WINDOW_CHARS])
        if at + WINDOW_CHARS < len(text) and len(sentences) > 1:
            sentences.pop()  # the window's end may have cut it
        for sentence in sentences:
            if at and sentence.strip():
                starts.append(at + len(sentence) - len(sentence.lstrip()))
            at += len(sentence)
    return starts


def _goes_on(text: str, before: int, start: int) -> bool:
    """Return whether what looks like a sentence's end is an abbreviation's."""
    left = text[max(before, start - CONTEXT_CHARS) : start].rstrip()
    if left.endswith("."):
        left = left[-ABBREVIATION_CHARS:]
        if GOES_ON.search(left):
            return True
        if NUMBER.match(text, start) and REFERENCE.search(left):
            return True
    return WORD.search(text, before, start) is None


@lru_cache(maxsize=2)  # the tokeniser asks, then the component
def _inserted(text: str) -> tuple[int, ...]:
    """Return starts that sentencex does not see."""
    starts = [m.end() for m in GLUED.finditer(text)]
    starts += [m.end() for m in SPACED_DOTS.finditer(text)]
    return (*starts, *(label.start() for label in _items(text)[1:]))


def _not_after_labels(text: str) -> list[int]:
    """Return where a label or an ellipsis ends, which ends no sentence."""
    after = [label.end() for label in _items(text)]
    after += [m.end() + len(". . . ") for m in SPACED_DOTS.finditer(text)]
    return after


def _items(text: str) -> list[re.Match[str]]:
    """Return the labels of a list in running text: each counts on from the last."""
    first = LABEL.match(text)
    if first is None:
        return []
    items = [first]
    for label in LABEL.finditer(text, first.end()):
        if _counts_on(items[-1], label):
            items.append(label)
    return items


def _counts_on(label: re.Match[str], following: re.Match[str]) -> bool:
    if label["close"] != following["close"] or label["open"] != following["open"]:
        return False
    value, next_value = label["value"], following["value"]
    if value.isdecimal() and next_value.isdecimal():
        return int(next_value) == int(value) + 1
    is_letters = value.isalpha() and next_value.isalpha()
    return is_letters and ord(next_value) == ord(value) + 1


def _with_long_quotes_cut(text: str, starts: list[int], language: str) -> list[int]:
    """Return starts with long sentences cut where those inside a quotation end."""
    edges = [0, *starts, len(text)]
    added: list[int] = []
    for start, end in pairwise(edges):
        if end - start <= LONG_SENTENCE_CHARS:
            continue
        sentence = text[start:end]
        bare = sentence.translate(QUOTES)
        if bare == sentence:
            continue
        last = 0
        for inner in _proposed(bare, language):
            if not _goes_on(bare, last, inner):
                added.append(start + _before_quote(sentence, inner))
                last = inner
    return sorted({*starts, *added}) if added else starts


def _before_quote(sentence: str, start: int) -> int:
    """Return a start moved back over an opening quotation mark."""
    while (
        start > 0
        and sentence[start - 1] in '“„«‘「『"'
        and not sentence[start - 2 : start - 1].strip()
    ):
        start -= 1
    return start
