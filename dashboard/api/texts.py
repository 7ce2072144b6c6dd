"""Pasted text and Markdown."""

from typing import Literal

from pydantic import Field
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend, following, intake
from dashboard.api.answers import blocking, principal_of, read_body, route
from dashboard.backend import Backend
from dashboard.pacing import count_elements
from lectern.accounts.people import Principal
from lectern.accounts.rates import RateClass
from lectern.contracts import Contract
from lectern.documents.formats import Format
from lectern.documents.titles import TITLE_CHARS, clean_title
from lectern.errors import FileTooLarge, NothingToRead
from lectern.units import size

ENVELOPE_BYTES = 4096
"""What a request may add to the text itself: names, title, quotes."""


class NewText(Contract):
    """A text as it was pasted."""

    title: str = Field(default="", max_length=TITLE_CHARS)
    text: str
    format: Literal["text", "markdown"] = "text"


def take_text(here: Backend, principal: Principal, pasted: NewText) -> intake.Taken:
    """Keep a pasted text as a document.

    Raises:
        NothingToRead: It holds no words.
        FileTooLarge: It is longer than texts may be.
        TooFast: Documents came too often.
    """
    count_elements(principal, RateClass.DOCUMENT, 1)
    data = pasted.text.strip().encode()
    limit = here.services.limits.of(principal).text_bytes
    if not any(character.isalnum() for character in pasted.text):
        raise NothingToRead("There is nothing to read in this text. Paste some words.")
    if len(data) > limit:
        raise FileTooLarge(
            f"This text is {size(len(data))} long; texts may have "
            f"{size(limit)}. Upload it in parts.",
            used=len(data),
            limit=limit,
        )
    title = clean_title(pasted.title) or first_words(pasted.text)
    ending = "md" if pasted.format == "markdown" else "txt"
    return intake.take_in(
        here,
        principal,
        blob=here.services.blobs.put(data),
        size_bytes=len(data),
        filename=f"{title}.{ending}",
        format=Format(pasted.format),
        title=title,
    )


def first_words(text: str) -> str:
    """Return the beginning of a text's first line as its title, at most 60 characters.

    Markdown's heading marks are no part of a title.
    """
    lines = (clean_title(line).strip("# *") for line in text.splitlines())
    line = next((line for line in lines if line), "")
    if len(line) <= 60:
        return line or "Untitled"
    return line[:60].rsplit(" ", 1)[0] + "…"


async def add_text(request: Request) -> Response:
    """Take a pasted text in."""
    here = backend.current()
    limits = await blocking(here.services.limits.of, principal_of(request))
    # JSON may escape every character of a text into six.
    limit_bytes = limits.text_bytes * 6 + ENVELOPE_BYTES
    pasted = await read_body(request, NewText, limit_bytes=limit_bytes)
    taken = await blocking(take_text, here, principal_of(request), pasted)
    task = BackgroundTask(following.launch, here, taken.job) if taken.job else None
    return JSONResponse(intake.taken_body(taken), status_code=201, background=task)


ROUTES: list[BaseRoute] = [route("/api/texts", add_text, "POST")]
