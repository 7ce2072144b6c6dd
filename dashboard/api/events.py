"""Server-sent events: which blocks can be heard, and how far a document is.

The stores are asked every 150 ms, once for each document and voice however many
clients look on, and only while one does. While a listener waits for a block that has no
sound yet they are asked more often, for a few seconds.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import blocking, principal_of, route
from dashboard.reading import voice_of
from lectern.accounts.people import Principal
from lectern.errors import LecternError
from lectern.ids import DocumentId, OwnerId
from lectern.jobs.states import DocumentState, JobKind
from resources.services import Services

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.12  # with the query itself an event is at most 150 ms late
HURRIED_POLL_SECONDS = 0.03
HURRY_SECONDS = 4.0
HEARTBEAT_SECONDS = 15.0
STATE_EVERY = 16  # polls between looks at the state of a document that is ready
BLOCKS_AN_EVENT = 2000

ReadyBlock = tuple[int, str, int]  # block index, audio key, duration in ms
FeedKey = tuple[OwnerId, DocumentId, str]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the stores found."""

    blocks: list[ReadyBlock]
    last_link: int
    state: dict[str, object] | None  # None when it was not looked at


def look(
    services: Services,
    principal: Principal,
    document_id: DocumentId,
    *,
    voice_id: str,
    after: int,
    with_state: bool,
) -> Look:
    """Read the blocks voiced since a link, and how the document stands."""
    links = services.variants.links_after(principal, document_id, voice_id, after)
    return Look(
        blocks=[(index, str(key), ms) for _link, index, key, ms in links],
        last_link=links[-1][0] if links else after,
        state=(_state(services, principal, document_id) if with_state else None),
    )


def _state(
    services: Services, principal: Principal, document_id: DocumentId
) -> dict[str, object]:
    document = services.catalog.readable(principal, document_id)
    state: dict[str, object] = {
        "state": str(document.state),
        "version": document.version,
        "revision": document.revision,
        "step": "",
        "message": document.error_message or "",
        "done": 0,
        "total": 0,
    }
    if document.state is DocumentState.PREPARING:
        jobs = services.jobs.for_document(
            document.principal, document_id, kind=JobKind.PREPARE
        )
        for job in jobs[:1]:
            state |= {
                "step": str(job.step),
                "message": job.message,
                "done": job.done,
                "total": job.total,
            }
    return state


@dataclass(eq=False)
class Feed:
    """One document in one voice, looked at for everyone who listens."""

    principal: Principal
    document_id: DocumentId
    voice_id: str
    blocks: dict[int, ReadyBlock] = field(default_factory=dict)
    state: dict[str, object] = field(default_factory=dict)
    clients: set[asyncio.Queue[str | None]] = field(default_factory=set)
    last_link: int = 0
    polls: int = 0
    awaited_block: int | None = None
    hurried_until: float = 0.0  # on the loop's clock
    is_followed: bool = False
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def hurry_for(self, block: int) -> None:
        """Look often until a block has its sound, but not for ever."""
        if block not in self.blocks and block != self.awaited_block:
            self.awaited_block = block
            self.hurried_until = asyncio.get_running_loop().time() + HURRY_SECONDS

    @property
    def pause_seconds(self) -> float:
        """How long to wait until the next look."""
        is_awaited = (
            self.awaited_block is not None and self.awaited_block not in self.blocks
        )
        is_early = asyncio.get_running_loop().time() < self.hurried_until
        return HURRIED_POLL_SECONDS if is_awaited and is_early else POLL_SECONDS

    async def refresh(self, *, with_state: bool = False) -> None:
        """Look at the stores once, and tell every client what is new."""
        async with self.looking:
            preparing = self.state.get("state") == DocumentState.PREPARING
            due = self.polls % STATE_EVERY == 0
            self.polls += 1
            await self._look(with_state=with_state or preparing or due)

    async def _look(self, *, with_state: bool) -> None:
        found = await blocking(
            look,
            backend.current().services,
            self.principal,
            self.document_id,
            voice_id=self.voice_id,
            after=self.last_link,
            with_state=with_state,
        )
        self.last_link = found.last_link
        self.blocks.update({block[0]: block for block in found.blocks})
        if found.state is not None and found.state != self.state:
            self._forget_old_revision(found.state)
            self.state = found.state
            self._tell(event("state", self.state))
        for message in ready_events(found.blocks):
            self._tell(message)

    def _forget_old_revision(self, state: dict[str, object]) -> None:
        """Start over when what is spoken has changed, as the sounds have too."""
        if self.state and self.state["revision"] != state["revision"]:
            self.blocks.clear()
            self.last_link = 0

    def greeting(self) -> list[str]:
        """Return what a client that joins now has missed."""
        known = [self.blocks[index] for index in sorted(self.blocks)]
        return [event("state", self.state), *ready_events(known)]

    def _tell(self, message: str) -> None:
        for client in self.clients:
            client.put_nowait(message)


