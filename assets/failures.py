"""From our errors to Dagster's failures and to a job's row, in the same words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import dagster as dg

from assets.tags import NEVER_AGAIN
from lectern.errors import Cancelled, LecternError, NotFound
from lectern.ids import DocumentId
from lectern.jobs.runs import CLOSED
from lectern.jobs.states import DocumentState, JobKind, JobState
from resources.services import Services
from resources.stores.jobs import Job

STEP_RETRIES = dg.RetryPolicy(
    max_retries=2, delay=1, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
"""For what may pass: a crashed engine, a busy database. Only the step is repeated."""

logger = logging.getLogger(__name__)


def to_failure(error: LecternError) -> dg.Failure:
    """Return the failure Dagster shows, which it repeats only where that may help."""
    return dg.Failure(
        description=error.message,
        metadata={"code": error.code, "retryable": error.retryable},
        allow_retries=error.retryable,
    )


def will_retry(context: dg.AssetExecutionContext, error: LecternError) -> bool:
    """Whether Dagster will repeat this step in the same run."""
    return error.retryable and context.retry_number < STEP_RETRIES.max_retries


def fail_job(
    services: Services, job: Job, error: LecternError, run_id: str | None = None
) -> None:
    """Close a job with the reason, and its document when it cannot be read.

    With ``run_id`` only while it is that run's.
    """
    services.jobs.fail(job.id, error, run_id)
    services.joblog.append(job.id, f"Failed: {error.message}")
    give_up_document(services, job, error)


def cancel_job(services: Services, job: Job, run_id: str | None = None) -> None:
    """Close a job that somebody stopped; with ``run_id`` while it is that run's."""
    services.jobs.cancelled(job.id, run_id)
    services.joblog.append(job.id, "Cancelled.")
    stopped = Cancelled("Preparing was stopped. Try again whenever you like.")
    give_up_document(services, job, stopped)


def give_up_document(services: Services, job: Job, error: LecternError) -> None:
    """Say of a document that was never prepared why it cannot be read."""
    if job.kind is not JobKind.PREPARE:
        return
    with suppress(NotFound):  # deleted for good meanwhile
        _give_up(services, job.document_id, error)


def _give_up(services: Services, document_id: DocumentId, error: LecternError) -> None:
    if services.catalog.find(document_id).state is DocumentState.PREPARING:
        services.catalog.set_state(document_id, DocumentState.FAILED, error=error)


def stamp(context: dg.AssetExecutionContext, error: LecternError) -> None:
    """Mark the run as having closed its job, and as hopeless where it is."""
    tags = {CLOSED: JobState.FAILED.value}
    if not error.retryable:
        tags |= NEVER_AGAIN
    context.instance.add_run_tags(context.run_id, tags)


@contextmanager
def translated() -> Iterator[None]:
    """Turn our errors into Dagster's, where there is no job to close."""
    try:
        yield
    except LecternError as error:
        raise to_failure(error) from error
