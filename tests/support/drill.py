"""A running product, and the ways to disturb it while it works."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import select

from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.ids import JobId
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from lectern.usage.events import EventKind
from pipelines.places import find_places
from pipelines.pool_protocol import Question, RunCondition, ask_pool
from resources.orchestrator import Orchestrator
from resources.placement import place_of
from resources.services import Services
from resources.stores import schema
from resources.stores.catalog import Document
from resources.stores.jobs import Job
from tests.support.product import Product, running
from tests.support.speech import add_document, sentence


@dataclass(frozen=True)
class Drill:
    """A product at work, seen from inside."""

    product: Product
    settings: Settings
    services: Services
    orchestrator: Orchestrator

    def book(self, *, blocks: int, title: str) -> Document:
        """Return a document that is ready and has not been spoken yet."""
        lines = [f"{title}. {sentence(number, words=7)}" for number in range(blocks)]
        return add_document(self.services, lines, title=title)

    def upload(self, text: str, *, title: str) -> Document:
        """Return a document that has still to be prepared."""
        data = text.encode()
        return self.services.catalog.add(
            LOCAL,
            title=title,
            filename=f"{title}.txt",
            format=Format.TEXT,
            blob=self.services.blobs.put(data),
            size_bytes=len(data),
        )

    def begin(self, document: Document, kind: JobKind) -> Job:
        """Accept a job and launch it."""
        job = self.services.jobs.create(LOCAL, document_id=document.id, kind=kind)
        self.orchestrator.launch(job)
        return job

    def wait(
        self, job_id: JobId, condition: Callable[[Job], object], seconds: float = 240
    ) -> Job:
        """Wait until a job is as wanted, and return it."""
        deadline = time.monotonic() + seconds
        while not condition(job := self.services.jobs.find(job_id)):
            assert time.monotonic() < deadline, f"it stays {job}"
            time.sleep(0.02)
        return job

    def ended(self, job_id: JobId, seconds: float = 240) -> Job:
        """Wait until a job has ended."""
        return self.wait(job_id, lambda job: job.state.is_final, seconds)

    def worker_of(self, job: Job) -> psutil.Process:
        """Return the process that carries out a job."""
        socket = find_places(self.settings).workers_socket
        run_id = self.services.jobs.find(job.id).run_id or ""
        answer = ask_pool(socket, Question(ask="condition", run_id=run_id))
        assert answer.condition is RunCondition.RUNNING
        return psutil.Process(answer.pid)

    def spoken_twice(self, document: Document) -> list[str]:
        """Return the sounds that were made more than once for a document."""
        outbox = schema.outbox.c
        query = select(outbox.payload).where(outbox.kind == EventKind.SYNTHESISED)
        with self.services.database.read() as connection:
            payloads = list(connection.scalars(query))
        made = Counter(
            payload["variant"]
            for payload in payloads
            if payload["document_id"] == document.id
        )
        return [variant for variant, times in made.items() if times > 1]

    def outcomes(self, document: Document) -> Counter[str]:
        """Return how the requests for a document's sounds ended."""
        outbox = schema.outbox.c
        query = select(outbox.kind, outbox.payload)
        with self.services.database.read() as connection:
            rows = list(connection.execute(query))
        return Counter(
            kind for kind, payload in rows if payload.get("document_id") == document.id
        )

    def run_status(self, run_id: str | None) -> str:
        """Return what Dagster says of a run."""
        return str(self._run(run_id)["status"])

    def run_tags(self, run_id: str | None) -> dict[str, str]:
        """Return the tags of a run."""
        return {tag["key"]: tag["value"] for tag in self._run(run_id)["tags"]}

    def _run(self, run_id: str | None) -> dict[str, Any]:
        query = """query($id: ID!) {
          runOrError(runId: $id) { ... on Run { status tags { key value } } }
        }"""
        reply = httpx.post(
            f"http://127.0.0.1:{self.settings.dagster_port}/graphql",
            json={"query": query, "variables": {"id": run_id}},
        )
        return dict(reply.json()["data"]["runOrError"])


@contextmanager
def drilling(data_dir: Path, **variables: str) -> Iterator[Drill]:
    """Run a product of its own, with these settings, until the block ends."""
    with (
        running(data_dir, sample_document="false", **variables) as product,
        seen_from_inside(product, settings_of(product)) as drill,
    ):
        yield drill


@contextmanager
def seen_from_inside(product: Product, settings: Settings) -> Iterator[Drill]:
    """Open the stores of a running product, once Dagster answers too."""
    services = Services.open(settings)
    orchestrator = Orchestrator(settings, place_of=partial(place_of, services))
    while not orchestrator.is_up():
        time.sleep(0.1)
    yield Drill(product, settings, services, orchestrator)
    orchestrator.close()
    services.close()


def settings_of(product: Product, **more: Any) -> Settings:
    """Return the settings that a product runs with."""
    environment = psutil.Process(product.supervisor.pid).environ()
    return Settings(
        _env_file=None,
        data_dir=product.data_dir,
        port=int(environment["LECTERN_PORT"]),
        dagster_port=int(environment["LECTERN_DAGSTER_PORT"]),
        **more,
    )
