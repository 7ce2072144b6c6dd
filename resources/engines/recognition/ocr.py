"""Reading a page from its picture: which engine, which way up, how sure.

Tesseract reads clean print in its own languages fast and in order. RapidOCR is
asked where its data is missing, where it is unsure, and where the page turns out
to be in a language it was not given.
"""

import contextlib
import ctypes
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from lectern.documents.legibility import is_legible
from lectern.documents.pages import Line, RecognisedPage, RecognitionMethod
from lectern.errors import EngineUnavailable
from lectern.ids import digest
from resources.engines.recognition.straighten import level
from resources.engines.recognition.tesseract import Tesseract

if TYPE_CHECKING:
    from PIL.Image import Image

    from resources.engines.recognition.rapid import RapidOcr

logger = logging.getLogger(__name__)

RECIPE = "1"
"""Raised when the same picture would be read otherwise, so that caches follow."""
SURE = 0.8
"""Mean confidence at which nobody else is asked."""
LOW = 0.6
"""Mean confidence below which RapidOCR is asked."""
DOUBTFUL_LINE = 0.75
DOUBTFUL_SHARE = 0.1
DOUBTFUL_LINES = 3
"""So many lines, and so much of the text, may be in a script it was not given."""
LINE_CONFIDENCE = 0.4
"""Lines under it are specks, rules and drawings."""
SHORT_LINE_CHARS = 6
SHORT_LINE_CONFIDENCE = 0.6
SPECK = 0.2
LITTLE_CHARS = 200
"""On a page with so little text, being sure costs little."""
FEW_CHARS = 25
"""So little may be what an engine makes of a page that lies on its side."""
LANGUAGE_CHARS = 60
LOW_DPI = 140
"""Below it Tesseract reads twice the size better."""
INK_SPREAD = 8.0
"""Standard deviation of grey, 0…255, under which a picture is an empty sheet."""
TESSERACT_LANGUAGES = {
    # ISO 639-1 to Tesseract's names, for the languages py3langid tells apart.
    "en": "eng", "de": "deu", "fr": "fra", "es": "spa", "it": "ita", "pt": "por",
    "nl": "nld", "pl": "pol", "sv": "swe", "da": "dan", "nb": "nor", "no": "nor",
    "fi": "fin", "cs": "ces", "hu": "hun", "ro": "ron", "ru": "rus", "uk": "ukr",
    "el": "ell", "tr": "tur", "ar": "ara", "he": "heb", "zh": "chi_sim",
    "ja": "jpn", "ko": "kor", "vi": "vie", "hr": "hrv", "sk": "slk", "sl": "slv",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """What one engine made of one picture."""

    method: RecognitionMethod
    lines: tuple[Line, ...]
    turn_degrees: int = 0  # clockwise, by which the picture was turned

    @property
    def chars(self) -> int:
        """Characters in all lines."""
        return sum(len(line.text) for line in self.lines)

    @property
    def confidence(self) -> float:
        """Mean over the lines, by their length."""
        sure = sum(len(line.text) * (line.confidence or 0.0) for line in self.lines)
        return sure / self.chars if self.chars else 0.0

    @property
    def lies_on_its_side(self) -> bool:
        """Whether most of the text runs up or down the page."""
        sideways = sum(len(line.text) for line in self.lines if line.rotated)
        return sideways * 2 > self.chars

    @property
    def has_doubtful_parts(self) -> bool:
        """Whether some of the page reads much worse than the rest."""
        doubtful = [
            len(line.text)
            for line in self.lines
            if SPECK < (line.confidence or 0.0) < DOUBTFUL_LINE
            and len(line.text) > SHORT_LINE_CHARS
        ]
        share = sum(doubtful) / max(1, self.chars)
        return len(doubtful) >= DOUBTFUL_LINES and share >= DOUBTFUL_SHARE

    @property
    def text(self) -> str:
        """All lines as one text."""
        return "\n".join(line.text for line in self.lines)


class PictureReader:
    """Reads pictures of pages with whatever engines are there."""

    def __init__(self, tessdata: Path | None, languages: Sequence[str]) -> None:
        self._tesseract: Tesseract | None = None
        if tessdata and languages:
            self._tesseract = Tesseract(tessdata, languages)
        self._rapid: RapidOcr | None = None
        self._foreign_pages = 0

    @property
    def name(self) -> str:
        """Every engine and version that decides what a picture reads as."""
        first = self._tesseract.name if self._tesseract else "no tesseract"
        return f"{first}, rapidocr {version('rapidocr')}, recipe {RECIPE}"

    def read(self, picture: "Image", dpi: float) -> RecognisedPage:
        """Return the page that a grey picture shows, as number 1."""
        picture, _ = level(picture)
        reading = _without_specks(self._best(picture, dpi))
        width, height = picture.size
        if reading.turn_degrees % 180:
            width, height = height, width
        blank = not reading.lines
        return RecognisedPage(
            number=1,
            method=RecognitionMethod.BLANK if blank else reading.method,
            engine=self.name,
            content_digest="",
            lines=reading.lines,
            width_pt=round(width / dpi * 72, 1),
            height_pt=round(height / dpi * 72, 1),
            rotation_degrees=reading.turn_degrees,
            confidence=None if blank else round(reading.confidence, 3),
            remarks=_remarks(reading),
        )

    def _best(self, picture: "Image", dpi: float) -> Reading:
        if _is_empty(picture):
            return Reading(RecognitionMethod.BLANK, ())
        if self._tesseract is None or self._foreign_pages >= 2:
            return self._read_rapid(picture, dpi)
        reading = self._read_tesseract(self._tesseract, picture, dpi)
        foreign = self._is_foreign(reading)
        enough = SURE if reading.chars < LITTLE_CHARS else LOW
        doubtful = reading.confidence < enough or reading.has_doubtful_parts
        if not doubtful and not foreign:
            return reading
        try:
            other = self._read_rapid(picture, dpi)
        except EngineUnavailable as error:
            logger.warning("RapidOCR cannot be asked: %s", error)
            return reading
        better = _better(reading, other)
        if foreign and better is other:
            self._foreign_pages += 1
        return better

    def _read_tesseract(
        self, engine: Tesseract, picture: "Image", dpi: float
    ) -> Reading:
        """Read a picture, and again the other way up where it reads badly."""
        if dpi < LOW_DPI:
            picture = picture.resize((picture.width * 2, picture.height * 2))
            dpi *= 2
        upright = self._turned(engine, picture, dpi, degrees=0)
        enough = upright.chars >= FEW_CHARS and not upright.lies_on_its_side
        if upright.confidence >= SURE and enough:
            return upright
        degrees = engine.quarter_turn(picture)
        turns: tuple[int, ...] = (degrees,) if degrees else ()
        if upright.lies_on_its_side and degrees not in (90, 270):
            turns = (90, 270)
        elif degrees is None and upright.confidence < LOW:
            # Too little text for its measure, or no data for it: try them all.
            turns = (90, 270, 180)
        turned = [self._turned(engine, picture, dpi, degrees=t) for t in turns]
        readings = [upright, *turned]
        return max(readings, key=_weight)

    def _turned(
        self, engine: Tesseract, picture: "Image", dpi: float, *, degrees: int
    ) -> Reading:
        if degrees:
            picture, _ = level(picture.rotate(-degrees, expand=True))
        lines = tuple(engine.read(picture, dpi))
        return Reading(RecognitionMethod.TESSERACT, lines, degrees)

    def _read_rapid(self, picture: "Image", dpi: float) -> Reading:
        if self._rapid is None:
            try:
                from resources.engines.recognition.rapid import RapidOcr

                _give_memory_back()
                self._rapid = RapidOcr()
            except (ImportError, OSError, RuntimeError) as error:
                raise EngineUnavailable(
                    "No engine is there to read pictures of pages. Install Tesseract "
                    "and its language data, or the rapidocr package."
                ) from error
        lines, degrees = self._rapid.read(picture, dpi)
        return Reading(RecognitionMethod.RAPIDOCR, tuple(lines), degrees)

    def _is_foreign(self, reading: Reading) -> bool:
        """Return whether a text is in a language Tesseract was not given."""
        if self._tesseract is None or reading.chars < LANGUAGE_CHARS:
            return False
        import py3langid

        language, _ = py3langid.classify(reading.text)
        name = TESSERACT_LANGUAGES.get(language)
        return name is not None and name not in self._tesseract.languages


def _weight(reading: Reading) -> float:
    """Return how much a reading is worth beside one of the page turned otherwise."""
    weight = reading.confidence * math.sqrt(min(reading.chars, 400))
    return weight / 2 if reading.lies_on_its_side else weight


def _without_specks(reading: Reading) -> Reading:
    """Return a reading without what dirt and drawings were taken for."""
    kept = tuple(
        line
        for line in reading.lines
        if (line.confidence or 0.0)
        >= (
            SHORT_LINE_CONFIDENCE
            if len(line.text) <= SHORT_LINE_CHARS
            else LINE_CONFIDENCE
        )
    )
    return replace(reading, lines=kept)


def _better(first: Reading, second: Reading) -> Reading:
    """Return the reading that is more text in a language than the other.

    The engines' measures are not of one scale, so legibility counts first.
    """
    if not second.lines or not first.lines:
        return second if second.lines else first
    legible = [is_legible(reading.text) for reading in (first, second)]
    if legible[0] != legible[1]:
        return first if legible[0] else second
    if second.chars < first.chars * 0.5 and first.confidence >= LOW:
        return first
    return second if second.confidence > first.confidence else first


def _give_memory_back() -> None:
    """Return to the system what reading so far has freed: models need the room."""
    with contextlib.suppress(OSError, AttributeError):  # not every C library can
        ctypes.CDLL(None).malloc_trim(0)


def _is_empty(picture: "Image") -> bool:
    from PIL import ImageStat

    return bool(ImageStat.Stat(picture.reduce(4)).stddev[0] < INK_SPREAD)


def _remarks(reading: Reading) -> tuple[str, ...]:
    if not reading.lines or reading.confidence >= LOW:
        return ()
    share = round(reading.confidence * 100)
    return (f"Hard to read ({share} % sure). A sharper scan would help.",)


def picture_digest(picture: "Image", dpi: float) -> str:
    """Return the digest of what a picture shows, whatever file it came in."""
    return digest(f"{picture.size} {picture.mode} {dpi:.0f}", picture.tobytes())
