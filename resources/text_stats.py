"""How much of a text is spoken, counted as its sounds are."""

from lectern.documents.blocks import DocumentText
from lectern.documents.spoken import Policy, speak
from lectern.speech.variants import normalise
from resources.stores.catalog import TextStats


def text_stats(text: DocumentText, policy: Policy) -> TextStats:
    """Return how much of a text is spoken under a policy."""
    spoken = [normalise(speak(block, policy).text) for block in text.blocks]
    return TextStats(
        spoken_chars=sum(map(len, spoken)),
        word_count=sum(said.count(" ") + 1 for said in spoken if said),
    )
