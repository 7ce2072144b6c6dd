"""An EPUB that reads aloud: pages, overlays and sounds, part by part."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import IO

from lectern.documents.blocks import Block, Chapter
from lectern.exports.fragments import Fragment, sentence_fragments, word_fragments
from lectern.exports.publication import (
    CONTAINER,
    STYLE,
    BookFacts,
    BookPart,
    SpokenBlock,
    is_in_book,
    navigation,
    overlay,
    package,
    page,
)
from lectern.exports.timeline import SAMPLES_PER_MS, Slot
from lectern.ids import BLOCK_NAMESPACE
from resources.engines.sentences import SpacySentences
from resources.exporting.archives import ZipWriter
from resources.exporting.sources import Sources
from resources.exporting.words import words_on_page

PAGE_BLOCKS = 400
"""Of one file: reading systems lay a whole file out before they show its first line."""

OpenSound = Callable[[int], IO[bytes]]
"""Opens the sound of the part with this number, from 0."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What stands under one title in the book, and which of the sounds belong to it."""

    title: str
    level: int
    blocks: tuple[int, ...]
    span: tuple[int, int]  # places among the sounds; equal ends: nothing is heard
    is_listed: bool = True  # among the contents


def outlines(sources: Sources) -> list[Outline]:
    """Return the parts of the book, in order."""
    text = sources.rendering.text
    places = {slot.block_index: n for n, slot in enumerate(sources.timeline.slots)}
    shown = [
        index
        for index in sources.rendering.indices
        if index in places or is_in_book(text.blocks[index])
    ]
    found: list[Outline] = []
    for number, indices in _by_chapter(shown, text.chapters):
        chapter = Chapter(sources.facts.title, 1, 0)
        if number is not None:
            chapter = text.chapters[number]
        for start in range(0, len(indices), PAGE_BLOCKS):
            some = tuple(indices[start : start + PAGE_BLOCKS])
            heard = [places[index] for index in some if index in places]
            span = (heard[0], heard[-1] + 1) if heard else (0, 0)
            found.append(
                Outline(chapter.title, chapter.level, some, span, is_listed=not start)
            )
    return found


def write_book(
    sources: Sources, target: ZipWriter, parts: Sequence[Outline], sound: OpenSound
) -> None:
    """Write the whole book."""
    pages = [
        book_part(sources, number, outline) for number, outline in enumerate(parts)
    ]
    facts = book_facts(sources)
    target.add_text("mimetype", "application/epub+zip", is_stored=True)
    target.add_text("META-INF/container.xml", CONTAINER)
    target.add_text("EPUB/package.opf", package(pages, facts, has_cover=True))
    target.add_text("EPUB/nav.xhtml", navigation(pages, facts))
    target.add_text("EPUB/style.css", STYLE)
    target.add_bytes("EPUB/cover.jpg", sources.cover)
    for number, part in enumerate(pages):
        target.add_text(f"EPUB/{part.name}.xhtml", page(part, language=facts.language))
        if part.has_sound:
            target.add_text(f"EPUB/{part.name}.smil", overlay(part))
            with sound(number) as file:
                target.add_file(f"EPUB/{part.name}.m4a", file)


def book_facts(sources: Sources) -> BookFacts:
    """Return what the package says of the book."""
    facts, document = sources.facts, sources.document
    return BookFacts(
        identifier=str(uuid.uuid5(BLOCK_NAMESPACE, sources.export_id)),
        title=facts.title,
        language=facts.language,
        author=facts.author,
        narrator=facts.narrator,
        year=facts.year,
        modified=document.updated_at,
    )


def book_part(sources: Sources, number: int, outline: Outline) -> BookPart:
    """Return a part with what of its text is heard when."""
    blocks = [sources.rendering.text.blocks[index] for index in outline.blocks]
    timeline = sources.timeline.cut(*outline.span)
    slots = {slot.block_index: slot for slot in timeline.slots}
    starts = sentence_starts(blocks)
    spoken = tuple(
        _spoken(sources, block, slots.get(block.index), starts[block.index])
        for block in blocks
    )
    return BookPart(
        name=f"part-{number + 1:04d}",
        title=outline.title,
        level=outline.level,
        blocks=spoken,
        duration_ms=timeline.duration_ms,
        is_listed=outline.is_listed,
    )


def sentence_starts(blocks: Sequence[Block]) -> dict[int, list[int]]:
    """Return by block index the characters at which sentences begin."""
    finder = SpacySentences()
    found: dict[int, list[int]] = {}
    for language, some in groupby(blocks, key=lambda block: block.language):
        group = list(some)
        texts = [block.shown for block in group]
        starts = finder.starts(texts, language=language)
        found |= {b.index: s for b, s in zip(group, starts, strict=True)}
    return found


def _spoken(
    sources: Sources, block: Block, slot: Slot | None, starts: Sequence[int]
) -> SpokenBlock:
    if slot is None:
        return SpokenBlock(block)
    fragments = _fragments(sources, block, slot.length // SAMPLES_PER_MS, starts)
    return SpokenBlock(block, tuple(fragments), slot.start // SAMPLES_PER_MS)


def _fragments(
    sources: Sources, block: Block, duration_ms: int, starts: Sequence[int]
) -> list[Fragment]:
    utterance = sources.rendering.reading.utterance(block.index)
    variant = sources.variant_of(block.index)
    if utterance is None or variant is None:
        return []
    words = words_on_page(utterance, variant, sources.document.policy)
    chars = len(block.shown)
    if sources.request.granularity == "word":
        return word_fragments(words, shown_chars=chars, duration_ms=duration_ms)
    return sentence_fragments(words, starts, shown_chars=chars, duration_ms=duration_ms)


def _by_chapter(
    indices: Sequence[int], chapters: Sequence[Chapter]
) -> list[tuple[int | None, list[int]]]:
    """Return the blocks of each chapter that has any; None is before the first."""
    in_order = sorted(range(len(chapters)), key=lambda n: chapters[n].block_index)
    found: list[tuple[int | None, list[int]]] = []
    current: int | None = None
    waiting = in_order
    for index in indices:
        passed = [n for n in waiting if chapters[n].block_index <= index]
        if passed:
            current, waiting = passed[-1], waiting[len(passed) :]
        if not found or found[-1][0] != current:
            found.append((current, []))
        found[-1][1].append(index)
    return found