def ready_events(blocks: list[ReadyBlock]) -> list[str]:
    """Return blocks as events of bounded size."""
    return [
        event("ready", {"blocks": blocks[start : start + BLOCKS_AN_EVENT]})
        for start in range(0, len(blocks), BLOCKS_AN_EVENT)
    ]


def event(name: str, data: object) -> str:
    """Return one server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


class Feeds:
    """Every feed somebody listens to."""

    def __init__(self) -> None:
        self._feeds: dict[FeedKey, Feed] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, feed: Feed) -> tuple[Feed, asyncio.Queue[str | None]]:
        """Add a client to the feed of this document and voice, made if need be."""
        key = (feed.principal.owner_id, feed.document_id, feed.voice_id)
        client: asyncio.Queue[str | None] = asyncio.Queue()
        running = self._feeds.get(key)
        await (running or feed).refresh(with_state=True)
        # Another client may have come first while the stores were read, or the
        # last one may have gone.
        running = self._feeds.setdefault(key, running or feed)
        for message in running.greeting():
            client.put_nowait(message)
        running.clients.add(client)
        if not running.is_followed:
            running.is_followed = True
            task = asyncio.create_task(self._run(key, running))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return running, client

    async def _run(self, key: FeedKey, feed: Feed) -> None:
        try:
            while feed.clients:
                await asyncio.sleep(feed.pause_seconds)
                await feed.refresh()
        except LecternError as error:
            # Deleted, or the store is in trouble. Clients connect again by themselves
            # and are then told which it is.
            logger.info("Feed of %s ended: %s", feed.document_id, error.message)
        finally:
            feed.is_followed = False
            if self._feeds.get(key) is feed:
                del self._feeds[key]
            for client in feed.clients:
                client.put_nowait(None)  # the document is gone: end its streams

    def hurry(
        self, principal: Principal, document_id: DocumentId, *, block: int
    ) -> None:
        """Look often at a document, in whatever voice, until a block has its sound."""
        for (owner_id, document, _voice), feed in self._feeds.items():
            if (owner_id, document) == (principal.owner_id, document_id):
                feed.hurry_for(block)

    async def close(self) -> None:
        """End every feed, as the app stops."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._feeds)


feeds = Feeds()


async def messages(feed: Feed, client: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    """Yield a client's events until it goes, with a sign of life in silence."""
    try:
        yield "retry: 1000\n\n"
        while True:
            try:
                message = await asyncio.wait_for(client.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if message is None:
                return
            yield message
    finally:
        feed.clients.discard(client)


async def stream_events(request: Request) -> Response:
    """Answer with an endless stream of events about one document."""
    principal = principal_of(request)
    services = backend.current().services
    document = await blocking(
        services.catalog.readable, principal, DocumentId(request.path_params["id"])
    )
    voice = await blocking(
        voice_of, services, document, asked=request.query_params.get("voice")
    )
    feed, client = await feeds.join(Feed(principal, document.id, voice.id))
    return StreamingResponse(
        messages(feed, client),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


ROUTES: list[BaseRoute] = [route("/api/documents/{id}/events", stream_events)]
