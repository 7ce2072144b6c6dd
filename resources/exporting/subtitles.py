"""Subtitles of a reading, from the times of its words."""

from collections.abc import Iterator

from lectern.exports.cues import Cue, HeardWord, cues_of_block, srt, timed, vtt
from lectern.exports.formats import ExportFormat
from lectern.exports.timeline import SAMPLES_PER_MS
from resources.exporting.sources import Sources
from resources.exporting.words import heard_words


def subtitle_text(sources: Sources, first: int, last: int) -> str:
    """Return the subtitles of the sounds from one place to another, from time 0."""
    timeline = sources.timeline.cut(first, last)
    cues: list[Cue] = []
    for place, slot in enumerate(timeline.slots, start=first):
        words = words_in_file(sources, place, slot.start // SAMPLES_PER_MS)
        cues += cues_of_block(list(words))
    ready = timed(cues, end_ms=timeline.duration_ms)
    if sources.request.format is ExportFormat.SRT:
        return "".join(srt(ready))
    return "".join(vtt(ready, language=sources.facts.language))


def words_in_file(sources: Sources, place: int, start_ms: int) -> Iterator[HeardWord]:
    """Yield the words of a block with the signs that stand between them."""
    part = sources.parts[place]
    utterance = sources.rendering.reading.utterance(part.block_index)
    if utterance is None:
        return
    words = heard_words(utterance, part.variant)
    text = utterance.text
    starts = [0, *(word.start_char for word in words[1:]), len(text)]
    for number, word in enumerate(words):
        yield HeardWord(
            text[starts[number] : starts[number + 1]],
            start_ms + word.start_ms,
            start_ms + word.end_ms,
        )
