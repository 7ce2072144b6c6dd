"""Where each block lies in an exported file: one clock, counted in samples.

Block n starts where the lengths before it add up. Nothing is ever counted in seconds
and rounded on the way, so a chapter in hour ten starts at its sample.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lectern.documents.blocks import Chapter

RATE_HZ = 24_000
"""Of every exported file: speech engines have nothing above 12 kHz."""
SAMPLES_PER_MS = RATE_HZ // 1000


@dataclass(frozen=True, slots=True)
class Slot:
    """One block's place."""

    block_index: int
    start: int  # sample
    length: int  # samples

    @property
    def end(self) -> int:
        """Return the first sample after it."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Mark:
    """A chapter, from its first sample to the next one's."""

    title: str
    start: int
    end: int
    level: int = 1


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks that follow one another under one title; a file of its own, perhaps."""

    title: str
    first: int  # place among the slots
    last: int  # exclusive
    level: int = 1


class Timeline:
    """The slots of all blocks that are heard, without gap and without overlap."""

    def __init__(self, lengths: Iterable[tuple[int, int]]) -> None:
        """Take (block index, milliseconds) in reading order."""
        self.slots: list[Slot] = []
        start = 0
        for block_index, duration_ms in lengths:
            length = duration_ms * SAMPLES_PER_MS
            self.slots.append(Slot(block_index, start, length))
            start += length
        self.samples = start

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def duration_ms(self) -> int:
        """Return the whole length."""
        return self.samples // SAMPLES_PER_MS

    def cut(self, first: int, last: int) -> "Timeline":
        """Return a part as a timeline of its own, from 0."""
        some = self.slots[first:last]
        return Timeline(
            (slot.block_index, slot.length // SAMPLES_PER_MS) for slot in some
        )

    def marks(self, chapters: Sequence[Chapter]) -> list[Mark]:
        """Return the chapters that are heard, from the first sample to the last.

        A chapter whose first blocks are not heard starts with the first that is. Of
        two that would start together, the later one is the one that is heard.
        """
        starts = self._starts(chapters)
        ends = [self.slots[place].start for place, _ in starts] + [self.samples]
        return [
            Mark(chapter.title, self.slots[place].start, end, chapter.level)
            for (place, chapter), end in zip(starts, ends[1:], strict=True)
        ]

    def sections(self, chapters: Sequence[Chapter], *, title: str) -> list[Section]:
        """Return the blocks chapter by chapter.

        What comes before the first chapter stands under the document's ``title``.
        """
        starts = self._starts(chapters)
        if not self.slots:
            return []
        if not starts or starts[0][0] > 0:
            starts.insert(0, (0, Chapter(title, 1, self.slots[0].block_index)))
        ends = [place for place, _ in starts[1:]] + [len(self.slots)]
        return [
            Section(chapter.title, place, end, chapter.level)
            for (place, chapter), end in zip(starts, ends, strict=True)
        ]

    def _starts(self, chapters: Sequence[Chapter]) -> list[tuple[int, Chapter]]:
        """Return each chapter that is heard, and the place of its first slot."""
        heard: dict[int, Chapter] = {}
        place = 0
        for chapter in sorted(chapters, key=lambda one: one.block_index):
            while place < len(self.slots) and (
                self.slots[place].block_index < chapter.block_index
            ):
                place += 1
            if place == len(self.slots):
                break
            heard[place] = chapter
        return list(heard.items())
