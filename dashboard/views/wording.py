"""How numbers, times and other people's text are put into words on a page."""

import math
import re
from datetime import datetime

from lectern.documents.pages import BlockKind, RecognitionMethod, SpanKind
from lectern.jobs.pace import Estimate
from lectern.jobs.states import JobKind, JobState
from lectern.jobs.wanted import LOCAL, Wanted
from lectern.usage.quotes import Quote, price_text
from resources.stores.jobs import Job

VAGUE_FACTOR = 2.0
"""From so much more at most than at least, both are said."""
_ADDRESS = re.compile(r"(https?:)(?=//)|(www)(?=\.)", re.IGNORECASE)
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")

KIND_NAMES: dict[str, tuple[str, str]] = {
    BlockKind.HEADING: ("heading", "headings"),
    BlockKind.PARAGRAPH: ("paragraph", "paragraphs"),
    BlockKind.LIST: ("list item", "list items"),
    BlockKind.QUOTE: ("quotation", "quotations"),
    BlockKind.CAPTION: ("caption", "captions"),
    BlockKind.FOOTNOTE: ("footnote", "footnotes"),
    BlockKind.TABLE: ("table", "tables"),
    BlockKind.CODE: ("piece of code", "pieces of code"),
    BlockKind.MATHS: ("formula", "formulas"),
    BlockKind.FURNITURE: ("header or footer", "headers and footers"),
    SpanKind.CITATION: ("citation", "citations"),
    SpanKind.NOTE_MARK: ("note mark", "note marks"),
    SpanKind.LINK: ("link", "links"),
    SpanKind.CODE: ("inline code", "inline code"),
    SpanKind.MATHS: ("inline formula", "inline formulas"),
}
"""Kinds of text in words, one and many."""

STATE_NAMES = {
    JobState.QUEUED: "Waiting",
    JobState.RUNNING: "Running",
    JobState.DONE: "Done",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Stopped",
}
JOB_NAMES = {
    JobKind.PREPARE: "Prepare",
    JobKind.LISTEN: "Listen",
    JobKind.RENDER: "Audio file",
    JobKind.EXPORT: "Export",
    JobKind.VOICE: "Voice",
}
METHODS: dict[str, str] = {
    RecognitionMethod.TEXT_LAYER: "its own text",
    RecognitionMethod.TESSERACT: "Tesseract",
    RecognitionMethod.RAPIDOCR: "RapidOCR",
    RecognitionMethod.MISTRAL: "Mistral OCR",
    RecognitionMethod.VISION: "vision model",
    RecognitionMethod.MARKUP: "markup",
    RecognitionMethod.BLANK: "blank",
}
"""Ways in which a page was read, in words."""


def plain(text: str) -> str:
    r"""Return somebody's text so that Markdown shows it letter by letter.

    Titles and messages may hold ``![](…)``, ``:material/…:`` or ``$…$``; none of them
    may load, typeset or lead anywhere. Streamlit makes links of bare addresses however
    they are escaped, so an invisible joiner (U+2060) parts them.
    """
    unlinked = _ADDRESS.sub("\\g<0>\u2060", " ".join(text.split()))
    return _MARKUP.sub(r"\\\1", unlinked)


_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "a Mac"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """Return a browser in words, "Firefox on Linux", else what it says of itself."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or user_agent[:60] or "An unknown browser"


def count(number: int, one: str, many: str) -> str:
    """Return a number with its noun: "1 page", "2,345 pages"."""
    return f"{number:,} {one if number == 1 else many}"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago something was."""
    seconds = (now - moment).total_seconds()
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    days = round(seconds / 86400)
    if seconds < 60:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if hours < 24:
        return f"{hours} h ago"
    if days < 30:
        return count(days, "day ago", "days ago")
    return f"{moment:%-d %B %Y}"


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units at most."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60:,} h {minutes % 60} min"


def roughly(seconds: float) -> float:
    """Return a guessed time as steadily as it deserves: below a minute in fives."""
    return seconds if seconds >= 60 else 5 * max(1, math.ceil(seconds / 5))


def quote(quoted: Quote) -> str:
    """Return what work costs and takes: "12 pages · $0.05 · about 40 s"."""
    took = "time not measured yet"
    if quoted.seconds is not None:
        took = f"about {duration(quoted.seconds)}"
    pages = count(quoted.pages, "page", "pages")
    return f"{pages} · {price_text(quoted)} · {took}"


def job_name(job: Job) -> str:
    """Return what a job does, and by whom where that was chosen."""
    wanted = Wanted.of(job.parameters)
    if job.kind is not JobKind.PREPARE or wanted.recogniser == LOCAL:
        return JOB_NAMES[job.kind]
    return f"Recognise by {wanted.recogniser}"


def fraction(job: Job) -> float:
    """Return how far a job's present step is, 0…1."""
    return min(1.0, job.done / job.total) if job.total else 0.0


def time_left(left: Estimate) -> str:
    """Return how long something still takes, as exactly as is known: "about 3 min
    left", or "2 to 5 min left"."""
    if left.high <= VAGUE_FACTOR * left.low or left.high < 60:
        return f"about {duration(roughly(left.likely))} left"
    if left.high < 3600:
        low, high = round(left.low / 60), math.ceil(left.high / 60)
        return f"{low} to {high} min left" if low else f"less than {high} min left"
    low, high = round(left.low / 3600), math.ceil(left.high / 3600)
    return f"{low} to {high} h left" if low else f"less than {high} h left"


def progress_line(job: Job, left: Estimate | None = None) -> str:
    """Return what a job is doing, how far it is and how long it still takes."""
    parts = [str(job.step)]
    if job.total:
        parts.append(f"{job.done:,} of {job.total:,}")
    if job.message:
        parts.append(job.message)
    if left is not None:
        parts.append(time_left(left))
    return " · ".join(parts)
