"""Keeping an installation tidy: migrations, the sweep, retired partitions, old runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES, RunsFilter

from lectern.errors import NotFound
from lectern.ids import DocumentId
from lectern.jobs.runs import DOCUMENTS
from lectern.settings import Settings
from pipelines.instance_files import write_dagster_settings
from pipelines.places import make_places
from resources.services import Services

RUNS_KEPT = timedelta(days=30)
COUNTING_RUNS_KEPT = timedelta(days=1)
"""Counting runs every minute while somebody listens, and none of them matters."""
RUNS_DELETED_AT_ONCE = 2000
COUNTING_JOB = "update_statistics"


def migrate(settings: Settings) -> str:
    """Bring the app database and Dagster's storage to this version."""
    Services.open(settings, upgrade=True).close()
    places = make_places(settings)
    write_dagster_settings(places)
    with dg.DagsterInstance.from_config(str(places.dagster_home)) as instance:
        instance.upgrade()
    return "The databases are up to date."


def sweep(settings: Settings) -> str:
    """Delete what is unreachable and tell what it was."""
    from resources.stores.sweep import sweep as sweep_stores

    swept = sweep_stores(Services.open(settings))
    return (
        f"Deleted {swept.documents} documents, {swept.variants} sounds and "
        f"{swept.blobs} files ({swept.blob_bytes / 1024**2:.1f} MiB)."
    )


def retire_partitions(instance: dg.DagsterInstance, services: Services) -> int:
    """Remove partitions of documents that are gone, as Dagster wants few of them."""
    keys = instance.get_dynamic_partitions(DOCUMENTS)
    gone = [key for key in keys if not _exists(services, DocumentId(key))]
    for key in gone:
        instance.delete_dynamic_partition(DOCUMENTS, key)
    return len(gone)


def _exists(services: Services, document_id: DocumentId) -> bool:
    try:
        services.catalog.find(document_id)
    except NotFound:
        return False
    return True


def forget_old_runs(instance: dg.DagsterInstance) -> int:
    """Delete runs that ended long ago: their rows would grow without end."""
    now = datetime.now(UTC)
    ended = list(FINISHED_STATUSES)
    old = [
        RunsFilter(statuses=ended, updated_before=now - RUNS_KEPT),
        RunsFilter(
            statuses=ended,
            job_name=COUNTING_JOB,
            updated_before=now - COUNTING_RUNS_KEPT,
        ),
    ]
    run_ids = {
        run_id
        for filters in old
        for run_id in instance.get_run_ids(filters, limit=RUNS_DELETED_AT_ONCE)
    }
    for run_id in run_ids:
        instance.delete_run(run_id)
    return len(run_ids)
