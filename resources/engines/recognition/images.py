"""Pictures that are documents themselves: every frame is a page."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lectern.errors import DamagedFile, TooManyPages
from resources.engines.recognition.guards import Caps, check_pixels

if TYPE_CHECKING:
    from PIL.Image import Image

PAPER_WIDTH_INCHES = 8.27
"""A picture that states no resolution, or a silly one, is taken for an A4 sheet."""
LEAST_DPI, MOST_DPI = 70.0, 1200.0
READ_PIXELS = 12_000_000
"""More than print of ordinary size needs; larger pictures are read smaller."""
READABLE = ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "HEIF", "AVIF", "MPO")
FRAMES_ARE_PAGES = ("TIFF", "HEIF")
"""In the other kinds, further frames are movement or other sizes."""


class ImageFile:
    """One picture file and its frames."""

    def __init__(self, path: Path, caps: Caps) -> None:
        self._caps = caps
        self._picture = _open(path, caps)
        frames = getattr(self._picture, "n_frames", 1)
        self.page_count = frames if self._picture.format in FRAMES_ARE_PAGES else 1
        if self.page_count > caps.pages:
            raise TooManyPages(
                f"The picture file has {self.page_count:,} pages; up to "
                f"{caps.pages:,} can be read. Split it and upload the parts.",
                used=self.page_count,
                limit=caps.pages,
            )

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of the pages, from 1."""
        yield from range(1, self.page_count + 1)

    def picture(self, number: int) -> "tuple[Image, float]":
        """Return a frame in grey, upright as its camera says, and its resolution.

        Raises:
            TooManyPixels: It is larger than may be decoded.
            DamagedFile: It cannot be decoded.
        """
        from PIL import Image, ImageOps

        try:
            self._picture.seek(number - 1)
            self._check(number)
            self._picture.load()
            upright = ImageOps.exif_transpose(self._picture)
            grey = _grey(upright)
        except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
            raise _damaged(number) from error
        dpi = _dpi(self._picture, grey.width)
        pixels = grey.width * grey.height
        if pixels > READ_PIXELS:
            scale = (READ_PIXELS / pixels) ** 0.5
            size = (max(1, int(grey.width * scale)), max(1, int(grey.height * scale)))
            grey, dpi = grey.resize(size, Image.Resampling.BOX), dpi * scale
        return grey, dpi

    def close(self) -> None:
        """Let go of the file."""
        self._picture.close()

    def _check(self, number: int) -> None:
        width, height = self._picture.size
        check_pixels(
            width,
            height,
            limit=self._caps.image_pixels,
            what="The picture" if number == 1 else f"Page {number} of the picture",
        )


def _open(path: Path, caps: Caps) -> "Image":
    from PIL import Image

    # Sizes are checked by us, frame by frame, with a message of our own.
    Image.MAX_IMAGE_PIXELS = None
    with path.open("rb") as file:
        is_heif = file.read(12)[4:8] == b"ftyp"
    if is_heif:
        import pi_heif

        pi_heif.register_heif_opener()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(path, formats=READABLE)
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged(1) from error
    check_pixels(*picture.size, limit=caps.image_pixels, what="The picture")
    return picture


def _grey(picture: "Image") -> "Image":
    """Return a picture in grey, on white where it is transparent."""
    from PIL import Image

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        sheet = Image.new("RGBA", coloured.size, "white")
        sheet.alpha_composite(coloured)
        return sheet.convert("L")
    if picture.mode.startswith(("I", "F")):  # 16 bits a pixel, as scanners write
        import numpy as np

        values = np.asarray(picture, dtype=np.float32)
        values -= values.min()
        scaled = values * (255.0 / max(1.0, float(values.max())))
        return Image.fromarray(scaled.astype(np.uint8))
    return picture.convert("L")


def _dpi(picture: "Image", width: int) -> float:
    stated = _stated_dpi(picture)
    assumed = width / PAPER_WIDTH_INCHES
    if not LEAST_DPI < stated < MOST_DPI:
        return min(MOST_DPI, max(LEAST_DPI, assumed))
    # Screens and cameras state 72 or 96 whatever they show.
    return stated if stated > 96 else max(stated, assumed)


def _stated_dpi(picture: "Image") -> float:
    stated: Any = picture.info.get("dpi", (0.0, 0.0))
    return float(stated[0])


def _damaged(number: int) -> DamagedFile:
    which = "The picture" if number == 1 else f"Page {number} of the picture"
    return DamagedFile(
        f"{which} cannot be decoded: the file is damaged or cut off. Save or "
        "download it again."
    )
