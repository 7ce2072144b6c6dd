"""Recognition by Mistral's hosted OCR, request by request."""

import base64
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lectern.errors import (
    BadEngineReply,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    LecternError,
)
from lectern.ids import digest
from lectern.settings import Settings
from resources.engines.recognition.base import Recogniser
from resources.engines.recognition.elsewhere import RecogniserElsewhere, Sending
from resources.engines.recognition.mistral_client import MistralClient
from resources.engines.recognition.mistral_prices import price_micros
from resources.engines.recognition.mistral_replies import page_of, read_reply
from resources.engines.recognition.paper import Drawing
from resources.engines.recognition.parallel import each
from resources.environments import is_elsewhere

RECIPE = "1"
"""Raised when the same reply would be read otherwise, so that caches follow."""
PICTURE_SIDE_PX = 2200
PDF, PNG = "application/pdf", "image/png"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """Some pages as they are sent."""

    pages: tuple[Drawing, ...]
    document: dict[str, str]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of the pages."""
        return tuple(page.number for page in self.pages)

    @property
    def custom_id(self) -> str:
        """Return a name that says what is sent, the same whenever it is sent."""
        content = digest(*(page.shown for page in self.pages))
        return f"{content[:40]}:{self.numbers[0]}-{self.numbers[-1]}"


class MistralRecogniser(RecogniserElsewhere):
    """Sends pages to Mistral, several requests at a time."""

    name = "mistral"
    label = "Mistral OCR"
    rounds = 3
    """Once, and twice more for what is missing, alone."""

    def __init__(self, settings: Settings, local: Recogniser) -> None:
        self._mistral = settings.mistral
        super().__init__(
            settings, local, fallback_share=settings.mistral.fallback_share
        )
        if not is_elsewhere(settings, "mistralai"):
            MistralClient(settings.mistral).close()  # says what is missing, at once

    @property
    def cached_as(self) -> str:
        """Return the model and all that decides what its replies become."""
        return f"mistral {self._mistral.model} {self._mistral.tables} recipe {RECIPE}"

    def price_micros(self, pages: int) -> int | None:
        """Return what reading so many pages costs today."""
        return price_micros(self._mistral.model, pages, on=datetime.now(UTC).date())

    def read(self, sending: Sending, numbers: Sequence[int]) -> bool:
        """Send pages and keep what comes back; True while more may come."""
        client = MistralClient(self._mistral)
        try:
            for request, future in each(
                self.requests(sending, numbers),
                lambda request: client.read(request.document),
                parallel=self._mistral.parallel_requests,
                sign=sending.sign,
            ):
                error = future.exception()
                if error is None:
                    self.take(sending, request, future.result())
                elif isinstance(error, EngineError):
                    self.note(sending, request, error)
                else:
                    raise error
        finally:
            client.close()
        return True

    def note(self, sending: Sending, request: Request, error: LecternError) -> None:
        """Remember why a request failed; what fails for all requests ends it.

        Raises:
            EngineUnavailable: It would fail for every other request too.
        """
        logger.warning("Pages %s: %s", request.numbers, error.message)
        sending.error = error
        if isinstance(error, EngineUnavailable):
            raise error

    def take(self, sending: Sending, request: Request, raw: bytes) -> None:
        """Keep the pages of one reply, and the reply as it came."""
        asked = range(len(request.pages))
        try:
            body = json.loads(raw)
            reply = read_reply(body, asked, sent=len(request.pages))
        except ValueError:
            sending.error = BadEngineReply("Mistral replied with something unreadable.")
            return
        except BadEngineReply as error:
            sending.error = error
            return
        about = json.dumps({"pages": request.numbers, "model": reply.model})
        sending.replies.append(about.encode()[:-1] + b',"reply":' + raw + b"}")
        sending.sent_pages += reply.pages_processed
        for place, page in reply.pages.items():
            sending.keep(page_of(page, request.pages[place], model=reply.model))

    def requests(self, sending: Sending, numbers: Sequence[int]) -> Iterator[Request]:
        """Yield pages as they are to be sent; those read before are taken instead."""
        gathered: list[Drawing] = []
        for number in numbers:
            sending.sign()
            drawing = self._looked_at(sending, number)
            if drawing is None:
                continue
            # A request holds pages that follow each other: ranges, not patchwork.
            is_apart = gathered and gathered[-1].number + 1 != number
            if is_apart or len(gathered) >= self._mistral.pages_per_request:
                yield from self._packed(sending, gathered)
                gathered = []
            gathered.append(drawing)
        if gathered:
            yield from self._packed(sending, gathered)

    def _looked_at(self, sending: Sending, number: int) -> Drawing | None:
        """Return what a page shows; None when it was read before or cannot be drawn."""
        try:
            drawing = sending.paper.digest(number)
        except LecternError as error:
            logger.warning("Page %d cannot be drawn: %s", number, error.message)
            sending.error = error
            return None
        if (page := sending.known(number, drawing.shown)) is None:
            return drawing
        sending.reuse(page)
        return None

    def _packed(self, sending: Sending, pages: list[Drawing]) -> Iterator[Request]:
        """Yield requests for pages that follow each other, none of them too large."""
        try:
            part = sending.paper.cut([page.number for page in pages])
        except EngineCrashed:
            raise
        except LecternError as error:
            logger.warning("Sent as pictures: %s", error.message)
            part = None
        if part is not None and len(part) <= self._mistral.request_bytes:
            yield Request(tuple(pages), _document("document_url", PDF, part))
        elif part is not None and len(pages) > 1:
            half = len(pages) // 2
            yield from self._packed(sending, pages[:half])
            yield from self._packed(sending, pages[half:])
        else:
            for page in pages:
                yield from self._as_picture(sending, page)

    def _as_picture(self, sending: Sending, page: Drawing) -> Iterator[Request]:
        try:
            drawn = sending.paper.draw(page.number, side_px=PICTURE_SIDE_PX)
        except LecternError as error:
            logger.warning("Page %d cannot be drawn: %s", page.number, error.message)
            sending.error = error
            return
        yield Request((page,), _document("image_url", PNG, drawn.png))


def _document(kind: str, media_type: str, data: bytes) -> dict[str, str]:
    coded = base64.b64encode(data).decode("ascii")
    return {"type": kind, kind: f"data:{media_type};base64,{coded}"}
