"""Runs of days gone by: one real run's rows, copied under other ids and older times."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    DynamicPartitionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from sqlalchemy import Connection, Table, func, insert, select

from lectern.jobs.runs import DOCUMENTS

RUN_TABLES = (RunsTable, RunTagsTable)
EVENT_TABLES = (
    SqlEventLogStorageTable,
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    DynamicPartitionsTable,
)
COPIED = (RunTagsTable, SqlEventLogStorageTable, AssetCheckExecutionsTable)


@dg.asset(name="blocks", partitions_def=dg.DynamicPartitionsDefinition(name=DOCUMENTS))
def _blocks() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"blocks": 12}, tags={"size": "small"})


@dg.asset_check(asset=_blocks)
def _blocks_are_in_order() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dataclass(frozen=True)
class OldRuns:
    """What an instance would hold after so many days."""

    instance: dg.DagsterInstance
    template: dict[str, list[dict[str, Any]]]  # rows by table

    @classmethod
    def of(cls, instance: dg.DagsterInstance) -> "OldRuns":
        """Carry out one run, the one that is copied."""
        instance.add_dynamic_partitions(DOCUMENTS, ["template"])
        result = dg.materialize(
            [_blocks, _blocks_are_in_order],
            instance=instance,
            partition_key="template",
            tags={f"lectern/{n}": "x" * 32 for n in range(5)},
        )
        template = {}
        for table in (RunsTable, *COPIED):
            with connected(instance, table) as connection:
                query = select(table).where(table.c.run_id == result.run_id)
                rows = connection.execute(query).mappings()
                template[table.name] = [dict(row) for row in rows]
                assert template[table.name]
        return cls(instance, template)

    def add(
        self,
        count: int,
        at: datetime,
        *,
        name: str = "prepare_document",
        status: str = "SUCCESS",
        documents: list[str] | None = None,
    ) -> list[str]:
        """Put in so many runs that ended then; return their ids."""
        [run] = self.template[RunsTable.name]
        old_id = run["run_id"]
        moment = at.astimezone(UTC).replace(tzinfo=None)
        ids = [str(uuid.uuid4()) for _ in range(count)]
        rows = [
            run
            | {
                "run_id": run_id,
                "pipeline_name": name,
                "status": status,
                "run_body": run["run_body"].replace(old_id, run_id),
                "create_timestamp": moment,
                "update_timestamp": moment,
            }
            for run_id in ids
        ]
        self._insert(RunsTable, rows)
        for table in COPIED:
            self._insert(
                table,
                [
                    moved(row, old_id, run_id, moment)
                    for run_id in ids
                    for row in self.template[table.name]
                ],
            )
        if documents:
            self.instance.add_dynamic_partitions(DOCUMENTS, documents)
        return ids

    def rows(self) -> dict[str, int]:
        """Return how many rows each table has."""
        found = {}
        for table in (*RUN_TABLES, *EVENT_TABLES):
            with connected(self.instance, table) as connection:
                query = select(func.count()).select_from(table)
                found[table.name] = int(connection.execute(query).scalar_one())
        return found

    def _insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        rows = [{k: v for k, v in row.items() if k != "id"} for row in rows]
        with connected(self.instance, table) as connection:
            connection.execute(insert(table), rows)


def moved(
    row: dict[str, Any], old_id: str, run_id: str, moment: datetime
) -> dict[str, Any]:
    """Return a row as another run's, at another time."""
    return {
        key: moment
        if isinstance(value, datetime)
        else value.replace(old_id, run_id)
        if isinstance(value, str)
        else value
        for key, value in row.items()
    }


@contextmanager
def connected(instance: dg.DagsterInstance, table: Table) -> Iterator[Connection]:
    """Yield a connection to where a table is."""
    runs, events = instance.run_storage, instance.event_log_storage
    assert isinstance(runs, SqlRunStorage)
    assert isinstance(events, SqlEventLogStorage)
    is_of_runs = table in RUN_TABLES
    with runs.connect() if is_of_runs else events.index_connection() as connection:
        yield connection
