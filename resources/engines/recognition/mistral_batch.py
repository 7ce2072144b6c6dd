"""Recognition by Mistral's hosted OCR as a batch: half the price, hours to wait.

A batch is found again by what it was asked to read, so a run that takes over from one
that died asks for nothing twice. Results are taken as soon as there are any, and
whatever ended the batch, the pages it has read are kept.
"""

import json
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from lectern.errors import BadEngineReply, Cancelled, EngineError, EngineUnavailable
from lectern.ids import digest
from resources.engines.recognition.elsewhere import Sending
from resources.engines.recognition.mistral import MistralRecogniser, Request
from resources.engines.recognition.mistral_client import MistralClient, request_body
from resources.engines.recognition.mistral_prices import price_micros
from resources.engines.recognition.parallel import TICK_SECONDS

if TYPE_CHECKING:
    from mistralai.client.models import BatchJob

FILE_BYTES = 400_000_000
"""Of one file of requests; more than that goes into several."""
FIRST_PAUSE_SECONDS, PAUSE_GROWTH = 1.0, 1.5
SLACK_SECONDS = 3600.0
"""Longer than a batch may take, we do not wait for it."""
STOPPED = frozenset({"FAILED", "TIMEOUT_EXCEEDED", "CANCELLED"})
ENDED = STOPPED | {"SUCCESS"}
WHY = {
    "FAILED": "The batch failed at Mistral.",
    "TIMEOUT_EXCEEDED": "The batch was not done within the time it was given.",
    "CANCELLED": "The batch was cancelled at Mistral.",
}

logger = logging.getLogger(__name__)


class MistralBatchRecogniser(MistralRecogniser):
    """Sends all pages as one batch and waits for it."""

    name = "mistral-batch"
    label = "Mistral OCR, batch"
    rounds = 2

    def price_micros(self, pages: int) -> int | None:
        """Return what reading so many pages costs today, as a batch."""
        today = datetime.now(UTC).date()
        return price_micros(self._mistral.model, pages, on=today, is_batch=True)

    def read(self, sending: Sending, numbers: Sequence[int]) -> bool:
        """Have pages read as a batch; True when some of them may be asked for again."""
        client = MistralClient(self._mistral)
        with ExitStack() as stack:
            stack.callback(client.close)
            requests: dict[str, Request] = {}
            files: list[IO[bytes]] = []
            for request in self.requests(sending, numbers):
                self._add_line(request, files, stack)
                requests[request.custom_id] = Request(request.pages, {})
            if not requests:
                return False
            key = digest(self.cached_as, *sorted(requests))
            if (job := client.find_batch(key)) is not None:
                logger.info("Batch %s was asked for before", job.id)
                try:
                    return self._finished(client, job, requests, sending)
                except EngineUnavailable as error:  # its results are gone
                    logger.info("Batch %s is asked for anew: %s", job.id, error.message)
            job = client.start_batch(_rewound(files), key)
            return self._finished(client, job, requests, sending)

    def _finished(
        self,
        client: MistralClient,
        job: "BatchJob",
        requests: dict[str, Request],
        sending: Sending,
    ) -> bool:
        """Wait for a batch and take its results; True when it ended by itself."""
        logger.info("Batch %s reads %d requests", job.id, len(requests))
        job = self._waited(client, job, sending)
        self._collect(client, job, requests, sending)
        return str(job.status) == "SUCCESS"

    def _add_line(
        self, request: Request, files: list[IO[bytes]], stack: ExitStack
    ) -> None:
        body = request_body(self._mistral, request.document)
        line = json.dumps({"custom_id": request.custom_id, "body": body}).encode()
        if not files or files[-1].tell() + len(line) > FILE_BYTES:
            file = tempfile.TemporaryFile()  # noqa: SIM115  (the stack closes it)
            files.append(stack.enter_context(file))
        files[-1].write(line + b"\n")

    def _waited(
        self, client: MistralClient, job: "BatchJob", sending: Sending
    ) -> "BatchJob":
        """Return the batch once it has ended.

        Raises:
            Cancelled: Somebody asked for it to stop; the batch is told.
        """
        give_up_at = time.monotonic() + self._mistral.batch_hours * 3600 + SLACK_SECONDS
        pause = min(FIRST_PAUSE_SECONDS, self._mistral.batch_poll_seconds)
        try:
            while str(job.status) not in ENDED and time.monotonic() < give_up_at:
                self._rest(pause, sending)
                pause = min(pause * PAUSE_GROWTH, self._mistral.batch_poll_seconds)
                job = client.batch(job.id)
                share = job.completed_requests / max(1, job.total_requests)
                waiting = len(sending.missing())
                sending.done_elsewhere = int(share * waiting)
        except BaseException as error:
            if isinstance(error, Cancelled) or _is_cancelled(sending):
                _stop(client, job)
            raise
        finally:
            sending.done_elsewhere = 0
        if str(job.status) != "SUCCESS":
            reasons = "; ".join(error.message for error in job.errors or ())
            why = WHY.get(str(job.status), "The batch never ended at Mistral.")
            sending.error = BadEngineReply(f"{why} {reasons}".strip())
            if str(job.status) not in ENDED:
                _stop(client, job)
        return job

    def _rest(self, seconds: float, sending: Sending) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            sending.sign()
            time.sleep(min(TICK_SECONDS, left))

    def _collect(
        self,
        client: MistralClient,
        job: "BatchJob",
        requests: dict[str, Request],
        sending: Sending,
    ) -> None:
        """Take every result there is, and leave nothing of the document at Mistral."""
        for file_id in filter(None, (job.output_file, job.error_file)):
            for line in _lines(client.download(str(file_id))):
                request = requests.get(str(line.get("custom_id")))
                if request is not None:
                    self._take_line(sending, request, line)
        sending.sign()
        client.forget(
            [*job.input_files, _known(job.output_file), _known(job.error_file)]
        )

    def _take_line(
        self, sending: Sending, request: Request, line: dict[str, Any]
    ) -> None:
        response = line.get("response")
        status = response.get("status_code") if isinstance(response, dict) else None
        if isinstance(response, dict) and status == 200:
            self.take(sending, request, json.dumps(response.get("body")).encode())
            return
        said = line.get("error") or (response or {}).get("body") or "no reason given"
        sending.error = BadEngineReply(
            f"Mistral did not read pages {request.numbers[0]} to "
            f"{request.numbers[-1]} (status {status}): {json.dumps(said)[:300]}"
        )
        logger.warning("%s", sending.error)


def _is_cancelled(sending: Sending) -> bool:
    """Tell whether a person stopped a run that Dagster has just interrupted."""
    try:
        sending.progress(1, 1)
    except Cancelled:
        return True
    return False


def _stop(client: MistralClient, job: "BatchJob") -> None:
    try:
        client.cancel_batch(job.id)
        client.forget(job.input_files)
    except EngineError as error:
        logger.warning("Batch %s was not told to stop: %s", job.id, error.message)


def _rewound(files: Sequence[IO[bytes]]) -> Sequence[IO[bytes]]:
    for file in files:
        file.seek(0)
    return files


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            logger.warning("A line of a batch's results cannot be read")
            continue
        if isinstance(value, dict):
            yield value


def _known(file_id: Any) -> str | None:
    return file_id if isinstance(file_id, str) else None
