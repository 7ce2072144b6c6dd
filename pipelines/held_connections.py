"""Dagster's connections to PostgreSQL: none before a fork, one where a run is."""

from typing import Any

import dagster as dg
from dagster._core.storage.runs import SqliteRunStorage
from sqlalchemy import Engine, NullPool, create_engine


def hold_connection(instance: dg.DagsterInstance) -> None:
    """Let a process that carries out runs keep its connection between uses.

    Dagster opens one for each question, as it may have many instances in a process;
    a small run asks a hundred, and on PostgreSQL connecting is most of what each
    costs. A connection that broke meanwhile is noticed before it is used.
    """
    storages = (
        instance.run_storage,
        instance.event_log_storage,
        instance.schedule_storage,
    )
    engines: list[Any] = [getattr(storage, "_engine", None) for storage in storages]
    if not all(_connects_each_time(engine) for engine in engines):
        return
    held = create_engine(
        engines[0].url,
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        max_overflow=8,
        pool_pre_ping=True,
    )
    for storage in storages:
        vars(storage)["_engine"] = held


def keeps_nothing_open(instance: dg.DagsterInstance) -> bool:
    """Whether a fork may inherit an instance: its storage has no connection open."""
    if isinstance(instance.run_storage, SqliteRunStorage):
        return True
    return _connects_each_time(getattr(instance.run_storage, "_engine", None))


def _connects_each_time(engine: Any) -> bool:
    return isinstance(engine, Engine) and isinstance(engine.pool, NullPool)
