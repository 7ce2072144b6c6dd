"""A page with the browser components on it, and a small server that keeps the HTTP
contract of the app: the components meet real requests, real events and real audio.

What a test steers: which blocks are voiced (``voice``), what is refused, and what the
player has reported (``posts``).
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from tests.support.tones import speak_tones, word_times

STATIC = Path(__file__).resolve().parents[2] / "dashboard" / "static"
PAGE = Path(__file__).with_name("component_page.html")
DOCUMENT = "doc-1"


def block(text: str, *, kind: str = "paragraph", **fields: Any) -> dict[str, Any]:
    """Return a manifest's block; ``number`` fills in the index."""
    return {"k": kind, "t": text, "p": 1, "l": 0, "n": "en", **fields}


def number(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give blocks their index, their paragraph and the estimate of their length."""
    for index, entry in enumerate(blocks):
        entry |= {"i": index, "id": f"block-{index}"}
        entry.setdefault("g", index)
        if "x" not in entry:
            entry.setdefault("d", 80 * len(entry["t"]))
    return blocks


@dataclass
class Stage:
    """What the server serves, and what it was told."""

    blocks: list[dict[str, Any]]
    chapters: list[dict[str, Any]] = field(default_factory=list)
    title: str = "The Quiet Machinery of Reading Aloud"
    language: str = "en"
    state: str = "ready"
    progress: dict[str, Any] = field(default_factory=dict)
    voiced: dict[int, str] = field(default_factory=dict)
    posts: list[dict[str, Any]] = field(default_factory=list)
    cursor: dict[str, Any] | None = None
    cursor_status: int = 200  # what a report is answered with
    bookmarks: list[dict[str, Any]] = field(default_factory=list)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    library: dict[bytes, str] = field(default_factory=dict)
    upload_error: tuple[int, str, str] | None = None
    break_after_bytes: int | None = None
    requests: list[str] = field(default_factory=list)
    policy: dict[str, str] = field(default_factory=dict)
    sayings: list[dict[str, Any]] = field(default_factory=list)
    closing: bool = False
    base: str = ""

    def voice(self, *indices: int) -> None:
        """Make blocks audible; every browser that listens is told."""
        for index in indices or range(len(self.blocks)):
            if "x" not in self.blocks[index]:
                self.voiced[index] = f"key{index}"

    def audio(self, key: str) -> bytes:
        """Return the sound of a block."""
        return speak_tones(self._spoken(key))

    def words(self, key: str) -> dict[str, Any]:
        """Return when the words of a block are heard."""
        times, duration_ms = word_times(self._spoken(key))
        return {"words": times, "duration_ms": duration_ms}

    def _spoken(self, key: str) -> str:
        entry = self.blocks[int(key.removeprefix("key"))]
        return str(entry.get("_spoken", entry["t"]))

    def manifest(self, voice: str) -> dict[str, Any]:
        """Return the document as the app would send it."""
        is_ready = self.state == "ready"
        visible = [
            {k: v for k, v in entry.items() if not k.startswith("_")}
            for entry in (self.blocks if is_ready else [])
        ]
        return {
            "id": DOCUMENT,
            "title": self.title,
            "version": 1,
            "state": self.state,
            "language": self.language,
            "voice": voice or "espeak:en-gb",
            "blocks": visible,
            "chapters": self.chapters if is_ready else [],
            "skipped": [],
            "policy": self.policy,
            "window": 32,
        }


def routes(stage: Stage) -> list[Route]:
    """Return the routes of the contract over a stage."""
    return [
        Route("/", _page),
        Route("/assets/{version}/{path:path}", _asset),
        *_document_routes(stage),
        *_audio_routes(stage),
        *_bookmark_routes(stage),
        *_upload_routes(stage),
    ]


async def _page(_request: Request) -> Response:
    return HTMLResponse(PAGE.read_text())


async def _asset(request: Request) -> Response:
    return FileResponse(STATIC / request.path_params["path"])


def _document_routes(stage: Stage) -> list[Route]:
    async def manifest(request: Request) -> Response:
        if request.path_params["id"] != DOCUMENT:
            body = {"code": "not_found", "message": "This document is not yours."}
            return JSONResponse(body, 404)
        return JSONResponse(stage.manifest(request.query_params.get("voice", "")))

    async def events(_request: Request) -> Response:
        return StreamingResponse(_events(stage), media_type="text/event-stream")

    async def get_cursor(_request: Request) -> Response:
        return JSONResponse(stage.cursor)

    async def put_cursor(request: Request) -> Response:
        post = await request.json()
        stage.posts.append(post)
        if stage.cursor_status != 200:
            body = {"code": "test", "message": "The place was not taken."}
            return JSONResponse(body, status_code=stage.cursor_status)
        kept = ("block", "offset_ms", "rate", "voice")
        stage.cursor = {name: post[name] for name in kept}
        stage.cursor["updated_at"] = str(time.time())
        return JSONResponse({"listening": True})

    async def policy(request: Request) -> Response:
        stage.policy = await request.json()
        return JSONResponse({"skipped": []})

    async def saying(request: Request) -> Response:
        wanted = await request.json()
        if not wanted["say"]:
            body = {"code": "test", "message": "Write how it is said."}
            return JSONResponse(body, 400)
        stage.sayings.append(wanted)
        return JSONResponse({"filter": "f", "version": 1}, status_code=201)

    prefix = "/api/documents/{id}"
    return [
        Route(f"{prefix}/sayings", saying, methods=["POST"]),
        Route(f"{prefix}/manifest", manifest),
        Route(f"{prefix}/events", events),
        Route(f"{prefix}/cursor", get_cursor),
        Route(f"{prefix}/cursor", put_cursor, methods=["POST"]),
        Route(f"{prefix}/policy", policy, methods=["PUT"]),
    ]


def _audio_routes(stage: Stage) -> list[Route]:
    async def audio(request: Request) -> Response:
        key = request.path_params["key"]
        stage.requests.append(f"{key}.ogg")
        if key not in stage.voiced.values():
            return JSONResponse({"code": "not_found", "message": "No such sound."}, 404)
        return Response(stage.audio(key), media_type="audio/ogg")

    async def words(request: Request) -> Response:
        return JSONResponse(stage.words(request.path_params["key"]))

    return [
        Route("/api/audio/{key}.ogg", audio),
        Route("/api/audio/{key}.json", words),
    ]


async def _events(stage: Stage) -> AsyncIterator[str]:
    """Yield all that is voiced, then what comes, as the app does."""
    told: set[int] = set()
    last_state = ""
    while not stage.closing:
        state = json.dumps({"state": stage.state, "revision": 1, **stage.progress})
        if state != last_state:
            yield f"event: state\ndata: {state}\n\n"
            last_state = state
        new = [index for index in sorted(stage.voiced) if index not in told]
        told.update(new)
        if new and stage.state == "ready":
            ready = [[i, stage.voiced[i], _duration_ms(stage, i)] for i in new]
            yield f"event: ready\ndata: {json.dumps({'blocks': ready})}\n\n"
        await asyncio.sleep(0.02)


def _duration_ms(stage: Stage, index: int) -> int:
    return int(stage.words(stage.voiced[index])["duration_ms"])


def _bookmark_routes(stage: Stage) -> list[Route]:
    async def list_all(_request: Request) -> Response:
        return JSONResponse({"bookmarks": stage.bookmarks})

    async def add(request: Request) -> Response:
        added = {"id": f"mark{len(stage.bookmarks)}", "created_at": "2026-01-01"}
        stage.bookmarks.append(added | await request.json())
        return JSONResponse(stage.bookmarks[-1], 201)

    async def remove(request: Request) -> Response:
        kept = [m for m in stage.bookmarks if m["id"] != request.path_params["id"]]
        stage.bookmarks[:] = kept
        return Response(status_code=204)

    return [
        Route("/api/documents/{id}/bookmarks", list_all),
        Route("/api/documents/{id}/bookmarks", add, methods=["POST"]),
        Route("/api/bookmarks/{id}", remove, methods=["DELETE"]),
    ]


def _upload_routes(stage: Stage) -> list[Route]:
    async def begin(request: Request) -> Response:
        upload = {**await request.json(), "data": bytearray()}
        upload_id = f"upload{len(stage.uploads)}"
        stage.uploads[upload_id] = upload
        return JSONResponse({"id": upload_id, "offset": 0}, 201)

    async def head(request: Request) -> Response:
        upload = stage.uploads[request.path_params["id"]]
        return Response(headers={"upload-offset": str(len(upload["data"]))})

    async def put(request: Request) -> Response:
        upload = stage.uploads[request.path_params["id"]]
        if stage.upload_error:
            status, code, message = stage.upload_error
            return JSONResponse({"code": code, "message": message}, status)
        body = await request.body()
        if stage.break_after_bytes is not None:
            upload["data"] += body[: stage.break_after_bytes]
            stage.break_after_bytes = None
            return JSONResponse({"code": "store", "message": "Broke."}, 500)
        if request.headers["upload-offset"] != str(len(upload["data"])):
            return JSONResponse({"offset": len(upload["data"])}, 409)
        upload["data"] += body
        return _piece_taken(stage, upload)

    async def abandon(request: Request) -> Response:
        del stage.uploads[request.path_params["id"]]
        return Response(status_code=204)

    return [
        Route("/api/uploads", begin, methods=["POST"]),
        Route("/api/uploads/{id}", head, methods=["HEAD"]),
        Route("/api/uploads/{id}", put, methods=["PUT"]),
        Route("/api/uploads/{id}", abandon, methods=["DELETE"]),
    ]


def _piece_taken(stage: Stage, upload: dict[str, Any]) -> Response:
    offset, data = len(upload["data"]), bytes(upload["data"])
    if offset < upload["size_bytes"]:
        return JSONResponse({"offset": offset, "complete": False})
    already_had = data in stage.library
    document_id = stage.library.setdefault(data, f"document{len(stage.library)}")
    body = {
        "offset": offset,
        "complete": True,
        "already_had": already_had,
        "document": {"id": document_id, "title": upload["name"]},
    }
    return JSONResponse(body, 201)


@contextmanager
def served(stage: Stage) -> Iterator[Stage]:
    """Serve a stage on a free port of this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Starlette(routes=routes(stage)),
        log_level="warning",
        timeout_graceful_shutdown=1,
        ws="none",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    stage.base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        while not server.started:
            time.sleep(0.01)
        yield stage
    finally:
        stage.closing = True
        server.should_exit = True
        thread.join()
        listening.close()
