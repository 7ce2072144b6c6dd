"""Keeping an installation tidy: migrations, the sweep, retired partitions, old runs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES, RunsFilter
from sqlalchemy.engine import make_url

from lectern.errors import InvalidRequest, NotFound
from lectern.ids import DocumentId
from lectern.jobs.runs import DOCUMENTS
from lectern.settings import Settings
from lectern.units import size
from pipelines.dagster_storage import make_storage
from pipelines.instance_files import write_dagster_settings
from pipelines.places import make_places
from resources.services import Services
from resources.stores.database import Database, with_driver
from resources.stores.moving import move

RUNS_KEPT = timedelta(days=30)
COUNTING_RUNS_KEPT = timedelta(days=1)
"""Counting runs every minute while somebody listens, and none of them matters."""
RUNS_DELETED_AT_ONCE = 2000
COUNTING_JOB = "update_statistics"
PUT_OFF = (
    "Nothing was deleted: this machine's clock went back, or leapt by more than a day "
    "(or the machine was off). Lectern sweeps by itself once the clock has gone on "
    "steadily for an hour; “lectern sweep” does then, too."
)


def migrate(settings: Settings) -> str:
    """Bring the app database and Dagster's storage to this version."""
    Services.open(settings, upgrade=True).close()
    places = make_places(settings)
    write_dagster_settings(settings, places)
    make_storage(settings, places)
    with dg.DagsterInstance.from_config(str(places.dagster_home)) as instance:
        instance.upgrade()
    return "The databases are up to date."


def move_from(source: str, settings: Settings, say: Callable[[str], None]) -> str:
    """Copy the app database at an address into the configured one.

    Files stay where they are. Dagster's history of runs is not moved: jobs are ours.

    Raises:
        InvalidRequest: Both are the same, or the configured one holds rows already.
    """
    if with_driver(make_url(source)) == with_driver(make_url(settings.database)):
        raise InvalidRequest(
            "That is the configured database itself. Set LECTERN_DATABASE_URL to the "
            "one to move to."
        )
    before, after = Database(source), Database(settings.database)
    try:
        total = move(before, after, moved=lambda name, rows: say(f"{rows:>9,} {name}"))
    finally:
        before.close()
        after.close()
    return f"Moved {total:,} rows. The old database is unchanged: keep it for a while."


def sweep(settings: Settings) -> str:
    """Delete what is unreachable and tell what it was."""
    from resources.stores.sweep import sweep as sweep_stores

    swept = sweep_stores(Services.open(settings))
    if swept.is_put_off:
        return PUT_OFF
    return (
        f"Deleted {swept.documents} documents, {swept.variants} sounds and "
        f"{swept.blobs} files ({size(swept.blob_bytes)})."
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
