"""The frame around every asset of a document: its job, a heartbeat, its failures.

One of the three places where any exception is caught: whatever happens in here, the
job's row says in the end what became of it.
"""

import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import dagster as dg
from dagster._utils.interrupts import capture_interrupts

from assets.failures import (
    cancel_job,
    fail_job,
    stamp,
    to_failure,
    will_retry,
)
from lectern.errors import (
    Cancelled,
    LecternError,
    MemoryLimitReached,
    Paused,
    StoreError,
    Unexpected,
)
from lectern.ids import DocumentId, JobId
from lectern.jobs.batches import off_peak
from lectern.jobs.runs import (
    CLOSED,
    DUPLICATE,
    JOB,
    PAUSED,
    PIPELINES,
    WORKER,
    run_tags,
)
from lectern.jobs.states import DocumentState, JobKind, JobState, JobStep
from resources.job_telling import tell_begin, tell_end, telling
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.jobs import Job

HEARTBEAT_SECONDS = 2.0
"""The app takes a listening run for dead after five seconds of silence."""

KIND_OF_ASSET = {
    "block_audio": JobKind.RENDER,
    "document_audio": JobKind.RENDER,
    "exported_file": JobKind.EXPORT,
}
"""What a person wants who makes one asset by hand; the rest prepares a document."""

KIND_OF_PIPELINE = {name: kind for kind, name in PIPELINES.items()}

LAST_ASSET = {
    JobKind.PREPARE: "blocks",
    JobKind.LISTEN: "block_audio",
    JobKind.RENDER: "document_audio",
    JobKind.VOICE: "block_audio",
    JobKind.EXPORT: "exported_file",
}
"""The asset with which a job is done."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What an asset works on."""

    document: Document
    job: Job


@contextmanager
def work(context: dg.AssetExecutionContext, services: Services) -> Iterator[Work]:
    """Take up the run's job for one asset, and close it when it ends here.

    Raises:
        dagster.Failure: The work failed, or another run has the job.
    """
    job = take_up(context, services)
    if job.step is JobStep.WAITING:
        tell_begin(services, job)
    try:
        if job.kind is not JobKind.LISTEN:  # which needs little, and somebody waits
            services.require_disk()
        with heartbeat(services, job), telling(services, job):
            yield Work(services.catalog.find(job.document_id), job)
    except Cancelled as error:
        _cancel(context, services, job)
        raise to_failure(error) from error
    except Paused as error:
        _pause(context, services, job, error)
        raise to_failure(error) from error
    except dg.DagsterExecutionInterruptedError:
        _cancel(context, services, job)  # told to stop, by a person or by Dagster
        raise
    except LecternError as error:
        _fail_or_cancel(context, services, job, error)
        raise to_failure(error) from error
    except Exception as error:
        unexpected = _unforeseen(error)
        services.joblog.append(job.id, traceback.format_exc())
        _fail(context, services, job, unexpected)
        raise to_failure(unexpected) from error
    if context.asset_key.path[-1] == LAST_ASSET[job.kind]:
        services.jobs.finish(job.id, context.run_id)
        tell_end(services, job)


def take_up(context: dg.AssetExecutionContext, services: Services) -> Job:
    """Return the job this run carries out, as its running owner.

    Raises:
        dagster.Failure: Another run has it.
    """
    forget_inherited_tags(context)
    job = _job_of_run(context, services)
    if not _is_ours(context, services, job):
        _leave(context, job)
    return services.jobs.find(job.id)


def _leave(context: dg.AssetExecutionContext, job: Job) -> NoReturn:
    """End this run, whose job another one has."""
    reason = f"Job {job.id} is done by another run; this one is not needed."
    _end_run(context, {WORKER: DUPLICATE}, reason)
    raise dg.Failure(reason, allow_retries=False)


def forget_inherited_tags(context: dg.AssetExecutionContext) -> None:
    """Clear what became of an earlier run: a repeated run is given its tags."""
    inherited = {name: "" for name in (WORKER, CLOSED) if context.run.tags.get(name)}
    if inherited and context.run.parent_run_id is not None:
        context.instance.add_run_tags(context.run_id, inherited)


def _is_ours(context: dg.AssetExecutionContext, services: Services, job: Job) -> bool:
    if job.state is JobState.RUNNING and job.run_id == context.run_id:
        return True
    if services.jobs.start(job.id, context.run_id):
        return True
    # Somebody repeats a run in the Dagster UI: the job it failed takes it on.
    is_again = context.run.parent_run_id is not None and job.run_id != context.run_id
    if is_again and services.jobs.reopen(job.principal, job.id):
        if not services.catalog.find(job.document_id).version:
            services.catalog.set_state(job.document_id, DocumentState.PREPARING)
        return services.jobs.start(job.id, context.run_id)
    return job.state is JobState.DONE


