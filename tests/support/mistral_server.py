"""Mistral's OCR and batch API on loopback, in a thread: its shapes, our own words.

A page is known by its shape, since a real reader would know it by its letters: the
documents of these tests have pages 500 points high and 400 + n wide (``numbered``).
How the server misbehaves is planned request by request.
"""

import base64
import contextlib
import io
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pikepdf
from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.loopback import answering

KEY = "key-of-the-tests"
MODEL = "mistral-ocr-4-1"
HEIGHT_PT = 500
FIELDS = {
    "model",
    "document",
    "pages",
    "include_image_base64",
    "image_limit",
    "image_min_size",
    "table_format",
    "extract_header",
    "extract_footer",
    "include_blocks",
    "confidence_scores_granularity",
}
MOST_PAGES, MOST_BYTES = 1000, 50_000_000


def numbered(path: Path, count: int, *, born_digital: frozenset[int] = frozenset()):
    """Write a PDF of scanned pages that the server can tell apart."""
    canvas = Canvas(str(path))
    for number in range(1, count + 1):
        width = 400 + number
        canvas.setPageSize((width, HEIGHT_PT))
        if number in born_digital:
            for row in range(12):
                words = f"Page {number}, line {row}: the text layer says this well."
                canvas.drawString(40, 450 - 20 * row, words)
        else:
            sheet = Image.new("L", (width * 2, HEIGHT_PT * 2), "white")
            drawing = ImageDraw.Draw(sheet)
            for row in range(9):
                drawing.text((80, 100 + row * 80), f"SCAN {number} {row}", fill=0)
            canvas.drawImage(ImageReader(sheet), 0, 0, width, HEIGHT_PT)
        canvas.showPage()
    canvas.save()
    return path


