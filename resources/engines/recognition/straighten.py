"""Righting pictures of pages: small tilts by their own rows of ink.

Whole quarter turns are found by the engines, which know letters.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

SMALL_SIDE = 800
"""Pixels of the reduced picture that is tried at many angles."""
WIDEST_DEGREES = 8.0
LEAST_DEGREES = 0.4
"""Below this Tesseract does not mind, and turning only blurs."""
CLEAR_GAIN = 1.15
"""How much sharper the rows must get before a tilt is believed."""


def tilt_degrees(picture: "Image") -> float:
    """Return by how many degrees counter-clockwise rows of ink must be turned.

    Rows of text make the sums over pixel rows jump between ink and paper, most so
    when the rows lie level.
    """
    from PIL import Image

    small = picture.copy()
    small.thumbnail((SMALL_SIDE, SMALL_SIDE), Image.Resampling.BOX)
    ink = 255 - np.asarray(small, dtype=np.uint8)
    ink = np.where(ink > ink.mean() + ink.std() * 0.5, 255, 0).astype(np.uint8)
    coarse = _sharpest(ink, np.arange(-WIDEST_DEGREES, WIDEST_DEGREES + 0.1, 1.0))
    fine = _sharpest(ink, np.arange(coarse - 0.8, coarse + 0.81, 0.2))
    if abs(fine) < LEAST_DEGREES:
        return 0.0
    gain = _sharpness(ink, fine) / max(1.0, _sharpness(ink, 0.0))
    return fine if gain > CLEAR_GAIN else 0.0


def _sharpest(ink: NDArray[np.uint8], angles: NDArray[np.float64]) -> float:
    return float(max(angles, key=lambda angle: _sharpness(ink, float(angle))))


def _sharpness(ink: NDArray[np.uint8], degrees: float) -> float:
    """Return how much neighbouring rows differ after a turn."""
    from PIL import Image

    turned = Image.fromarray(ink).rotate(degrees, Image.Resampling.NEAREST)
    rows = np.asarray(turned, dtype=np.float64).sum(axis=1)
    return float(np.square(np.diff(rows)).sum())


def level(picture: "Image") -> "tuple[Image, float]":
    """Return a picture with its rows level, and the degrees it was turned by."""
    from PIL import Image

    degrees = tilt_degrees(picture)
    if not degrees:
        return picture, 0.0
    turned = picture.rotate(
        degrees, Image.Resampling.BICUBIC, expand=False, fillcolor=255
    )
    return turned, degrees
