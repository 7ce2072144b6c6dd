"""Which machines may carry out a job: what its engine needs, decides."""

import logging

from lectern.errors import LecternError
from lectern.jobs.accelerators import Accelerator
from lectern.jobs.states import JobKind
from resources.choosing import choose_voice
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.jobs import Job

logger = logging.getLogger(__name__)


def accelerator_of(services: Services, job: Job) -> Accelerator:
    """Return what a job's run needs of its machine.

    Reading files needs no graphics card: models that see are behind HTTP. Speaking
    needs what the engine of the job's voice does.
    """
    if job.kind is JobKind.PREPARE:
        return Accelerator.CPU
    try:
        return _of_speech(services, services.catalog.find(job.document_id), job)
    except LecternError as error:
        # The run finds the same fault, and says it where people see it.
        logger.info("Job %s goes to any machine: %s", job.id, error.message)
        return Accelerator.CPU


def _of_speech(services: Services, document: Document, job: Job) -> Accelerator:
    asked = job.parameters.get("voice")
    if job.kind is JobKind.LISTEN:
        cursor = services.cursors.get(document.principal, document.id)
        asked = cursor.voice_id if cursor else None
    voice = choose_voice(services, document, asked=asked).speaks_now
    return services.speech_engines().engine(voice.engine).accelerator
