"""Jobs carried out as Dagster runs in this process."""

from dataclasses import dataclass

import dagster as dg

from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.environments import ENVIRONMENTS, LIGHT
from lectern.jobs.runs import DOCUMENTS, PARTITION, PIPELINES
from lectern.jobs.states import JobKind
from pipelines.definitions import build_definitions
from pipelines.environments import build_location
from resources.orchestrator import tags_of
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.jobs import Job


@dataclass(frozen=True)
class Runs:
    """Stores, and an instance that runs work on them."""

    services: Services
    instance: dg.DagsterInstance

    def upload(self, text: str) -> Document:
        """Put a text into the library."""
        data = text.encode()
        return self.services.catalog.add(
            LOCAL,
            title="A walk",
            filename="walk.txt",
            format=Format.TEXT,
            blob=self.services.blobs.put(data),
            size_bytes=len(data),
        )

    def accept(self, document: Document, kind: JobKind) -> Job:
        """Accept a job."""
        return self.services.jobs.create(LOCAL, document_id=document.id, kind=kind)

    def carry_out(self, job: Job) -> dg.ExecuteInProcessResult:
        """Run what a job asks for."""
        tags = tags_of(job)
        return self.execute(PIPELINES[job.kind], tags)

    def execute(
        self, name: str, tags: dict[str, str], *, environment: str = LIGHT
    ) -> dg.ExecuteInProcessResult:
        """Run a job of an environment's code location with these tags."""
        if document := tags.get(PARTITION):
            self.instance.add_dynamic_partitions(DOCUMENTS, [document])
        overrides = {"services": self.services}
        definitions = build_definitions(resource_overrides=overrides)
        if environment != LIGHT:
            definitions = build_location(
                ENVIRONMENTS[environment], resource_overrides=overrides
            )
        return definitions.resolve_job_def(name).execute_in_process(
            instance=self.instance,
            partition_key=document,
            tags=tags,
            raise_on_error=False,
        )

    def prepared(self, text: str) -> Document:
        """Return a document with blocks."""
        document = self.upload(text)
        self.carry_out(self.accept(document, JobKind.PREPARE))
        return self.services.catalog.find(document.id)

    def after(self, job: Job) -> Job:
        """Return a job as it is now."""
        return self.services.jobs.find(job.id)

    def tags_of(self, result: dg.ExecuteInProcessResult) -> dict[str, str]:
        """Return the tags of a run as they are now."""
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        return dict(run.tags)

    def status_of(self, result: dg.ExecuteInProcessResult) -> dg.DagsterRunStatus:
        """Return how Dagster says that a run ended."""
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        return run.status
