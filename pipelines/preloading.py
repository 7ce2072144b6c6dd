"""What the worker pool loads before its first fork, so that no run waits for it."""

import contextlib
import gc
import importlib
import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import deserialize_value, serialize_value

from lectern.environments import LIGHT
from pipelines.held_connections import hold_connection, keeps_nothing_open

HEAVY_MODULES = (
    "av",
    "dagster._cli.api",
    "dagster._core.execution.api",
    "pyarrow.parquet",
    "resources.engines.espeak",
    "resources.engines.opus",
    "resources.exporting.making",
    "resources.listening",
    "resources.orchestrator",
    "resources.preparation",
    "resources.rendering",
    "resources.services",
    "resources.voicing",
)

logger = logging.getLogger("lectern.pool")

_kept: dict[str, dg.DagsterInstance] = {}
"""The instance that children inherit, by its reference."""


def preload(dagster_home: Path, environment: str = LIGHT) -> None:
    """Import all a run needs, and make one empty run for what is imported late.

    Nothing of an engine that an environment brings: it may keep threads or a graphics
    card, and what a fork copies must be safe to copy.
    """
    from resources.engines.espeak import EspeakEngine
    from resources.text_models import load_models

    for name in HEAVY_MODULES:
        importlib.import_module(name)
    definitions_of(environment).get_repository_def().load_all_definitions()
    load_models()
    EspeakEngine().close()  # its list of voices is kept for every run
    rehearse()
    keep_instance(dagster_home)
    gc.collect()
    gc.freeze()
    threads = [thread.name for thread in threading.enumerate()]
    if len(threads) > 1:
        logger.warning("Threads that a fork does not copy: %s", threads)


def definitions_of(environment: str) -> dg.Definitions:
    """Return what the code location of an environment offers."""
    if environment == LIGHT:
        from pipelines.definitions import defs

        return defs
    from pipelines import environments

    return environments.LOCATIONS[environment]


def rehearse() -> None:
    """Run an empty job on an instance that is thrown away."""

    @dg.op
    def nothing() -> None:
        """Do nothing."""

    @dg.job(executor_def=dg.in_process_executor)
    def rehearsal() -> None:
        nothing()

    logging.disable(logging.CRITICAL)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            dg.DagsterInstance.local_temp(folder) as instance,
        ):
            rehearsal.execute_in_process(instance=instance)
    finally:
        logging.disable(logging.NOTSET)


def keep_instance(dagster_home: Path) -> None:
    """Open the instance for children to inherit, where that is safe.

    Opening one reads Dagster's migrations four times, a third of what a run costs
    before its first line. Its storage opens a connection for each use and keeps
    none, so that a fork copies nothing that is open.
    """
    instance = dg.DagsterInstance.from_config(str(dagster_home))
    if keeps_nothing_open(instance):
        instance.get_runs(limit=1)
        _kept[serialize_value(instance.get_ref())] = instance
    else:
        instance.dispose()


@contextmanager
def instance_of(reference: str) -> Iterator[dg.DagsterInstance]:
    """Yield the instance that a reference names: the inherited one, if it is that.

    For the child of a fork, which may keep its connections open.
    """
    with contextlib.ExitStack() as stack:
        instance = _kept.get(reference)
        if instance is None:
            ref = deserialize_value(reference, InstanceRef)
            instance = stack.enter_context(dg.DagsterInstance.from_ref(ref))
        hold_connection(instance)
        yield instance
