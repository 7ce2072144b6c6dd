"""The process that holds one untrusted file open while its pages are read elsewhere.

Run as ``python -m resources.engines.recognition.paper_child`` by ``paper``, one
command a line: what the text layer says of a page, its picture, some pages as a PDF of
their own. Pictures and PDFs are written into the process's own folder.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lectern.documents.formats import Format
from lectern.errors import LecternError, TookTooLong
from resources.engines.recognition.child import hear, say
from resources.engines.recognition.guards import Caps
from resources.engines.recognition.sandbox import allow_cpu_seconds, confine
from resources.engines.recognition.wire import (
    error_to_wire,
    outline_to_wire,
    page_to_wire,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from resources.engines.recognition.images import ImageFile
    from resources.engines.recognition.pdf import PdfFile

FASTEST_PNG = 1
"""Of zlib's nine: a page takes 30 ms instead of 200, and a tenth more bytes."""


def main() -> None:
    """Read the job, give up rights, open the file, do as told."""
    job = json.loads(sys.stdin.readline())
    caps = Caps(**job["caps"])
    remarks = confine(
        memory_bytes=caps.child_memory_bytes, output_bytes=caps.child_output_bytes
    )
    for remark in remarks:
        say({"remark": remark})
    _answered(lambda: _serve(Path(job["path"]), Format(job["format"]), caps))


def _serve(path: Path, kind: Format, caps: Caps) -> None:
    allow_cpu_seconds(caps.child_cpu_seconds)
    opened: Opened = OpenedPdf(path, caps) if kind is Format.PDF else Opened(path, caps)
    say({"head": opened.head()})
    while command := hear():
        _answered(lambda command=command: say(opened.do(command)))  # type: ignore[misc]


def _answered(work: Callable[[], None]) -> None:
    """Do something; what goes wrong with it is an answer too."""
    try:
        work()
    except LecternError as error:
        say({"error": error_to_wire(error)})
    except MemoryError:
        say({"error": error_to_wire(_out_of_memory())})


def _out_of_memory() -> TookTooLong:
    return TookTooLong(
        "A page takes more memory to draw than is allowed. Make it smaller, and try "
        "again."
    )


class Opened:
    """A picture file: each frame is a page without a text layer."""

    def __init__(self, path: Path, caps: Caps) -> None:
        self._caps = caps
        self._file = self._open(path, caps)

    def _open(self, path: Path, caps: Caps) -> "ImageFile | PdfFile":
        from resources.engines.recognition.images import ImageFile

        return ImageFile(path, caps)

    def head(self) -> list[Any]:
        """Return pages, title, author, language and outline."""
        return [self._file.page_count, "", "", None, []]

    def do(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command and return the answer."""
        match command:
            case {"text": number}:
                allow_cpu_seconds(self._caps.child_cpu_seconds)
                return self.text(number)
            case {"draw": number, "side": side, "turn": turn, "name": name}:
                allow_cpu_seconds(self._caps.child_picture_cpu_seconds)
                return self.draw(number, side_px=side, turn_degrees=turn, name=name)
            case {"cut": numbers, "name": name}:
                allow_cpu_seconds(self._caps.child_picture_cpu_seconds)
                self.cut(numbers, Path(name))
                return {"written": name}
        raise ValueError(command)

    def text(self, number: int) -> dict[str, Any]:
        """Return a page by its own text, or that it needs a picture."""
        return {"needs": number}

    def draw(
        self, number: int, *, side_px: int, turn_degrees: int, name: str
    ) -> dict[str, Any]:
        """Draw a page with its longest side so long; write it where it has a name."""
        from resources.engines.recognition.ocr import picture_digest

        picture, dpi = self._file.picture(number)
        width_pt, height_pt = (round(side / dpi * 72, 2) for side in picture.size)
        picture, scale = _fitted(picture, side_px)
        shown = picture_digest(picture, dpi * scale)
        if turn_degrees:
            picture = picture.rotate(-turn_degrees, expand=True, fillcolor=255)
        if name:
            picture.save(name, "PNG", compress_level=FASTEST_PNG)
        return {"drawn": shown, "size_pt": [width_pt, height_pt]}

    def cut(self, numbers: list[int], path: Path) -> None:
        """Write some of the pages as a file of their own."""
        raise NotImplementedError


class OpenedPdf(Opened):
    """A PDF."""

    _file: "PdfFile"

    def _open(self, path: Path, caps: Caps) -> "PdfFile":
        from resources.engines.recognition.pdf import PdfFile

        return PdfFile(path, caps, scratch=Path.cwd())

    def head(self) -> list[Any]:
        """Return pages, title, author, language and outline."""
        pdf = self._file
        outline = outline_to_wire(tuple(pdf.outline()))
        return [pdf.page_count, pdf.title, pdf.author, pdf.language, outline]

    def text(self, number: int) -> dict[str, Any]:
        """Return a page by its own text, or that it needs a picture."""
        from resources.engines.recognition.pdf import NeedsPicture

        page = self._file.page(number)
        if isinstance(page, NeedsPicture):
            return {"needs": number}
        return {"page": page_to_wire(page)}

    def cut(self, numbers: list[int], path: Path) -> None:
        """Write some of the pages as a file of their own."""
        self._file.cut(numbers, path)


def _fitted(picture: "Image", side_px: int) -> "tuple[Image, float]":
    """Return a picture with its longest side as asked, if it is longer."""
    from PIL import Image

    scale = side_px / max(picture.size)
    if scale >= 1:
        return picture, 1.0
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BOX), scale


if __name__ == "__main__":
    main()
