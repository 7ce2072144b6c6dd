"""Jobs as the web app makes them: started, stopped, tried again, kept alive.

A request must answer at once and must not fail because Dagster is down: a job is a
row first, and whoever finds it queued launches it.
"""

import logging
from datetime import timedelta

from dashboard.backend import Backend
from dashboard.pacing import count_elements
from lectern.accounts.people import Principal
from lectern.accounts.rates import RateClass
from lectern.errors import (
    AllowanceUsedUp,
    Cancelled,
    DailyLimitReached,
    LecternError,
)
from lectern.ids import DocumentId
from lectern.jobs.batches import Batch
from lectern.jobs.states import DocumentState, JobKind, JobState
from resources.batching import Plan
from resources.stores.jobs import Job

USED_UP_CODES = (AllowanceUsedUp.code, DailyLimitReached.code)
ASKED_AGAIN = timedelta(seconds=30)
"""How long a listener who may have no new speech waits for another look. What exists
was linked by the run that was refused."""

logger = logging.getLogger(__name__)


def new_listener(
    here: Backend, principal: Principal, document_id: DocumentId
) -> Job | None:
    """Return a new listening job to launch, or None while one is alive, or when the
    last one found just now that no more may be made for this person today.

    Raises:
        AllowanceUsedUp: It found that an allowance is used up.
    """
    refusal = here.services.jobs.refusal_to_listen(
        principal, document_id, codes=USED_UP_CODES, within=ASKED_AGAIN
    )
    if refusal is not None:
        code, message = refusal
        if code == AllowanceUsedUp.code:
            raise AllowanceUsedUp(message)
        return None
    job, is_new = here.services.jobs.ensure_listener(
        principal, document_id=document_id, parameters={}
    )
    return job if is_new else None


def new_job(
    here: Backend, principal: Principal, document_id: DocumentId, kind: JobKind
) -> tuple[Job, bool]:
    """Return the unfinished job of a kind for a document, or a new one and True."""
    for job in here.services.jobs.for_document(principal, document_id, kind=kind):
        if not job.state.is_final and not job.cancel_requested:
            return job, False
    job = here.services.jobs.create(principal, document_id=document_id, kind=kind)
    return job, True


def queue_again(
    here: Backend, principal: Principal, document_id: DocumentId, kind: JobKind
) -> Job:
    """Return a document's newest job of a kind, queued again if it has ended badly."""
    jobs = here.services.jobs
    before = jobs.for_document(principal, document_id, kind=kind)
    if before and jobs.reopen(principal, before[0].id):
        job = jobs.get(principal, before[0].id)
    else:
        job, _ = new_job(here, principal, document_id, kind)
    _prepare_again(here, principal, document_id, kind)
    return job


def retry(
    here: Backend, principal: Principal, document_id: DocumentId, kind: JobKind
) -> None:
    """Do what failed once more. Steps that were done before cost nothing again."""
    launch(here, queue_again(here, principal, document_id, kind))


def retry_job(here: Backend, principal: Principal, job: Job) -> None:
    """Do what a job failed to do once more: only what is missing is done.

    The job itself is taken up, as a document may have several that differ, unless the
    same is being done already.
    """
    jobs = here.services.jobs
    same = (
        other.parameters == job.parameters and not other.state.is_final
        for other in jobs.for_document(principal, job.document_id, kind=job.kind)
    )
    if any(same) or not jobs.reopen(principal, job.id):
        return
    here.services.joblog.append(job.id, "Tried again, as its owner asked.")
    _prepare_again(here, principal, job.document_id, job.kind)
    launch(here, jobs.get(principal, job.id))


def _prepare_again(
    here: Backend, principal: Principal, document_id: DocumentId, kind: JobKind
) -> None:
    """Say that a document is being prepared; one that can be read stays so."""
    catalog = here.services.catalog
    if kind is JobKind.PREPARE and not catalog.get(principal, document_id).version:
        catalog.set_own_state(principal, document_id, DocumentState.PREPARING)


def stop(here: Backend, principal: Principal, job: Job) -> None:
    """Ask for a job to stop. Its run notices by itself, if Dagster cannot be told."""
    asked = here.services.jobs.cancel(principal, job.id)
    if job.kind is JobKind.PREPARE:
        _say_that_it_was_stopped(here, principal, job.document_id)
    if asked.state.is_final:
        return
    try:
        here.orchestrator.cancel(asked)
    except LecternError as error:
        logger.warning("Run of job %s was not told to stop: %s", job.id, error.message)


def _say_that_it_was_stopped(
    here: Backend, principal: Principal, document_id: DocumentId
) -> None:
    """Leave no document that seems to be prepared while nobody does."""
    catalog = here.services.catalog
    if catalog.get(principal, document_id).version:  # its text of before is there
        catalog.set_own_state(principal, document_id, DocumentState.READY)
        return
    error = Cancelled("Its preparation was stopped. Try again whenever you like.")
    catalog.set_own_state(principal, document_id, DocumentState.FAILED, error=error)


def launch(here: Backend, job: Job) -> None:
    """Start a job's run; left queued for the reconciler when that cannot be done.

    So is what somebody asks for who has much in hand already, and all but listening
    while there is no disk for new work.
    """
    if job.state is not JobState.QUEUED:
        return
    if job.kind is not JobKind.LISTEN and not here.services.has_room():
        logger.warning("Job %s waits until there is disk again", job.id)
        return
    most = here.services.limits.of(job.principal).runs
    if not here.services.jobs.is_its_turn(job, most_a_person=most):
        logger.info("Job %s waits until others of its owner are done", job.id)
        return
    again = job.run_id is not None
    try:
        here.orchestrator.retry(job) if again else here.orchestrator.launch(job)
    except LecternError as error:
        logger.warning("Job %s stays queued: %s", job.id, error.message)


def begin_batch(
    here: Backend, principal: Principal, plan: Plan, *, name: str, is_off_peak: bool
) -> Batch:
    """Accept a batch, and start what may start at once.

    Raises:
        TooFast: So many documents were asked for too often.
    """
    count_elements(principal, RateClass.DOCUMENT, len(plan.tasks))
    batching = here.services.batching()
    batch = batching.begin(principal, plan, name=name, is_off_peak=is_off_peak)
    let_go(here)
    return batch


def stop_batch(here: Backend, principal: Principal, batch: Batch) -> None:
    """Stop a batch. What is voiced stays, and it can go on later."""
    for job in here.services.batches.cancel(principal, batch.id):
        try:
            here.orchestrator.cancel(job)
        except LecternError as error:
            logger.warning("Job %s was not told to stop: %s", job.id, error.message)


def resume_batch(here: Backend, principal: Principal, batch: Batch) -> None:
    """Go on with a batch where it was stopped, or failed."""
    here.services.batches.resume(principal, batch.id)
    let_go(here)


def let_go(here: Backend) -> None:
    """Start the jobs of batches whose turn it is, without waiting for the sensor."""
    for job in here.services.batching().let_go():
        launch(here, job)
