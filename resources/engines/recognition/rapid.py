"""RapidOCR, whose models lie in its wheel: slower, and at home in poor pictures."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lectern.documents.pages import Box, Line
from resources.engines.recognition.columns import reading_order

if TYPE_CHECKING:
    from PIL.Image import Image

DPI = 200
"""Past it, larger pictures cost more and read no better."""
LONGEST_SIDE = 1600
"""Pixels; the memory its detector takes grows with it: 0.7 GB here, 1.2 at 2400."""
MOST_PIXELS = 2_000_000
DOUBTFUL = 0.75
TALL = 2.0
"""Height to width of a box whose line runs up or down the page."""


@dataclass(frozen=True, slots=True)
class _Reading:
    lines: list[Line]
    tall_share: float  # of the lines, 0…1

    @property
    def confidence(self) -> float:
        """Mean over the lines, by their length."""
        chars = sum(len(line.text) for line in self.lines)
        total = sum(len(line.text) * (line.confidence or 0) for line in self.lines)
        return total / chars if chars else 0.0

    @property
    def is_doubtful(self) -> bool:
        """Whether the page may lie on its side or stand on its head."""
        return self.tall_share > 0.5 or (
            bool(self.lines) and self.confidence < DOUBTFUL
        )


class RapidOcr:
    """One loaded RapidOCR."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR

        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.max_side_len": LONGEST_SIDE,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Rec.rec_batch_num": 4,
            }
        )

    def read(self, picture: "Image", dpi: float) -> tuple[list[Line], int]:
        """Return lines in reading order, and the quarter turn that righted them."""
        pixels = picture.width * picture.height
        scale = min(
            1.0,
            DPI / dpi,
            LONGEST_SIDE / max(picture.size),
            (MOST_PIXELS / pixels) ** 0.5,
        )
        size = (round(picture.width * scale), round(picture.height * scale))
        small = picture if scale == 1.0 else picture.resize(size)
        best, turn = self._read(small, dpi * scale), 0
        if not best.is_doubtful:
            return best.lines, turn
        for degrees in (90, 270) if best.tall_share > 0.5 else (180,):
            # Pillow turns counter-clockwise.
            turned = self._read(small.rotate(-degrees, expand=True), dpi * scale)
            if turned.confidence > best.confidence or best.tall_share > 0.5:
                best, turn = turned, degrees
            if not turned.is_doubtful:
                break
        return best.lines, turn

    def _read(self, picture: "Image", dpi: float) -> _Reading:
        # Lines are not turned one by one: an upside-down page has to show as such.
        pixels = np.asarray(picture.convert("RGB"))[:, :, ::-1]
        found = self._engine(pixels, use_cls=False)
        if found.boxes is None or not len(found.boxes):
            return _Reading([], 0.0)
        placed: list[tuple[Box, str, float]] = []
        tall = 0
        for corners, text, score in zip(
            found.boxes, found.txts, found.scores, strict=True
        ):
            (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
            tall += bool((bottom - top) > TALL * (right - left)) and len(text) > 2
            box = Box(
                float(left / picture.width),
                float(top / picture.height),
                float(right / picture.width),
                float(bottom / picture.height),
            )
            if text.strip():
                placed.append((box, text.strip(), float(score)))
        order = reading_order([box for box, _, _ in placed])
        lines = [
            Line(
                placed[i][1],
                placed[i][0],
                _size_pt(placed[i][0], picture.height, dpi),
                confidence=round(placed[i][2], 3),
            )
            for i in order
        ]
        return _Reading(lines, tall / len(found.boxes))


def _size_pt(box: Box, height: int, dpi: float) -> float:
    # A box is a little taller than the letters it holds.
    return round((box.bottom - box.top) * height / dpi * 72 * 0.8, 1)
