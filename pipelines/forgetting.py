"""Keeping Dagster's database small: old runs, what they leave, and idle partitions.

Dagster deletes nothing by itself but ticks. Where it deletes a run it leaves the run's
rows in two tables: tags, as SQLite is not told to follow references, and the outcomes
of checks; and the files of what the run printed. Rows that are deleted make room for
new ones in the same file, which is why nothing has to be compacted.
"""

import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import (
    FINISHED_STATUSES,
    DagsterRunStatus,
    RunsFilter,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from sqlalchemy import delete, select

from lectern.ids import DocumentId
from lectern.jobs.runs import DOCUMENTS
from lectern.settings import History
from resources.services import Services
from resources.stores.portions import portions

COUNTING_RUNS_KEPT = timedelta(days=1)
"""Counting runs every minute while somebody listens, and none of them matters."""
COUNTING_JOB = "update_statistics"
DELETED_TOGETHER = 500
FOLDERS_KEPT = timedelta(days=2)
RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def forget_old_runs(
    instance: dg.DagsterInstance, history: History, now: datetime
) -> int:
    """Delete runs that ended long ago and all they left; return how many they were."""
    run_days, failed_days = history.run_days, history.failed_run_days
    well = [one for one in FINISHED_STATUSES if one is not DagsterRunStatus.FAILURE]
    old = [
        RunsFilter(statuses=well, updated_before=now - timedelta(days=run_days)),
        RunsFilter(
            statuses=[DagsterRunStatus.FAILURE],
            updated_before=now - timedelta(days=failed_days),
        ),
        RunsFilter(
            statuses=list(FINISHED_STATUSES),
            job_name=COUNTING_JOB,
            updated_before=now - COUNTING_RUNS_KEPT,
        ),
    ]
    count = 0
    for filters in old:
        for run_ids in _batches(instance, filters):
            for run_id in run_ids:
                instance.delete_run(run_id)
                instance.compute_log_manager.delete_logs(prefix=[run_id])
            _forget_checks(instance, run_ids)
            count += len(run_ids)
    if count:
        _forget_tags(instance)
    return count


def _batches(instance: dg.DagsterInstance, filters: RunsFilter) -> Iterator[list[str]]:
    """Yield the ids of runs until none is left; whoever takes them deletes them."""
    while run_ids := list(instance.get_run_ids(filters, limit=DELETED_TOGETHER)):
        yield run_ids


def _forget_checks(instance: dg.DagsterInstance, run_ids: list[str]) -> None:
    """Delete the outcomes of checks of runs that are gone."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    column = AssetCheckExecutionsTable.c.run_id
    with storage.index_connection() as connection:
        for some in portions(run_ids):
            connection.execute(
                delete(AssetCheckExecutionsTable).where(column.in_(some))
            )


def _forget_tags(instance: dg.DagsterInstance) -> None:
    """Delete the tags of all runs that are gone."""
    storage = instance.run_storage
    if not isinstance(storage, SqlRunStorage):
        return
    present = select(RunsTable.c.run_id)
    with storage.connect() as connection:
        connection.execute(
            delete(RunTagsTable).where(RunTagsTable.c.run_id.not_in(present))
        )


def forget_run_folders(
    instance: dg.DagsterInstance, folder: Path, now: datetime
) -> int:
    """Delete what runs printed that Dagster knows nothing of any more; return how many
    there were. A crash while a run was forgotten leaves such a folder."""
    before = (now - FOLDERS_KEPT).timestamp()
    old = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if RUN_ID.fullmatch(path.name) and path.stat().st_mtime < before
    ]
    count = 0
    for some in portions(old):
        names = [path.name for path in some]
        known = set(instance.get_run_ids(RunsFilter(run_ids=names)))
        for path in some:
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)
                count += 1
    return count


def retire_partitions(
    instance: dg.DagsterInstance, services: Services, history: History
) -> int:
    """Remove partitions of documents that are gone or idle; return how many.

    Dagster wants few of them. A document's next job makes it one again.
    """
    keys = [DocumentId(key) for key in instance.get_dynamic_partitions(DOCUMENTS)]
    idle_for = timedelta(days=history.partition_days)
    active = services.jobs.active_documents(keys, within=idle_for)
    idle = [key for key in keys if key not in active]
    for key in idle:
        instance.delete_dynamic_partition(DOCUMENTS, key)
    return len(idle)
