"""Where a listener is: kept, counted, and followed by a run that voices ahead."""

from datetime import UTC, datetime, timedelta

from pydantic import Field
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend, following
from dashboard.api.answers import NO_STORE, blocking, principal_of, read_body, route
from dashboard.api.events import feeds
from dashboard.backend import Backend
from lectern.accounts.people import Principal
from lectern.contracts import Contract
from lectern.errors import InvalidRequest
from lectern.ids import DocumentId
from lectern.jobs.states import DocumentState
from lectern.usage.events import EventKind, Listened
from lectern.usage.listening import believable
from lectern.usage.waits import Wait
from resources.choosing import choose_voice
from resources.stores.catalog import Document
from resources.stores.cursors import Cursor
from resources.stores.jobs import Job


class CursorPost(Contract):
    """A player's report."""

    session: str = Field(min_length=1, max_length=64)
    sequence: int = Field(ge=0, lt=2**53)  # what JavaScript counts exactly
    block: int = Field(ge=0, lt=10_000_000)
    offset_ms: int = Field(default=0, ge=0, lt=86_400_000)
    playing: bool = False
    rate: float = Field(default=1.0, ge=0.25, le=5.0)
    voice: str = Field(min_length=1, max_length=200)
    listened_ms: int = Field(default=0, ge=0, lt=2**53)
    listened_words: int = Field(default=0, ge=0, lt=2**53)
    first_sound_ms: int | None = Field(default=None, ge=0, lt=2**53)
    underruns: int = Field(default=0, ge=0, lt=2**53)


def take_report(
    here: Backend, principal: Principal, document_id: DocumentId, post: CursorPost
) -> Job | None:
    """Keep the place, count what was heard; return a job if one has to be launched.

    Raises:
        InvalidRequest: The document has no such block.
        UnknownVoice: No engine has such a voice.
        AllowanceUsedUp: The place is kept, and nothing more can be voiced now.
    """
    services = here.services
    document = services.catalog.readable(principal, document_id)
    _check(here, document, post)
    before = services.cursors.get(principal, document_id)
    now = datetime.now(UTC)
    is_news = services.cursors.put(
        principal,
        document_id,
        Cursor(
            block_index=post.block,
            offset_ms=post.offset_ms,
            playing=post.playing,
            rate=post.rate,
            voice_id=post.voice,
            session=post.session,
            sequence=post.sequence,
        ),
    )
    if is_news:  # a late or repeated report counts nothing
        _count(here, principal, document_id, post, before=before, now=now)
        _tell_how_it_goes(here, post)
    if document.state is not DocumentState.READY:
        return None
    return following.new_listener(here, principal, document_id)


def _check(here: Backend, document: Document, post: CursorPost) -> None:
    """Refuse a place or a voice that cannot be: what is kept is believed later."""
    is_known = document.state is DocumentState.READY
    if is_known and post.block >= document.block_count:
        raise InvalidRequest(
            f"Block {post.block:,} is beyond this document, which has "
            f"{document.block_count:,} blocks. Load its manifest again."
        )
    choose_voice(here.services, document, asked=post.voice)


def _count(
    here: Backend,
    principal: Principal,
    document_id: DocumentId,
    post: CursorPost,
    *,
    before: Cursor | None,
    now: datetime,
) -> None:
    heard = believable(
        claimed_ms=post.listened_ms,
        claimed_words=post.listened_words,
        rate=post.rate,
        since_last=_playing_since(before, post, now),
    )
    if not heard.media_ms:
        return
    here.services.outbox.append(
        EventKind.LISTENED,
        Listened(
            document_id=document_id,
            voice=post.voice,
            media_ms=heard.media_ms,
            wall_ms=heard.wall_ms,
            words=heard.words,
            rate=post.rate,
        ),
        principal=principal,
        at=now,
    )


def _tell_how_it_goes(here: Backend, post: CursorPost) -> None:
    """Count what the player saw: once for each report, and no more than can be."""
    if post.first_sound_ms is not None:
        here.services.playing.waited(Wait.FIRST_SOUND, post.first_sound_ms)
    here.services.playing.ran_out(post.underruns)


def _playing_since(
    before: Cursor | None, post: CursorPost, now: datetime
) -> timedelta | None:
    """Return for how long this reader may have played, or None if it did not.

    A report that follows one of another reader can claim only the time since its own
    first, which is not known, so it gets the slack alone.
    """
    if before is None or before.updated_at is None or not before.playing:
        return None
    if before.session != post.session:
        return timedelta(0)
    return now - before.updated_at


async def put_cursor(request: Request) -> Response:
    """Take a player's report. Dagster being down changes nothing in the answer."""
    here = backend.current()
    post = await read_body(request, CursorPost, limit_bytes=4096)
    document_id = DocumentId(request.path_params["id"])
    principal = principal_of(request)
    job = await blocking(take_report, here, principal, document_id, post)
    if post.playing:
        feeds.hurry(principal, document_id, block=post.block)
    task = BackgroundTask(following.launch, here, job) if job else None
    return JSONResponse({"listening": True}, headers=NO_STORE, background=task)


async def get_cursor(request: Request) -> Response:
    """Answer with the place kept, or null."""
    services, principal = backend.current().services, principal_of(request)
    document_id = DocumentId(request.path_params["id"])
    await blocking(services.catalog.readable, principal, document_id)
    cursor = await blocking(services.cursors.get, principal, document_id)
    body = cursor and {
        "block": cursor.block_index,
        "offset_ms": cursor.offset_ms,
        "rate": cursor.rate,
        "voice": cursor.voice_id,
        "updated_at": cursor.updated_at and cursor.updated_at.isoformat(),
    }
    return JSONResponse(body, headers=NO_STORE)


ROUTES: list[BaseRoute] = [
    route("/api/documents/{id}/cursor", get_cursor),
    route("/api/documents/{id}/cursor", put_cursor, "POST"),
]
