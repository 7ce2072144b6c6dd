"""What somebody wants to take away: of which blocks, as what."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from lectern.contracts import Contract
from lectern.documents.blocks import Chapter
from lectern.errors import InvalidRequest
from lectern.exports.formats import ExportFormat

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]

CHAPTERS_MOST = 2000
LOUDNESSES_LUFS = (-16, -19, -23)
"""Of web and podcast players, of one channel of them, of broadcasting (EBU R128)."""


class ExportRequest(Contract):
    """One export, as it is asked for. The same request is the same file."""

    format: ExportFormat
    loudness_lufs: Literal[-16, -19, -23] | None = None
    """Loudness of the whole; unset leaves every block as it was made."""
    by_chapter: bool = False
    """One file for each chapter, in a zip."""
    first_block: int | None = Field(default=None, ge=0)
    last_block: int | None = Field(default=None, ge=0)  # inclusive
    chapters: tuple[int, ...] = Field(default=(), max_length=CHAPTERS_MOST)
    """Only these, by their place in the document; each with the chapters inside it."""
    granularity: Literal["sentence", "word"] = "sentence"
    """What an EPUB highlights while it is read."""
    author: ShortText = ""  # empty takes what the document states
    year: int | None = Field(default=None, ge=1, le=9999)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        is_span = self.first_block is not None or self.last_block is not None
        if is_span and self.chapters:
            raise ValueError("Choose chapters, or a first and a last block; not both.")
        if self.by_chapter and self.format is ExportFormat.EPUB:
            raise ValueError("An EPUB holds its chapters itself.")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the document is left out."""
        return (
            not self.chapters and self.first_block is None and self.last_block is None
        )


def chosen_blocks(
    request: ExportRequest, *, count: int, chapters: Sequence[Chapter]
) -> list[int]:
    """Return the indices of the blocks that were asked for, in order.

    Raises:
        InvalidRequest: There are no such chapters or blocks.
    """
    if request.chapters:
        chosen: set[int] = set()
        for number in request.chapters:
            chosen.update(_blocks_of(number, count, chapters))
        return sorted(chosen)
    first = request.first_block or 0
    last = count - 1 if request.last_block is None else request.last_block
    if not 0 <= first <= last < count:
        raise InvalidRequest(
            f"There are no blocks {first} to {last}: the document has {count}, "
            "counted from 0."
        )
    return list(range(first, last + 1))


def _blocks_of(number: int, count: int, chapters: Sequence[Chapter]) -> range:
    """Return the blocks of a chapter, and of those inside it."""
    if not 0 <= number < len(chapters):
        raise InvalidRequest(
            f"There is no chapter {number}: the document has {len(chapters)}, counted "
            "from 0."
        )
    chapter = chapters[number]
    following = (one for one in chapters[number + 1 :] if one.level <= chapter.level)
    after = next(following, None)
    return range(chapter.block_index, count if after is None else after.block_index)
