"""What a job is called where runs are made: the words app and pipeline share.

Tags of a run, and the pipeline job that carries out each kind of job. Names only;
the sets of tags that belong together are in ``assets/tags.py``.
"""

from lectern.environments import LIGHT
from lectern.ids import DocumentId, JobId, OwnerId
from lectern.jobs.places import ANYWHERE, Place
from lectern.jobs.states import JobKind

JOB = "lectern/job"
"""The job a run carries out; what app and pipeline know each other by."""
DOCUMENT = "lectern/document"
"""The document a run works on, so that runs can be filtered by it."""
KIND = "lectern/kind"
"""What kind of job it is: prepare, listen, render, export."""
OWNER = "lectern/owner"
"""On whose behalf the run works: places are shared between people."""
ACCELERATOR = "lectern/accelerator"
"""Which machines may take the run, ``cpu`` or ``gpu``; past one machine it picks
the queue."""
ENVIRONMENT = "lectern/environment"
"""Which environment carries the run out, when not the light one."""
LANE = "lectern/lane"
"""Which lane takes the run."""
BATCH = "lectern/batch"
"""The batch a run belongs to."""
BATCH_LANE = "batch"
PRIORITY = "dagster/priority"
WORKER = "lectern/worker"
"""What became of a run's process, when it did not end by itself."""
CLOSED = "lectern/closed"
"""The state in which the run left its job. A failed run without it was cut short."""

LOST = "lost"  # killed or crashed
STOPPED = "stopped"  # with the server, in good order: counts for nothing
DUPLICATE = "duplicate"  # another run had the job already
PAUSED = "paused"  # a batch's job whose hours were over: goes on in another run

PARTITION = "dagster/partition"
DOCUMENTS = "documents"
"""The set of partitions with one for each document."""

PIPELINES: dict[JobKind, str] = {
    JobKind.PREPARE: "prepare_document",
    JobKind.LISTEN: "listen_to_document",
    JobKind.RENDER: "render_document",
    JobKind.EXPORT: "export_document",
    JobKind.VOICE: "voice_document",
}

HEADLESS = "headless"
"""Parameter of a job that ``lectern convert`` carries out without Dagster's server."""


def run_tags(
    *,
    job_id: JobId,
    document_id: DocumentId,
    kind: JobKind,
    owner_id: OwnerId,
    batch_id: str | None = None,
    priority: int = 0,
    place: Place = ANYWHERE,
) -> dict[str, str]:
    """Return the tags by which a run names its job.

    A batch's run also names its batch, and goes to a lane of its own.
    """
    tags = {
        JOB: job_id,
        DOCUMENT: document_id,
        OWNER: owner_id,
        KIND: kind.value,
        PARTITION: document_id,
        ACCELERATOR: place.accelerator.value,
    }
    if place.environment != LIGHT:
        tags[ENVIRONMENT] = place.environment
    if batch_id is None:
        return tags
    return tags | {BATCH: batch_id, LANE: BATCH_LANE, PRIORITY: str(priority)}
