"""Jobs as the web app makes them: started, stopped, tried again, kept alive.

A request must answer at once and must not fail because Dagster is down: a job is a
row first, and whoever finds it queued launches it.
"""

import logging

from dashboard.backend import Backend
from lectern.accounts.people import Principal
from lectern.errors import Cancelled, LecternError
from lectern.ids import DocumentId
from lectern.jobs.states import DocumentState, JobKind, JobState
from resources.stores.jobs import Job

logger = logging.getLogger(__name__)


def new_listener(
    here: Backend, principal: Principal, document_id: DocumentId
) -> Job | None:
    """Return a new listening job to launch, or None while one is alive."""
    job, is_new = here.services.jobs.ensure_listener(
        principal, document_id=document_id, parameters={}
    )
    return job if is_new else None


def new_job(
    here: Backend, principal: Principal, document_id: DocumentId, kind: JobKind
) -> tuple[Job, bool]:
    """Return the unfinished job of a kind for a document, or a new one and True."""
    for job in here.services.jobs.for_document(document_id, kind=kind):
        if not job.state.is_final and not job.cancel_requested:
            return job, False
    job = here.services.jobs.create(principal, document_id=document_id, kind=kind)
    return job, True


def queue_again(
    here: Backend, principal: Principal, document_id: DocumentId, kind: JobKind
) -> Job:
    """Return a document's newest job of a kind, queued again if it has ended badly."""
    jobs = here.services.jobs
    before = jobs.for_document(document_id, kind=kind)
    if before and jobs.reopen(before[0].id):
        job = jobs.get(principal, before[0].id)
    else:
        job, _ = new_job(here, principal, document_id, kind)
    if kind is JobKind.PREPARE:
        here.services.catalog.set_state(document_id, DocumentState.PREPARING)
    return job


def retry(
    here: Backend, principal: Principal, document_id: DocumentId, kind: JobKind
) -> None:
    """Do what failed once more. Steps that were done before cost nothing again."""
    launch(here, queue_again(here, principal, document_id, kind))


def stop(here: Backend, principal: Principal, job: Job) -> None:
    """Ask for a job to stop. Its run notices by itself, if Dagster cannot be told."""
    asked = here.services.jobs.cancel(principal, job.id)
    if job.kind is JobKind.PREPARE:
        _say_that_it_was_stopped(here, job.document_id)
    if asked.state.is_final:
        return
    try:
        here.orchestrator.cancel(asked)
    except LecternError as error:
        logger.warning("Run of job %s was not told to stop: %s", job.id, error.message)


def _say_that_it_was_stopped(here: Backend, document_id: DocumentId) -> None:
    """Leave no document that seems to be prepared while nobody does."""
    catalog = here.services.catalog
    if catalog.find(document_id).version:  # its text of before is still there
        catalog.set_state(document_id, DocumentState.READY)
        return
    error = Cancelled("Its preparation was stopped. Try again whenever you like.")
    catalog.set_state(document_id, DocumentState.FAILED, error=error)


def launch(here: Backend, job: Job) -> None:
    """Start a job's run; left queued for the reconciler when that cannot be done."""
    if job.state is not JobState.QUEUED:
        return
    again = job.run_id is not None
    try:
        here.orchestrator.retry(job) if again else here.orchestrator.launch(job)
    except LecternError as error:
        logger.warning("Job %s stays queued: %s", job.id, error.message)
