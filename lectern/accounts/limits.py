"""What one person may hand in, keep and have done: one model, with every cap.

Two kinds of caps are in it. What people meet (`PERSONAL`) may differ between plans and
between people. What protects the programs that read files is the installation's alone.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Bounded = Annotated[
    Count | None,
    BeforeValidator(lambda value: None if value in ("none", "null", "") else value),
]
"""A number, or None for no bound; `none` in a variable."""


class Limits(BaseModel):
    """Caps on what one person may hand in. Met in the app and again in the run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    upload_bytes: Count = 200_000_000
    """Bytes of one uploaded file."""
    text_bytes: Count = 10_000_000
    """Bytes of one plain text, Markdown or HTML file, or of pasted text."""
    pages: Count = 3000
    """Pages of one document."""
    documents: Count = 10_000
    """Documents of one person."""
    stored_bytes: Bounded = None
    """Bytes of one person's files and exports, those in the trash among them; `none`
    is without bound, here and below."""
    voices: Count = 200
    """Custom voices of one person."""
    filters: Count = 100
    """Filters (lists of find-and-replace rules) of one person."""
    filter_rules: Count = 200
    """Rules of one filter."""
    pattern_chars: Count = 500
    """Characters of what one rule looks for, and again of what it puts there."""
    jobs: Bounded = None
    """Jobs of one person that are not finished at one time, a batch's not counted;
    more are refused, while `runs` lets them wait."""
    workers: int = Field(0, ge=0)
    """Runs of one person that prepare or render documents at one time; 0 is as many as
    there are ``workers``. What is more waits, also while places are free."""
    listeners: int = Field(0, ge=0)
    """Listening runs of one person at one time; 0 is as many as there are
    ``listeners``."""
    runs: int = Field(16, ge=1)
    """Runs of one person that are handed to Dagster at one time; further work waits in
    the app. Listening and batches have limits of their own."""
    daily_speech_minutes: Bounded = None
    """Minutes of speech made for one person in a day (from midnight UTC). Speech that
    is there already costs nothing."""
    daily_transcription_minutes: Bounded = None
    """Minutes of recordings transcribed for one person in a day."""
    daily_ocr_pages: Bounded = None
    """Pages read from their picture for one person in a day. Pages read before cost
    nothing."""
    daily_exports: Bounded = None
    """Exports made for one person in a day."""
    image_pixels: int = 60_000_000
    """Pixels of one image frame, before decoding."""
    render_pixels: int = 25_000_000
    """Pixels of one page drawn for recognition; larger pages are drawn smaller."""
    inflated_bytes: int = 300_000_000
    """Bytes that an archive (EPUB, DOCX, ODT, PPTX) may unpack to, counted as it
    is unpacked and never taken from its own directory."""
    member_bytes: int = 100_000_000
    """Bytes that one member of an archive may unpack to."""
    members: int = 10_000
    """Members of one archive."""
    inflation_ratio: int = 200
    """Unpacked to packed bytes, for members over 1 MiB."""
    element_depth: int = 1000
    """Nesting of elements in HTML and XML."""
    child_cpu_seconds: int = 15
    """CPU time in which a file must be opened, and each page of a PDF be read."""
    child_picture_cpu_seconds: int = 90
    """CPU time in which a page must be read from its picture."""
    child_memory_bytes: int = 1024**3
    """Memory that a child process that reads a file may fill."""
    child_output_bytes: int = 1024**3
    """Bytes of any one file that a child process writes."""
    child_seconds: int = 900
    """Time on the clock for one child process."""
    clip_bytes: int = 10 * 1024**2
    """Bytes of the recording that a reference voice imitates."""
    clip_seconds: float = 60.0
    """Length of that recording."""
    voice_archive_bytes: int = 32 * 1024**2
    """Bytes of a ``.lecternvoice`` archive, packed and again unpacked."""

    def changed(self, changes: Mapping[str, int | None]) -> "Limits":
        """Return these limits with some of them replaced.

        Raises:
            ValueError: One of them is no limit of a person, or no such number.
        """
        return self.model_copy(update=checked_changes(changes))


PERSONAL = (
    "upload_bytes",
    "text_bytes",
    "pages",
    "documents",
    "stored_bytes",
    "voices",
    "filters",
    "filter_rules",
    "pattern_chars",
    "jobs",
    "runs",
    "daily_speech_minutes",
    "daily_transcription_minutes",
    "daily_ocr_pages",
    "daily_exports",
)
"""Limits that may differ between plans and between people."""


def checked_changes(changes: Mapping[str, Any]) -> dict[str, int | None]:
    """Return changes of limits as numbers.

    Raises:
        ValueError: One of them is no limit of a person, or no such number.
    """
    for name in changes:
        if name not in PERSONAL:
            raise ValueError(
                f"{name!r} is no limit of a person. There are: {', '.join(PERSONAL)}."
            )
    limits = Limits.model_validate(dict(changes))
    return {name: getattr(limits, name) for name in changes}


LimitChanges = Annotated[
    dict[str, Any], AfterValidator(lambda changes: checked_changes(changes))
]
"""Limits by name, those alone that differ from what stands below."""
