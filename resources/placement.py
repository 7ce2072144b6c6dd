"""Where a job's run is carried out: what its engine needs, decides."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from lectern.environments import ENVIRONMENTS, LIGHT
from lectern.errors import LecternError
from lectern.jobs.accelerators import Accelerator
from lectern.jobs.places import ANYWHERE, Place
from lectern.jobs.runs import ACCELERATOR
from lectern.jobs.states import JobKind
from lectern.jobs.wanted import Wanted
from resources.choosing import choose_voice
from resources.environments import (
    environment_of_recogniser,
    environment_of_speech,
    served,
)
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.jobs import Job

logger = logging.getLogger(__name__)


def place_of(services: Services, job: Job) -> Place:
    """Return what a job's run needs of its machine, and the environment it goes to.

    Reading files needs no graphics card: models that see are behind HTTP. Speaking
    needs what the engine of the job's voice does.
    """
    try:
        place = _wanted(services, job)
    except LecternError as error:
        # The run finds the same fault, and says it where people see it.
        logger.info("Job %s goes to any machine: %s", job.id, error.message)
        return ANYWHERE
    return Place(place.accelerator, _served(services, job.kind, place.environment))


def machine_of(services: Services, tags: Mapping[str, str]) -> Accelerator | None:
    """Return which machine a run with these tags was sent to; None where one machine
    does everything."""
    if services.settings.broker_url is None:
        return None
    return Accelerator(tags.get(ACCELERATOR) or Accelerator.CPU)


def _wanted(services: Services, job: Job) -> Place:
    settings = services.settings
    if job.kind is JobKind.PREPARE:
        recogniser = Wanted.of(job.parameters).recogniser
        where = environment_of_recogniser(settings, recogniser)
        return Place(Accelerator.CPU, where)
    document = services.catalog.find(job.document_id)
    engine = _speaks(services, document, job)
    accelerator = services.speech_engines().engine(engine).accelerator
    return Place(accelerator, environment_of_speech(settings, engine))


def _speaks(services: Services, document: Document, job: Job) -> str:
    """Return the name of the engine whose voice reads for a job."""
    asked = job.parameters.get("voice")
    if job.kind is JobKind.LISTEN:
        document = replace(document, reader_id=job.owner_id)  # may be shared
        cursor = services.cursors.get(job.principal, document.id)
        asked = cursor.voice_id if cursor else None
    return choose_voice(services, document, asked=asked).speaks_now.engine


def _served(services: Services, kind: JobKind, environment: str) -> str:
    """Return the environment, or the light one where it is not served."""
    if environment == LIGHT or kind not in ENVIRONMENTS[environment].kinds:
        return LIGHT
    return environment if environment in served(services.settings) else LIGHT
