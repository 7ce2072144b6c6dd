"""Recognition by a vision model on a server with OpenAI's chat API, page by page."""

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lectern.documents.pages import RecognisedPage, RecognitionMethod
from lectern.errors import (
    BadEngineReply,
    EngineBusy,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    LecternError,
)
from lectern.ids import digest
from lectern.settings import Settings, VisionServer
from resources.engines.recognition.base import Recogniser
from resources.engines.recognition.elsewhere import RecogniserElsewhere, Sending
from resources.engines.recognition.paper import Drawing
from resources.engines.recognition.parallel import each
from resources.engines.recognition.vision_profiles import profile_of
from resources.engines.recognition.vision_replies import VisionReply, read_reply
from resources.environments import is_elsewhere

if TYPE_CHECKING:
    from openai import OpenAI

RECIPE = "1"
"""Raised when the same reply would be read otherwise, so that caches follow."""
SHOWN_CHARS = 300

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A page as it was read, and what is to be remembered of it."""

    page: RecognisedPage
    is_reused: bool
    raw: bytes = b""


class VisionRecogniser(RecogniserElsewhere):
    """Sends pictures of pages to one server."""

    rounds = 1
    """A page that fails is tried again where it fails, a little differently."""

    def __init__(
        self, name: str, server: VisionServer, settings: Settings, local: Recogniser
    ) -> None:
        super().__init__(settings, local, fallback_share=server.fallback_share)
        self.name = name
        self.label = f"{server.model.rsplit('/', 1)[-1]} ({name})"
        self._server = server
        self._profile = profile_of(server.model)
        self._prompt = self._profile.prompt if server.prompt is None else server.prompt
        if not is_elsewhere(settings, "openai"):
            self._openai().close()  # says what is missing, at once

    @property
    def cached_as(self) -> str:
        """Return the model and all that decides what it makes of a page."""
        profile = self._profile
        how = digest(
            self._prompt, repr(profile.extra_body), profile.form, str(profile.side_px)
        )
        return f"{self._server.model[-80:]} {profile.name} {how[:12]} recipe {RECIPE}"

    def price_micros(self, pages: int) -> int | None:
        """Return what reading so many pages costs, by the settings."""
        price = self._server.price_micros_per_1000_pages
        return None if price is None else round(pages * price / 1000)

    def read(self, sending: Sending, numbers: Sequence[int]) -> bool:
        """Have pages read, several at a time."""
        client = self._openai()
        try:
            for number, future in each(
                numbers,
                partial(self._page, client, sending),
                parallel=self._server.parallel_requests,
                sign=sending.sign,
            ):
                error = future.exception()
                if error is None:
                    self._take(sending, future.result())
                elif isinstance(error, LecternError):
                    logger.warning("Page %d: %s", number, error.message)
                    sending.error = error
                    if isinstance(error, EngineUnavailable):
                        raise error
                else:
                    raise error
        finally:
            client.close()
        return False

    def _take(self, sending: Sending, asked: Asked) -> None:
        if asked.is_reused:
            sending.reuse(asked.page)
            return
        sending.keep(asked.page)
        sending.sent_pages += 1
        sending.replies.append(asked.raw)

    def _page(self, client: "OpenAI", sending: Sending, number: int) -> Asked:
        """Return a page: remembered, or asked for, turned upright where it lies."""
        drawing = sending.paper.draw(number, side_px=self._profile.side_px)
        if (known := sending.known(number, drawing.shown)) is not None:
            return Asked(known, is_reused=True)
        reply, raw, model = self._asked(client, drawing)
        turn = reply.turn_degrees
        if turn:
            turned = sending.paper.draw(
                number, side_px=self._profile.side_px, turn_degrees=turn
            )
            reply, raw, model = self._asked(client, turned)
        page = _page_of(reply, drawing, model=model, turn_degrees=turn)
        about = b'{"pages":[%d],"reply":' % number
        return Asked(page, is_reused=False, raw=about + raw + b"}")

    def _asked(
        self, client: "OpenAI", drawing: Drawing
    ) -> tuple[VisionReply, bytes, str]:
        """Return what the model says of a picture, asked until it makes sense.

        Raises:
            EngineError: It never did.
        """
        last: EngineError | None = None
        for temperature in self._profile.ladder:
            try:
                return self._said(client, drawing, temperature=temperature)
            except (BadEngineReply, EngineCrashed) as error:
                logger.info("Page %d asked for again: %s", drawing.number, error)
                last = error
        raise last or BadEngineReply("The model was not asked.")

    def _said(
        self, client: "OpenAI", drawing: Drawing, *, temperature: float
    ) -> tuple[VisionReply, bytes, str]:
        import openai

        try:
            reply = client.chat.completions.with_raw_response.create(
                **self._request(drawing, temperature=temperature)
            )
            raw, completion = reply.content, reply.parse()
        except openai.OpenAIError as error:
            raise _translated(error, self.name) from error
        except ValueError as error:
            raise BadEngineReply("The server's reply is no JSON.") from error
        choices = completion.choices
        if not choices or choices[0].message.content is None:
            raise BadEngineReply("The model said nothing at all.")
        if choices[0].finish_reason == "length":
            raise BadEngineReply("The model did not come to an end.")
        read = read_reply(choices[0].message.content, self._profile.form)
        return read, raw, str(completion.model or self._server.model)

    def _request(self, drawing: Drawing, *, temperature: float) -> dict[str, Any]:
        coded = base64.b64encode(drawing.png).decode("ascii")
        content: list[dict[str, Any]] = [
            {
                "type": "image_url",
                "image_url": {"url": f"data:image/png;base64,{coded}"},
            }
        ]
        if self._prompt:
            content.append({"type": "text", "text": self._prompt})
        return {
            "model": self._server.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": temperature,
            "max_tokens": self._profile.most_tokens,
            "extra_body": dict(self._profile.extra_body) or None,
        }

    def _openai(self) -> "OpenAI":
        try:
            from openai import OpenAI
        except ImportError as error:
            raise EngineUnavailable(
                "OpenAI's client, which speaks to vision servers, is not installed. "
                "Install Lectern with the extra “openai”: "
                "pip install 'lectern[openai]'."
            ) from error
        key = self._server.api_key
        return OpenAI(
            base_url=self._server.address,
            # Servers of one's own want none, but the client insists on some.
            api_key=key.get_secret_value() if key else "none",
            timeout=self._server.timeout_seconds,
            max_retries=self._server.retries,
        )


def _page_of(
    reply: VisionReply, drawing: Drawing, *, model: str, turn_degrees: int
) -> RecognisedPage:
    width, height = drawing.width_pt, drawing.height_pt
    if turn_degrees % 180:
        width, height = height, width
    return RecognisedPage(
        number=drawing.number,
        method=RecognitionMethod.VISION if reply.elements else RecognitionMethod.BLANK,
        engine=model[-128:],
        content_digest=drawing.shown,
        elements=reply.elements,
        width_pt=width,
        height_pt=height,
        rotation_degrees=turn_degrees,
    )


def _translated(error: Exception, name: str) -> EngineError:
    """Return our error for one of OpenAI's client."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        return EngineCrashed(f"“{name}” did not answer in time.")
    if isinstance(error, openai.APIConnectionError):
        return EngineUnavailable(
            f"The vision server “{name}” cannot be reached. Start it, or see "
            f"LECTERN_VISION_SERVERS__{name.upper()}__ADDRESS."
        )
    if not isinstance(error, openai.APIStatusError):
        return BadEngineReply(f"“{name}” replied nonsense ({type(error).__name__}).")
    said = " ".join(str(error.message).split())[:SHOWN_CHARS]
    status = error.status_code
    if status in (401, 403):
        return EngineUnavailable(
            f"The vision server “{name}” refused the key. Check "
            f"LECTERN_VISION_SERVERS__{name.upper()}__API_KEY."
        )
    if status == 404:
        return EngineUnavailable(
            f"The vision server “{name}” does not know the model or address. {said}"
        )
    if status == 429:
        return EngineBusy(
            f"The vision server “{name}” takes no more pages for now.",
            retry_after_seconds=60.0,
        )
    if status >= 500:
        return EngineCrashed(f"“{name}” failed (status {status}). {said}")
    return BadEngineReply(f"“{name}” refused the page (status {status}). {said}")
