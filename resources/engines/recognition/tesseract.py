"""Tesseract, in this process, over data that the system or a person installed."""

import logging
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from lectern.documents.pages import Box, Line

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

PLACES = (
    "/usr/share/tesseract-ocr",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
    "/usr/local/opt/tesseract/share/tessdata",
)
NOT_LANGUAGES = frozenset({"osd", "equ", "snum"})
MANY_LANGUAGES = 4
"""Each language makes every page slower; past so many the rest is left out."""
PAGE_MILLISECONDS = 60_000
SIZE_SLACK = 1.4
TALL = 2.0
"""Height to width of a line that runs up or down the page."""
TURN_CONFIDENCE = 1.0
"""What Tesseract's own measure must reach before a quarter turn is believed."""


def find_data(*named: Path) -> Path | None:
    """Return the folder that holds ``*.traineddata``, if there is one."""
    candidates = [p for place in named for p in (place, place / "tessdata")]
    for place in map(Path, PLACES):
        candidates += [place, *sorted(place.glob("*/tessdata"), reverse=True)]
    for folder in candidates:
        if any(languages(folder)):
            return folder
    return None


def languages(folder: Path) -> Iterator[str]:
    """Yield the languages whose data lie in a folder."""
    for path in sorted(folder.glob("*.traineddata")):
        if path.stem not in NOT_LANGUAGES:
            yield path.stem


def choose(installed: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the languages to read with: those wanted, else English and a few."""
    if wanted:
        return tuple(name for name in wanted if name in installed)
    ordered = sorted(installed, key=lambda name: (name != "eng", name))
    return tuple(ordered[:MANY_LANGUAGES])


class Tesseract:
    """One loaded Tesseract."""

    def __init__(self, folder: Path, chosen: Sequence[str]) -> None:
        import tesserocr

        self._library = tesserocr
        self._folder = folder
        self.languages = tuple(chosen)
        self._api: Any = tesserocr.PyTessBaseAPI(
            path=str(folder),
            lang="+".join(chosen),
            psm=tesserocr.PSM.AUTO,
            oem=tesserocr.OEM.LSTM_ONLY,
        )
        self._turns: Any = None

    @property
    def name(self) -> str:
        """Name, version and languages: all that decides what it reads."""
        version = self._library.tesseract_version().split()[1]
        return f"tesseract {version} {'+'.join(self.languages)}"

    def read(self, picture: "Image", dpi: float) -> list[Line]:
        """Return the lines of a grey picture in reading order."""
        self._show(self._api, picture)
        self._api.SetSourceResolution(round(min(max(dpi, 70), 600)))
        if not self._api.Recognize(PAGE_MILLISECONDS):
            return []
        lines = list(self._lines(picture.width, picture.height, dpi))
        self._api.Clear()
        return lines

    def quarter_turn(self, picture: "Image") -> int | None:
        """Return the degrees clockwise that right a picture; None when unsure."""
        if not (self._folder / "osd.traineddata").exists():
            return None
        if self._turns is None:
            self._turns = self._library.PyTessBaseAPI(
                path=str(self._folder), lang="osd", psm=self._library.PSM.OSD_ONLY
            )
        self._show(self._turns, picture)
        found = self._turns.DetectOrientationScript()
        if not found or found["orient_conf"] < TURN_CONFIDENCE:
            return None
        return -int(found["orient_deg"]) % 360

    def _show(self, api: Any, picture: "Image") -> None:
        api.SetImageBytes(
            picture.tobytes(), picture.width, picture.height, 1, picture.width
        )

    def _lines(self, width: int, height: int, dpi: float) -> Iterator[Line]:
        levels = self._library.RIL
        iterator = self._api.GetIterator()
        if iterator is None:
            return
        words: list[tuple[str, float]] = []
        block: list[Line] = []
        for word in self._library.iterate_level(iterator, levels.WORD):
            if not word.Empty(levels.WORD):
                text = word.GetUTF8Text(levels.WORD).strip()
                if text:
                    words.append((text, word.Confidence(levels.WORD) / 100))
            if word.IsAtFinalElement(levels.TEXTLINE, levels.WORD):
                edges = word.BoundingBox(levels.TEXTLINE)
                if words and edges:
                    size_pt = word.RowAttributes()["row_height"] / dpi * 72
                    block.append(_line(words, edges, width, height, size_pt))
                words = []
            if word.IsAtFinalElement(levels.BLOCK, levels.WORD):
                yield from _evened(block)
                block = []
        yield from _evened(block)


def _evened(block: list[Line]) -> Iterator[Line]:
    """Yield lines of one block, those of about one size as of one size.

    A row is measured by the letters that happen to stand in it.
    """
    sizes = [line.font_size_pt for line in block if line.font_size_pt]
    usual = median(sizes) if sizes else 0.0
    for line in block:
        size = line.font_size_pt or 0.0
        is_usual = usual / SIZE_SLACK < size < usual * SIZE_SLACK
        yield replace(line, font_size_pt=round(usual, 1)) if is_usual else line


def _line(
    words: list[tuple[str, float]],
    edges: tuple[int, int, int, int],
    width: int,
    height: int,
    size_pt: float,
) -> Line:
    chars = sum(len(text) for text, _ in words)
    left, top, right, bottom = edges
    return Line(
        " ".join(text for text, _ in words),
        Box(left / width, top / height, right / width, bottom / height),
        round(size_pt, 1) if math.isfinite(size_pt) and size_pt > 0 else None,
        rotated=chars > 3 and bottom - top > TALL * (right - left),
        confidence=round(sum(c * len(text) for text, c in words) / chars, 3),
    )


def data_from_environment() -> str | None:
    """Return the folder that Tesseract's own variable names."""
    return os.environ.get("TESSDATA_PREFIX")
