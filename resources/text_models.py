"""What finds sentences and languages in texts: one of each for a process."""

from functools import lru_cache

from resources.engines.languages import ParagraphLanguages
from resources.engines.sentences import SpacySentences


@lru_cache(maxsize=1)
def sentence_finder() -> SpacySentences:
    """Return the one finder of sentences of this process."""
    return SpacySentences()


@lru_cache(maxsize=1)
def language_finder() -> ParagraphLanguages:
    """Return the one finder of languages of this process."""
    return ParagraphLanguages()


def load_models() -> None:
    """Load all models now, so that the first document does not wait for them."""
    sentence_finder().starts(["One sentence. Another one."], language="en")
    language_finder().of_paragraphs(
        ["This is a paragraph in English."], stated=[None], document=None
    )
