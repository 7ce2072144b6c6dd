"""The process that takes a cover out of an untrusted file.

Run as ``python -m resources.exporting.cover_child`` by ``covers``. Writes the picture
as ``cover.jpg`` into its own folder: the first page of a PDF, the cover that an EPUB
names, a picture itself. Says that there is none for everything else.
"""

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lectern.documents.formats import Format
from lectern.errors import LecternError
from resources.engines.recognition.child import say
from resources.engines.recognition.guards import Archive, Caps
from resources.engines.recognition.sandbox import allow_cpu_seconds, confine

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE_PX = 1400
SHORTEST_SIDE_PX = 200
"""A smaller picture is no cover: a tracking pixel, a rule, an icon."""
NAME = "cover.jpg"
QUALITY = 85
POINTS_PER_INCH = 72


def main() -> None:
    """Read the job, give up rights, look for a cover."""
    job = json.loads(sys.stdin.readline())
    caps = Caps(**job["caps"])
    from PIL import Image  # before the limits: loading takes address space

    Image.MAX_IMAGE_PIXELS = caps.image_pixels
    confine(memory_bytes=caps.child_memory_bytes, output_bytes=caps.child_output_bytes)
    allow_cpu_seconds(caps.child_cpu_seconds)
    try:
        picture = found(Path(job["path"]), Format(job["format"]), caps)
        if picture is not None and min(picture.size) >= SHORTEST_SIDE_PX:
            save(picture)
            say({"cover": NAME})
            return
    except (LecternError, OSError, ValueError, SyntaxError, MemoryError) as error:
        # Pillow and pdfium tell of damaged files in all of these.
        print(f"No cover: {error}", file=sys.stderr)  # noqa: T201  (its log)
    say({"cover": None})


def found(path: Path, kind: Format, caps: Caps) -> "Image | None":
    """Return the picture that stands for a file, if it brings one."""
    if kind is Format.PDF:
        return first_page(path, caps)
    if kind is Format.EPUB:
        return epub_cover(path, caps)
    if kind is Format.IMAGE:
        return opened(path.read_bytes(), caps)
    return None


def first_page(path: Path, caps: Caps) -> "Image":
    """Return the first page of a PDF in colour."""
    import pypdfium2

    with pypdfium2.PdfDocument(path) as pdf:
        page = pdf[0]
        longest_pt = max(page.get_size())
        scale = LONGEST_SIDE_PX / max(longest_pt, 1)
        most = (
            caps.render_pixels / max(1, page.get_width() * page.get_height())
        ) ** 0.5
        picture: Image = page.render(scale=min(scale, most)).to_pil()
    return picture


def epub_cover(path: Path, caps: Caps) -> "Image | None":
    """Return the picture that an EPUB names as its cover."""
    from resources.engines.recognition.epub import cover_name

    with Archive(path, caps) as archive:
        name = cover_name(archive, caps)
        if name is None or not archive.has(name):
            return None
        return opened(archive.read(name), caps)


def opened(data: bytes, caps: Caps) -> "Image | None":
    """Return a picture from its bytes; None when it is larger than may be decoded."""
    from PIL import Image, ImageOps

    picture = Image.open(
        io.BytesIO(data), formats=("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")
    )
    if picture.width * picture.height > caps.image_pixels:
        return None
    return ImageOps.exif_transpose(picture)


def save(picture: "Image") -> None:
    """Write a picture as a JPEG that every player shows."""
    from PIL import Image

    if picture.mode in ("RGBA", "LA", "P"):
        over = picture.convert("RGBA")
        paper = Image.new("RGBA", over.size, "white")
        picture = Image.alpha_composite(paper, over)
    picture = picture.convert("RGB")
    picture.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    picture.save(NAME, "JPEG", quality=QUALITY)


if __name__ == "__main__":
    main()
