"""The sample document, put into an empty library at the first start."""

from pathlib import Path

import lectern
from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.ids import JobId
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from pipelines.places import Places

SAMPLE = Path(lectern.__file__).with_name("sample.md")
TITLE = "Welcome to Lectern"


def put_sample(settings: Settings, places: Places) -> JobId | None:
    """Put the sample in at the first start of an installation with nothing in it.

    Returns the job that prepares it; None when there is nothing to do. Once put in
    it is never offered again: deleted, it stays away.
    """
    from resources.services import Services

    if not settings.sample_document or places.sample_offered.exists():
        return None
    services = Services.open(settings)
    try:
        if services.catalog.has_any(LOCAL):
            return None
        content = SAMPLE.read_bytes()
        blob = services.blobs.put(content)
        with services.database.write() as connection:
            document = services.catalog.add(
                LOCAL,
                title=TITLE,
                filename=f"{TITLE}.md",
                format=Format.MARKDOWN,
                blob=blob,
                size_bytes=len(content),
                connection=connection,
            )
            job = services.jobs.create(
                LOCAL,
                document_id=document.id,
                kind=JobKind.PREPARE,
                connection=connection,
            )
    finally:
        services.close()
    places.sample_offered.touch()
    return job.id


def launch_sample(settings: Settings, job_id: JobId) -> None:
    """Launch the sample's job; the reconciler would, some seconds later.

    Raises:
        EngineUnavailable: Dagster does not answer.
    """
    from resources.orchestrator import Orchestrator
    from resources.services import Services

    services = Services.open(settings)
    orchestrator = Orchestrator(settings)
    try:
        orchestrator.launch(services.jobs.find(job_id))
    finally:
        orchestrator.close()
        services.close()


def is_settled(settings: Settings, job_id: JobId) -> bool:
    """Whether the sample's job has ended, one way or another."""
    from resources.services import Services

    services = Services.open(settings)
    try:
        return services.jobs.find(job_id).state.is_final
    finally:
        services.close()
