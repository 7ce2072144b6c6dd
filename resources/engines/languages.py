"""Which language each paragraph is written in: py3langid, smoothed.

A detector asked about one paragraph errs on names, tables and quotations. So a
paragraph counts as foreign only when the detector is sure, the paragraph is long
enough and its neighbours do not speak against it; everything else is in the
language of the document.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

LEAST_CHARS = 60
SAMPLE_CHARS = 240
PRIOR_SAMPLES = 48
"""Paragraphs, spread over the document, that decide what it is written in."""
SURE = 0.97
"""Probability from which one paragraph alone is believed."""
LIKELY = 0.8
"""The same where a neighbour is in that language too."""
FAMILIAR_WORDS = 80
FAMILIAR_SHARE = 0.22
"""Of a paragraph's words that are the document's commonest: it is not foreign, and
the detector need not be asked."""
UNKNOWN = "und"
FALLBACK = "en"

NOT_LATIN = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u2e80-\ud7ff\uf900-\ufaff]")
LETTERS = re.compile(r"[^\W\d_]+")
SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ka", re.compile("[\u10a0-\u10ff]")),
    ("hy", re.compile("[\u0530-\u058f]")),
    ("ta", re.compile("[\u0b80-\u0bff]")),
    ("te", re.compile("[\u0c00-\u0c7f]")),
    ("kn", re.compile("[\u0c80-\u0cff]")),
    ("ml", re.compile("[\u0d00-\u0d7f]")),
    ("gu", re.compile("[\u0a80-\u0aff]")),
    ("pa", re.compile("[\u0a00-\u0a7f]")),
    ("bn", re.compile("[\u0980-\u09ff]")),
    ("km", re.compile("[\u1780-\u17ff]")),
    ("lo", re.compile("[\u0e80-\u0eff]")),
    ("my", re.compile("[\u1000-\u109f]")),
    ("am", re.compile("[\u1200-\u137f]")),
    ("ar", re.compile("[\u0600-\u06ff]")),  # Persian and Urdu, too
    ("ru", re.compile("[\u0400-\u04ff]")),  # most of Cyrillic, too
    ("hi", re.compile("[\u0900-\u097f]")),  # Marathi and Nepali, too
)
"""Scripts that tell the language, or at least what it is not. Kana before Han."""
SHARED_SCRIPTS: dict[str, frozenset[str]] = {
    "ar": frozenset({"ar", "fa", "ur", "ps", "ug", "ckb", "sd", "ku"}),
    "ru": frozenset(
        {"ru", "uk", "bg", "sr", "mk", "be", "kk", "ky", "mn", "tg", "tt", "ba", "cv"}
    ),
    "hi": frozenset({"hi", "mr", "ne", "sa", "bho", "mai"}),
    "zh": frozenset({"zh", "ja", "yue"}),
    "he": frozenset({"he", "yi"}),
}
# fmt: off
SPOKEN = frozenset(
    {
        "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bs", "ca", "cs",
        "cy", "da", "de", "el", "en", "eo", "es", "et", "eu", "fa", "fi", "fr", "ga",
        "gd", "gl", "gu", "he", "hi", "hr", "ht", "hu", "hy", "id", "is", "it", "ja",
        "ka", "kk", "kn", "ko", "ku", "ky", "la", "lb", "lt", "lv", "mk", "ml", "mr",
        "ms", "mt", "my", "ne", "nl", "nn", "no", "om", "or", "pa", "pl", "pt", "qu",
        "ro", "ru", "si", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tk",
        "tr", "tt", "ug", "uk", "ur", "uz", "vi", "zh",
    }
)
# fmt: on
"""Languages that espeak-ng speaks and the detector knows. Without the others it is
right more often: short English texts are not taken for Fulfulde or Pidgin."""
FEW_PARAGRAPHS = 3
SCRIPT_SHARE = 0.4


class ParagraphLanguages:
    """Tells the language of paragraphs, of those that some voice speaks."""

    def __init__(self, allowed: Collection[str] = SPOKEN) -> None:
        """Take the languages to choose from."""
        self._allowed = frozenset(allowed)

    def of_paragraphs(
        self,
        texts: Sequence[str],
        *,
        stated: Sequence[str | None],
        document: str | None,
    ) -> list[str]:
        """Return a BCP 47 primary tag for each text.

        What the source states of a paragraph stands; what it states of the whole
        document is believed unless the text says otherwise.
        """
        prior = self.prior(texts, document)
        familiar = _familiar(texts, prior, self._allowed)
        guesses = [
            self._guess(text, tag, prior, familiar)
            for text, tag in zip(texts, stated, strict=True)
        ]
        return [_settled(guesses, place, prior) for place in range(len(guesses))]

    def prior(self, texts: Sequence[str], document: str | None) -> str:
        """Return the language of a document."""
        long_ones = [text for text in texts if len(text) >= LEAST_CHARS]
        if len(long_ones) < FEW_PARAGRAPHS:
            whole = " ".join(texts[:PRIOR_SAMPLES])
            pool = [whole[at : at + SAMPLE_CHARS] for at in range(0, 960, SAMPLE_CHARS)]
        else:
            pool = long_ones
        step = max(1, len(pool) // PRIOR_SAMPLES)
        votes: Counter[str] = Counter()
        for text in pool[::step]:
            tag, sureness = self._detect(text)
            votes[tag] += round(sureness * min(len(text), SAMPLE_CHARS))
        declared = primary(document) if document else ""
        best = [tag for tag, _ in votes.most_common(2) if tag != UNKNOWN]
        if not best:
            return declared or FALLBACK
        if declared and 3 * votes[declared] >= votes[best[0]]:
            return declared
        has_weight = votes[best[0]] >= 0.5 * LEAST_CHARS
        return best[0] if has_weight or not declared else declared

    def _guess(
        self, text: str, stated: str | None, prior: str, familiar: frozenset[str]
    ) -> tuple[str, float]:
        if stated:
            return primary(stated), 2.0
        if _is_familiar(text, familiar):
            return prior, 1.0
        script = script_language(text)
        if script and not _shares_script(script, prior):
            tag, sureness = self._detect(text)
            belongs = tag in SHARED_SCRIPTS.get(script, {script})
            return (tag, 1.5) if belongs and sureness > 0.5 else (script, 1.5)
        if script and len(SHARED_SCRIPTS.get(script, ())) < 2:
            return prior, 1.0
        if len(text) < LEAST_CHARS:
            return prior, 0.0
        return self._detect(text)

    def _detect(self, text: str) -> tuple[str, float]:
        """Return the detector's guess for the beginning and how sure it is, 0…1."""
        sample = text[:SAMPLE_CHARS]
        script = script_language(sample)
        if script and script not in SHARED_SCRIPTS:
            return script, 1.0
        if LETTERS.search(sample) is None:
            return UNKNOWN, 0.0
        tag, sureness = _identifier(self._allowed).classify(sample)
        return str(tag), float(sureness)


