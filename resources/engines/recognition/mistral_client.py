"""Mistral's API as far as we use it, by its own client; our errors for its failures."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from lectern.errors import (
    BadEngineReply,
    EngineBusy,
    EngineCrashed,
    EngineUnavailable,
)
from lectern.settings import Mistral as MistralSettings

if TYPE_CHECKING:
    from mistralai.client.models import BatchJob, BatchJobStatus

FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 1000, 30_000
LONGEST_WAIT_SECONDS = 900.0
"""A server that asks to be left alone for longer is not waited for."""
SHOWN_CHARS = 300
BATCH_KEY = "lectern"
"""Under it, a batch job carries the digest of what it was asked to read."""
UNFINISHED: tuple["BatchJobStatus", ...] = ("QUEUED", "RUNNING", "SUCCESS")

logger = logging.getLogger(__name__)


class MistralClient:
    """One account. Threads may share it."""

    def __init__(self, settings: MistralSettings) -> None:
        if settings.api_key is None:
            raise EngineUnavailable(
                "There is no key for Mistral. Set LECTERN_MISTRAL__API_KEY."
            )
        try:
            import httpx2
            from mistralai.client import Mistral
            from mistralai.client.utils import BackoffStrategy, RetryConfig
        except ImportError as error:
            raise EngineUnavailable(
                "Mistral's client is not installed. Install Lectern with the extra "
                "“mistral”: pip install 'lectern[mistral]'."
            ) from error
        self._settings = settings
        self._replies = threading.local()
        self._http = httpx2.Client(
            follow_redirects=False, event_hooks={"response": [self._on_response]}
        )
        pauses = BackoffStrategy(
            initial_interval=FIRST_PAUSE_MS,
            max_interval=LONGEST_PAUSE_MS,
            exponent=2.0,
            max_elapsed_time=round(settings.retry_seconds * 1000),
        )
        self._mistral = Mistral(
            api_key=settings.api_key.get_secret_value(),
            server_url=settings.address,
            client=self._http,
            timeout_ms=round(settings.timeout_seconds * 1000),
            retry_config=RetryConfig("backoff", pauses, retry_connection_errors=True),
        )

    def close(self) -> None:
        """Break off what is under way: nothing is sent, and paid for, after this."""
        self._http.close()

    def _on_response(self, response: Any) -> None:
        """Keep a reply as it came, and refuse to wait for ever."""
        self._replies.last = b""
        wait = response.headers.get("retry-after", "")
        with suppress(ValueError):
            if response.status_code == 429 and float(wait) > LONGEST_WAIT_SECONDS:
                raise EngineBusy(
                    f"Mistral asks to wait for {float(wait) / 60:.0f} minutes. "
                    "Try again then.",
                    retry_after_seconds=float(wait),
                )
        if response.status_code == 200:
            self._replies.last = response.read()

    def read(self, document: Mapping[str, str]) -> bytes:
        """Return the reply to one request, as JSON.

        Raises:
            EngineError: There is none, for the reason stated.
        """
        from mistralai.client.errors import ResponseValidationError

        body = request_body(self._settings, document)
        # Of a reply that its own client does not understand we may read most.
        with translated(), suppress(ResponseValidationError):
            self._mistral.ocr.process(model=self._settings.model, **body)
        return bytes(self._replies.last)

    def find_batch(self, key: str) -> "BatchJob | None":
        """Return the newest batch that was asked to read just this, and may have."""
        with translated():
            found = self._mistral.batch.jobs.list(
                metadata={BATCH_KEY: key}, status=UNFINISHED, order_by="-created"
            )
        for job in found.data or ():
            is_ours = (job.metadata or {}).get(BATCH_KEY) == key
            if is_ours and (job.status != "SUCCESS" or job.output_file):
                return job
        return None

    def start_batch(self, lines: Sequence[IO[bytes]], key: str) -> "BatchJob":
        """Upload the requests and have them carried out at half price."""
        with translated():
            files = [
                self._mistral.files.upload(
                    file={"file_name": f"{key[:16]}-{part}.jsonl", "content": content},
                    purpose="batch",
                ).id
                for part, content in enumerate(lines)
            ]
            return self._mistral.batch.jobs.create(
                endpoint="/v1/ocr",
                input_files=files,
                model=self._settings.model,
                metadata={BATCH_KEY: key},
                timeout_hours=self._settings.batch_hours,
            )

    def batch(self, job_id: str) -> "BatchJob":
        """Return a batch as it stands."""
        with translated():
            return self._mistral.batch.jobs.get(job_id=job_id)

    def cancel_batch(self, job_id: str) -> None:
        """Ask for a batch to stop."""
        with translated():
            self._mistral.batch.jobs.cancel(job_id=job_id)

    def download(self, file_id: str) -> bytes:
        """Return a file of results."""
        with translated():
            reply = self._mistral.files.download(file_id=file_id)
            return bytes(reply.read())

    def forget(self, file_ids: Sequence[str | None]) -> None:
        """Delete files at Mistral; what is left there expires."""
        from mistralai.client.errors import MistralError

        for file_id in filter(None, file_ids):
            try:
                self._mistral.files.delete(file_id=file_id)
            except MistralError as error:
                logger.info("File %s stays at Mistral: %s", file_id, error.status_code)


def request_body(
    settings: MistralSettings, document: Mapping[str, str]
) -> dict[str, Any]:
    """Return what is asked of every document, apart from the model."""
    return {
        "document": dict(document),
        "include_image_base64": settings.keep_images,
        "table_format": settings.tables,
        "extract_header": True,
        "extract_footer": True,
        "include_blocks": True,
        "confidence_scores_granularity": "page",
    }


@contextmanager
def translated() -> Iterator[None]:
    """Turn what Mistral's client raises into our errors."""
    import httpx2
    from mistralai.client.errors import MistralError, ResponseValidationError

    try:
        yield
    except ResponseValidationError:
        raise
    except MistralError as error:
        raise _refused(error.status_code, error.body, error.headers) from error
    except httpx2.TimeoutException as error:
        raise EngineCrashed("Mistral did not answer in time. Try again.") from error
    except (httpx2.HTTPError, RuntimeError) as error:  # the latter once it is closed
        raise EngineCrashed(
            f"The connection to Mistral broke ({type(error).__name__}). Try again."
        ) from error


def _refused(
    status: int, body: str, headers: Mapping[str, str]
) -> EngineUnavailable | EngineBusy | EngineCrashed | BadEngineReply:
    said = " ".join((body or "").split())[:SHOWN_CHARS]
    if status in (401, 403):
        return EngineUnavailable(
            "Mistral refused the key. Check LECTERN_MISTRAL__API_KEY, and that its "
            "account may use OCR."
        )
    if status == 402:
        return EngineUnavailable(
            f"Mistral asks for payment first: see the account's billing. {said}"
        )
    if status == 404:
        return EngineUnavailable(
            "Mistral does not know the model or address. Models are retired: check "
            f"LECTERN_MISTRAL__MODEL. {said}"
        )
    if status == 429:
        try:
            wait = float(headers.get("retry-after") or 60)
        except ValueError:
            wait = 60.0
        return EngineBusy(
            "Mistral takes no more pages for now. Try again in a while.",
            retry_after_seconds=wait,
        )
    if status >= 500:
        return EngineCrashed(f"Mistral failed (status {status}). Try again. {said}")
    return BadEngineReply(f"Mistral refused these pages (status {status}). {said}")
