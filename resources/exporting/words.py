"""When the words of a voiced block are heard; guessed where nobody has said it."""

from lectern.documents.spoken import Policy, speak
from lectern.exports.fragments import ShownWord, shown_words
from lectern.speech.alignment import normalised_stretches
from lectern.speech.proportional import Span, proportional_marks
from lectern.speech.timing import WordTime
from lectern.speech.words import word_times
from resources.reading import Utterance
from resources.stores.variants import Variant


def heard_words(utterance: Utterance, variant: Variant) -> list[WordTime]:
    """Return the words of a block's spoken text with their times, in order."""
    if variant.words:
        return list(variant.words)
    voiced_ms = max(1, variant.duration_ms - utterance.pause_ms)
    marks = proportional_marks(utterance.text, [Span(0, voiced_ms)])
    return word_times(utterance.text, marks, end_ms=voiced_ms)


def words_on_page(
    utterance: Utterance, variant: Variant, policy: Policy
) -> list[ShownWord]:
    """Return the words of a block where they are shown."""
    return shown_words(
        heard_words(utterance, variant),
        normalised_stretches(speak(utterance.block, policy)),
        shown_chars=len(utterance.block.shown),
    )