def primary(tag: str) -> str:
    """Return the primary part of a BCP 47 tag, in lower case."""
    return tag.replace("_", "-").split("-")[0].strip().lower()


def script_language(text: str) -> str:
    """Return the usual language of a text's script, empty for Latin letters."""
    sample = text[:SAMPLE_CHARS]
    if NOT_LATIN.search(sample) is None:
        return ""
    letters = sum(map(len, LETTERS.findall(sample)))
    for tag, pattern in SCRIPTS:
        found = len(pattern.findall(sample))
        share = 0.1 if tag == "ja" else SCRIPT_SHARE
        if found and found >= share * letters:
            return tag
    return ""


def _shares_script(script: str, prior: str) -> bool:
    return prior == script or prior in SHARED_SCRIPTS.get(script, ())


def _familiar(
    texts: Sequence[str], prior: str, allowed: frozenset[str]
) -> frozenset[str]:
    """Return the commonest words of a document, of which any paragraph has some.

    They are counted where the text is longest, so that a list of names or a
    quotation does not count.
    """
    if script_language(" ".join(texts[:40])):
        return frozenset()
    step = max(1, len(texts) // 200)
    pool = [text for text in texts[::step] if len(text) >= LEAST_CHARS]
    detector = _identifier(allowed)
    words: Counter[str] = Counter()
    for text in pool[: 2 * PRIOR_SAMPLES]:
        tag, sureness = detector.classify(text[:SAMPLE_CHARS])
        if tag == prior and sureness >= SURE:
            words.update(text[: 4 * SAMPLE_CHARS].lower().split())
    common = [word for word, count in words.most_common(FAMILIAR_WORDS) if count > 2]
    return frozenset(common) if len(common) >= FAMILIAR_WORDS // 4 else frozenset()


def _is_familiar(text: str, familiar: frozenset[str]) -> bool:
    if not familiar or len(text) < LEAST_CHARS:
        return False
    words = text[: 2 * SAMPLE_CHARS].lower().split()
    known = sum(map(familiar.__contains__, words))
    return known >= FAMILIAR_SHARE * len(words)


def _settled(guesses: Sequence[tuple[str, float]], place: int, prior: str) -> str:
    """Return a paragraph's language, its neighbours considered."""
    tag, sureness = guesses[place]
    if tag in (prior, UNKNOWN) or sureness == 0.0:
        return _between(guesses, place, prior)
    if sureness >= SURE:
        return tag
    beside = [*guesses[max(0, place - 2) : place], *guesses[place + 1 : place + 3]]
    agrees = any(other == tag and sure >= LIKELY for other, sure in beside)
    return tag if agrees and sureness >= LIKELY else prior


def _between(guesses: Sequence[tuple[str, float]], place: int, prior: str) -> str:
    """Return the language of a short paragraph: that of both its neighbours."""
    if guesses[place][1] != 0.0 or not 0 < place < len(guesses) - 1:
        return prior
    (before, sure_before), (after, sure_after) = guesses[place - 1], guesses[place + 1]
    if before == after and min(sure_before, sure_after) >= SURE:
        return before
    return prior


@lru_cache(maxsize=4)
def _identifier(allowed: frozenset[str]) -> Any:
    """Return a detector; loading the model takes most of a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    full = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    kept = [n for n, tag in enumerate(full.nb_classes) if tag in allowed]
    # Its own way of leaving languages out keeps the whole model beside the small one.
    return LanguageIdentifier(
        full.nb_ptc[:, kept],
        full.nb_pc[kept],
        [full.nb_classes[n] for n in kept],
        full.tk_nextmove,
        full.tk_output,
        norm_probs=True,
        tk_row=full.tk_row,
    )
