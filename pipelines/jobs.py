"""The jobs a run can carry out. All in one process: a new one costs seconds."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.partitions import documents
from assets.tags import PATIENT, PROMPT, UPKEEP
from lectern.environments import LIGHT
from lectern.jobs.runs import ENVIRONMENT, PIPELINES
from lectern.jobs.states import JobKind

SPEECH_ASSETS = {
    JobKind.LISTEN: ("block_audio",),
    JobKind.RENDER: ("block_audio", "document_audio"),
    JobKind.EXPORT: ("block_audio", "exported_file"),
    JobKind.VOICE: ("block_audio",),
}
DESCRIPTIONS = {
    JobKind.PREPARE: "Turn an uploaded file into blocks that can be heard.",
    JobKind.LISTEN: "Voice the blocks ahead of a listener, for as long as they listen.",
    JobKind.RENDER: "Voice a whole document and join it to one file with chapters.",
    JobKind.EXPORT: "Voice what was chosen of a document and write it as a file.",
    JobKind.VOICE: "Voice a whole document, so that listening later waits for nothing.",
}


def document_job(kind: JobKind, environment: str = LIGHT) -> Any:
    """Return the job of one kind, as one environment's code location offers it.

    The light environment's assets have plain keys, those of another its name first.
    """
    prefix = () if environment == LIGHT else (environment,)
    tags = PROMPT if kind is JobKind.LISTEN else PATIENT
    if environment != LIGHT:
        tags = tags | {ENVIRONMENT: environment}
    return dg.define_asset_job(
        PIPELINES[kind],
        selection=_selection(kind, prefix),
        partitions_def=documents,
        tags=tags,
        executor_def=dg.in_process_executor,
        description=DESCRIPTIONS[kind],
    )


def _selection(kind: JobKind, prefix: Sequence[str]) -> dg.AssetSelection:
    if kind is JobKind.PREPARE:
        return dg.AssetSelection.groups("documents")
    keys = [dg.AssetKey([*prefix, name]) for name in SPEECH_ASSETS[kind]]
    selection = dg.AssetSelection.assets(*keys)
    return selection.without_checks() if kind is JobKind.LISTEN else selection


DOCUMENT_JOBS = [document_job(kind) for kind in JobKind]

update_statistics = dg.define_asset_job(
    "update_statistics",
    selection=dg.AssetSelection.groups("usage"),
    tags=UPKEEP,
    executor_def=dg.in_process_executor,
    description="Take new usage events out of the app database and count them.",
)

plan_retention = dg.define_asset_job(
    "plan_retention",
    selection=dg.AssetSelection.groups("upkeep"),
    tags=UPKEEP,
    executor_def=dg.in_process_executor,
    description="Show what the nightly sweep would delete by the rules, and why.",
)

JOBS = [*DOCUMENT_JOBS, update_statistics, plan_retention]