def _job_of_run(context: dg.AssetExecutionContext, services: Services) -> Job:
    """Return the job that the run names, or a new one for a run made by hand."""
    if job_id := context.run.tags.get(JOB):
        return services.jobs.find(JobId(job_id))
    if job := services.jobs.by_run(context.run_id):
        return job  # made for an earlier asset of this run
    document = services.catalog.find(DocumentId(context.partition_key))
    kind = KIND_OF_PIPELINE.get(context.run.job_name) or KIND_OF_ASSET.get(
        context.asset_key.path[-1], JobKind.PREPARE
    )
    job = _new_job(services, document, kind)
    tags = run_tags(
        job_id=job.id, document_id=document.id, kind=kind, owner_id=job.owner_id
    )
    context.instance.add_run_tags(context.run_id, tags)
    return job


def _new_job(services: Services, document: Document, kind: JobKind) -> Job:
    if kind is JobKind.LISTEN:
        job, _ = services.jobs.ensure_listener(
            document.principal, document_id=document.id, parameters={}
        )
        return job
    return services.jobs.create(
        document.principal, document_id=document.id, kind=kind, parameters={}
    )


@contextmanager
def heartbeat(services: Services, job: Job) -> Iterator[None]:
    """Say every two seconds that the job is alive, while the block lasts."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            try:
                services.jobs.heartbeat(job.id, job.run_id)
            except StoreError as error:
                logger.warning("No heartbeat for job %s: %s", job.id, error)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _pause(
    context: dg.AssetExecutionContext, services: Services, job: Job, error: Paused
) -> None:
    """Hold a batch's job until its hours begin; Dagster shows its run as cancelled."""
    hours = off_peak(services.settings.batch)
    services.batches.pause(job, hours.opens_at(services.database.now()))
    services.joblog.append(job.id, error.message)
    _end_run(context, {WORKER: PAUSED, CLOSED: JobState.QUEUED.value}, error.message)


def _cancel(context: dg.AssetExecutionContext, services: Services, job: Job) -> None:
    """Close a job that somebody stopped; Dagster shows its run as cancelled.

    Who stops a job also has its process interrupted, and may do so just now: the
    job would be closed and its run end as failed, without the tag. A job that is
    another run's by now is left to it.
    """
    if services.jobs.is_taken(job.id, context.run_id):
        _leave(context, job)
    with capture_interrupts():
        tags = {CLOSED: JobState.CANCELLED.value}
        _end_run(context, tags, "The job was cancelled in the app.")
        cancel_job(services, job, context.run_id)
        tell_end(services, job)


def _end_run(
    context: dg.AssetExecutionContext, tags: dict[str, str], reason: str
) -> None:
    context.instance.add_run_tags(context.run_id, tags)
    run = context.instance.get_run_by_id(context.run_id)
    if run is not None and run.status is dg.DagsterRunStatus.STARTED:
        context.instance.report_run_canceling(run, reason)


def _unforeseen(error: Exception) -> LecternError:
    """Return what to say of a fault that nobody foresaw, or of no memory left."""
    if isinstance(error, MemoryError):
        return MemoryLimitReached(
            "This machine had no memory left for this work. What was made is kept. "
            "Try again when less is done at one time, or split the document."
        )
    return Unexpected(
        f"Something went wrong inside Lectern ({type(error).__name__}: {error}). "
        "The job's log and the Dagster page show where."
    )


def _fail_or_cancel(
    context: dg.AssetExecutionContext,
    services: Services,
    job: Job,
    error: LecternError,
) -> None:
    """Close a job that failed: cancelled where that is why, as when its document is
    gone, or is another run's."""
    if services.jobs.is_cancelled(job.id, context.run_id):
        _cancel(context, services, job)
    else:
        _fail(context, services, job, error)


def _fail(
    context: dg.AssetExecutionContext,
    services: Services,
    job: Job,
    error: LecternError,
) -> None:
    """Close a job that cannot go on; one that Dagster repeats stays open."""
    if will_retry(context, error):
        services.joblog.append(job.id, f"{error.message} Trying again.")
        return
    logger.warning("Job %s failed (%s): %s", job.id, error.code, error.message)
    stamp(context, error)
    fail_job(services, job, error, context.run_id)
    tell_end(services, job)