@dataclass
class Plan:
    """What becomes of one request, in place of the usual."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    order: Callable[[list[Any]], list[Any]] = lambda pages: pages
    first_index: int = 0
    without: frozenset[int] = frozenset()
    body: bytes | None = None


@dataclass
class Batch:
    """A batch job."""

    id: str
    input_files: list[str]
    model: str
    metadata: dict[str, str]
    requests: list[dict[str, Any]]
    status: str = "QUEUED"
    looks: int = 0
    output_file: str | None = None
    error_file: str | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)


def usual_page(number: int, index: int) -> dict[str, Any]:
    """Return one page as OCR 4 replies, with a few words of our own."""
    text = (
        f"The lamp of page {number} was lit at dusk \\( ^{{1}} \\) and seen from afar."
    )
    return {
        "index": index,
        "markdown": f"# Page {number}\n\n{text}",
        "images": [],
        "dimensions": {"dpi": 200, "height": 1400, "width": 1100},
        "tables": [],
        "hyperlinks": [],
        "header": "THE KEEPER",
        "footer": f"\\( ^{{1}} \\) By four men.\n{number}",
        "confidence_scores": {
            "average_page_confidence_score": 0.97,
            "minimum_page_confidence_score": 0.61,
        },
        "blocks": [
            block("header", "THE KEEPER"),
            block("title", f"# Page {number}"),
            block("text", text),
            block("footer", f"\\( ^{{1}} \\) By four men.\n{number}"),
        ],
    }


def block(kind: str, content: str, **more: Any) -> dict[str, Any]:
    """Return one block as OCR 4 replies."""
    return {
        "type": kind,
        "top_left_x": 80,
        "top_left_y": 90,
        "bottom_right_x": 900,
        "bottom_right_y": 160,
        "content": content,
        **more,
    }


@dataclass
class MistralServer:
    """The server, what it was asked, and how it is to misbehave."""

    page: Callable[[int, int], dict[str, Any]] = usual_page
    plans: list[Plan] = field(default_factory=list)  # one a request, then the usual
    model: str = MODEL  # by its own account
    looks_until_done: int = 1
    states: list[str] = field(default_factory=list)  # a batch is in, before others
    batch_end: str = "SUCCESS"
    batch_done: Callable[[str], int] = lambda custom_id: 200  # status of a line
    address: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)  # bodies of /v1/ocr
    seen: list[list[int]] = field(default_factory=list)  # pages of each request
    at: list[float] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    batches: dict[str, Batch] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def running(self) -> Iterator["MistralServer"]:
        """Answer until the block ends."""
        routes = [
            Route("/v1/ocr", self._ocr, methods=["POST"]),
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files/{id}/content", self._content),
            Route("/v1/files/{id}", self._delete, methods=["DELETE"]),
            Route("/v1/batch/jobs", self._create, methods=["POST"]),
            Route("/v1/batch/jobs", self._list),
            Route("/v1/batch/jobs/{id}/cancel", self._cancel, methods=["POST"]),
            Route("/v1/batch/jobs/{id}", self._look),
        ]
        with answering(Starlette(routes=routes)) as self.address:
            yield self

    # -- OCR -----------------------------------------------------------------

    async def _ocr(self, request: Request) -> Response:
        if (refusal := _unknown_key(request)) is not None:
            return refusal
        body = await request.json()
        with self._lock:
            plan = self.plans.pop(0) if self.plans else Plan()
            self.asked.append(body)
            self.at.append(time.monotonic())
        if plan.seconds:
            import asyncio

            await asyncio.sleep(plan.seconds)
        if plan.status != 200:
            return _error(plan.status, "asked to fail", plan.headers)
        if plan.body is not None:
            return Response(plan.body, media_type="application/json")
        status, answer = self._answer(body, plan)
        return JSONResponse(answer, status_code=status)

    def _answer(self, body: dict[str, Any], plan: Plan) -> tuple[int, dict[str, Any]]:
        if unknown := set(body) - FIELDS:
            return 422, {
                "detail": [{"loc": ["body"], "msg": f"extra {unknown}", "type": "x"}]
            }
        if body["model"] != MODEL:
            return 404, {"object": "error", "message": "no such model", "code": "1500"}
        numbers = _numbers(body["document"])
        with self._lock:
            self.seen.append(numbers)
        wanted = body.get("pages") or range(len(numbers))
        pages = [
            self.page(numbers[place], place + plan.first_index)
            for place in wanted
            if numbers[place] not in plan.without
        ]
        return 200, {
            "pages": plan.order(pages),
            "model": self.model,
            "document_annotation": None,
            "usage_info": {"pages_processed": len(numbers), "doc_size_bytes": None},
        }

    # -- files ---------------------------------------------------------------

    async def _upload(self, request: Request) -> Response:
        if (refusal := _unknown_key(request)) is not None:
            return refusal
        async with request.form() as form:
            assert form["purpose"] == "batch"
            name, data = form["file"].filename, await form["file"].read()
        file_id = self._put(data)
        return JSONResponse(
            {
                "id": file_id,
                "object": "file",
                "bytes": len(data),
                "created_at": 1,
                "filename": name,
                "purpose": "batch",
                "sample_type": "batch_request",
                "source": "upload",
            }
        )

    def _put(self, data: bytes) -> str:
        file_id = str(uuid.uuid4())
        self.files[file_id] = data
        return file_id

    async def _content(self, request: Request) -> Response:
        data = self.files.get(request.path_params["id"])
        if data is None:
            return _error(404, "no such file")
        return Response(data, media_type="application/octet-stream")

    async def _delete(self, request: Request) -> Response:
        file_id = request.path_params["id"]
        self.files.pop(file_id, None)
        self.deleted.append(file_id)
        return JSONResponse({"id": file_id, "object": "file", "deleted": True})

    # -- batches -------------------------------------------------------------

    async def _create(self, request: Request) -> Response:
        if (refusal := _unknown_key(request)) is not None:
            return refusal
        body = await request.json()
        assert body["endpoint"] == "/v1/ocr"
        lines = b"\n".join(self.files[f] for f in body["input_files"]).splitlines()
        job = Batch(
            id=str(uuid.uuid4()),
            input_files=body["input_files"],
            model=body["model"],
            metadata=body["metadata"],
            requests=[json.loads(line) for line in lines if line],
        )
        self.batches[job.id] = job
        return JSONResponse(_shown(job))

    async def _list(self, request: Request) -> Response:
        jobs = [_shown(job) for job in reversed(self.batches.values())]
        return JSONResponse({"object": "list", "total": len(jobs), "data": jobs})

    async def _look(self, request: Request) -> Response:
        job = self.batches[request.path_params["id"]]
        job.looks += 1
        if self.states:
            job.status = self.states.pop(0)
        elif job.output_file is None and job.status != "CANCELLATION_REQUESTED":
            job.status = "RUNNING"
            if job.looks >= self.looks_until_done:
                self._end(job)
        return JSONResponse(_shown(job))

    async def _cancel(self, request: Request) -> Response:
        job = self.batches[request.path_params["id"]]
        self.cancelled.append(job.id)
        job.status = "CANCELLATION_REQUESTED"
        return JSONResponse(_shown(job))

    def _end(self, job: Batch) -> None:
        good, bad = [], []
        for number, request in enumerate(reversed(job.requests)):  # in any order
            custom_id = request["custom_id"]
            status = self.batch_done(custom_id)
            line: dict[str, Any] = {"id": f"batch-{number}", "custom_id": custom_id}
            if status == 200:
                status, answer = self._answer(
                    {"model": job.model, **request["body"]}, Plan()
                )
                line |= {"response": {"status_code": status, "body": answer}}
                good.append({**line, "error": None})
            elif status:  # 0: no line at all, the batch ended before
                line |= {"response": {"status_code": status, "body": {}}}
                bad.append({**line, "error": {"message": "asked to fail"}})
        if good:
            job.output_file = self._put(_jsonl(good))
        if bad:
            job.error_file = self._put(_jsonl(bad))
        job.status = self.batch_end
        if self.batch_end == "FAILED":
            job.errors.append({"message": "the file was not understood", "count": 1})


def _shown(job: Batch) -> dict[str, Any]:
    done = len(job.requests) if job.status == "SUCCESS" else 0
    return {
        "id": job.id,
        "object": "batch",
        "input_files": job.input_files,
        "metadata": job.metadata,
        "endpoint": "/v1/ocr",
        "model": job.model,
        "agent_id": None,
        "output_file": job.output_file,
        "error_file": job.error_file,
        "errors": job.errors,
        "status": job.status,
        "created_at": 1,
        "total_requests": len(job.requests),
        "completed_requests": done,
        "succeeded_requests": done,
        "failed_requests": 0,
        "started_at": None,
        "completed_at": None,
    }


def _jsonl(lines: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"


def _unknown_key(request: Request) -> Response | None:
    if request.headers.get("authorization") == f"Bearer {KEY}":
        return None
    return JSONResponse({"detail": "Unauthorized"}, status_code=401)


def _error(
    status: int, message: str, headers: dict[str, str] | None = None
) -> Response:
    body = {"object": "error", "message": message, "type": "x", "code": str(status)}
    return JSONResponse(body, status_code=status, headers=headers)


def _numbers(document: dict[str, str]) -> list[int]:
    """Return which pages of ``numbered`` a document holds."""
    kind = document["type"]
    data = base64.b64decode(document[kind].partition("base64,")[2])
    if kind == "image_url":
        with Image.open(io.BytesIO(data)) as sheet:
            return [round(sheet.width / sheet.height * HEIGHT_PT) - 400]
    assert len(data) <= MOST_BYTES
    with pikepdf.open(io.BytesIO(data)) as opened:
        numbers = [round(float(page.mediabox[2])) - 400 for page in opened.pages]
    assert len(numbers) <= MOST_PAGES
    return numbers
