"""A file whose pages are read elsewhere: its text layer, its pictures, its parts.

The file is untrusted, so only a child process opens it (``paper_child``). One that dies
takes the page with it that it was at, and another takes its place.
"""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lectern.documents.formats import Format
from lectern.documents.pages import OutlineEntry, RecognisedPage
from lectern.errors import BadEngineReply, EngineCrashed, TookTooLong
from lectern.settings import Settings
from resources.engines.recognition.guards import Caps
from resources.engines.recognition.local import error_of
from resources.engines.recognition.sandbox import ReadingChild, follow
from resources.engines.recognition.wire import (
    error_from_wire,
    outline_from_wire,
    page_from_wire,
)

CHILD_MODULE = "resources.engines.recognition.paper_child"
DEATHS = 4
"""Children that may die before the file is given up."""
DIGEST_SIDE_PX = 1200
"""Enough to tell pages apart by what they show."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says of itself."""

    page_count: int
    title: str
    author: str
    language: str | None
    outline: tuple[OutlineEntry, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A page as a picture."""

    number: int
    shown: str  # digest of what it shows, upright as in the file
    width_pt: float
    height_pt: float
    png: bytes = b""  # empty when only the digest was asked for


class Paper:
    """One PDF or picture file. Threads may share it; they take turns."""

    def __init__(self, path: Path, kind: Format, settings: Settings) -> None:
        limits = settings.limits.model_dump()
        caps = {field.name: limits[field.name] for field in fields(Caps)}
        self._job = {"path": str(path.absolute()), "format": kind.value, "caps": caps}
        self._kind = kind
        self._timeout_seconds = 2.0 * settings.limits.child_picture_cpu_seconds
        self._lock = threading.Lock()
        self._child: ReadingChild | None = None
        self._deaths = 0
        self.head = self._opened()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._end_child()

    def text(self, number: int) -> RecognisedPage | None:
        """Return a page as its own text layer has it; None when it reads badly.

        Raises:
            LecternError: The page cannot be opened.
        """
        answer = self._ask({"text": number})[0]
        return page_from_wire(answer["page"]) if "page" in answer else None

    def digest(self, number: int) -> Drawing:
        """Return a page's size and the digest of what it shows.

        Raises:
            LecternError: The page cannot be drawn.
        """
        return self._draw(number, DIGEST_SIDE_PX, turn_degrees=0, is_wanted=False)

    def draw(self, number: int, *, side_px: int, turn_degrees: int = 0) -> Drawing:
        """Return a page as a PNG, turned clockwise, its longest side as asked at most.

        Raises:
            LecternError: The page cannot be drawn.
        """
        return self._draw(number, side_px, turn_degrees=turn_degrees, is_wanted=True)

    def cut(self, numbers: Sequence[int]) -> bytes | None:
        """Return some of the pages as a PDF of their own; None of what is none.

        Raises:
            LecternError: They cannot be copied.
        """
        if self._kind is not Format.PDF:
            return None
        return self._ask({"cut": list(numbers), "name": "part.pdf"})[1]

    def _draw(
        self, number: int, side_px: int, *, turn_degrees: int, is_wanted: bool
    ) -> Drawing:
        name = "page.png" if is_wanted else ""
        command = {"draw": number, "side": side_px, "turn": turn_degrees, "name": name}
        answer, png = self._ask(command)
        width_pt, height_pt = answer["size_pt"]
        return Drawing(number, answer["drawn"], width_pt, height_pt, png)

    def _ask(self, command: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Return the child's answer to a command, and the file it wrote if any."""
        with self._lock:
            child = self._child or self._started()
            child.tell(command)
            answer = self._heard(child)
            name = command.get("name", "")
            if "error" in answer:
                raise error_from_wire(answer["error"])
            return answer, _taken(child.folder / name) if name else b""

    def _opened(self) -> Head:
        with self._lock:
            self._started()
        return self._head

    def _started(self) -> ReadingChild:
        """Start a child and wait until it has opened the file."""
        child = ReadingChild(self._job, module=CHILD_MODULE)
        self._child = child
        answer = self._heard(child)
        if "error" in answer:
            self._end_child()
            raise error_from_wire(answer["error"])
        count, title, author, language, outline = answer["head"]
        self._head = Head(count, title, author, language, outline_from_wire(outline))
        return child

    def _heard(self, child: ReadingChild) -> dict[str, Any]:
        try:
            return _answer_of(child, timeout_seconds=self._timeout_seconds)
        except BaseException:
            # Whatever it was at, its next answer would be to another question.
            self._end_child()
            self._deaths += 1
            if self._deaths >= DEATHS:
                raise TookTooLong(
                    "Too many pages of this file end the program that draws them. "
                    "Print it to a new PDF and try that."
                ) from None
            raise

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def _answer_of(child: ReadingChild, *, timeout_seconds: float) -> dict[str, Any]:
    for event in follow([child], timeout_seconds=timeout_seconds):
        if event is None:
            continue
        message = event[1]
        if message is None:
            raise error_of(child)
        if "remark" not in message:
            return message
    raise EngineCrashed("The process that reads files said nothing. Try again.")


def _taken(path: Path) -> bytes:
    """Return the file that a child wrote, and remove it. A link is no file of its."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read()
        path.unlink()
    except OSError as error:
        raise BadEngineReply(
            "The process that draws pages left nothing behind. Try again."
        ) from error
    return data
