"""The jobs a run can carry out. All in one process: a new one costs seconds."""

import dagster as dg

from assets.partitions import documents
from assets.tags import PATIENT, PROMPT, UPKEEP
from lectern.jobs.runs import PIPELINES
from lectern.jobs.states import JobKind

prepare_document = dg.define_asset_job(
    PIPELINES[JobKind.PREPARE],
    selection=dg.AssetSelection.groups("documents"),
    partitions_def=documents,
    tags=PATIENT,
    executor_def=dg.in_process_executor,
    description="Turn an uploaded file into blocks that can be heard.",
)

listen_to_document = dg.define_asset_job(
    PIPELINES[JobKind.LISTEN],
    selection=dg.AssetSelection.assets("block_audio").without_checks(),
    partitions_def=documents,
    tags=PROMPT,
    executor_def=dg.in_process_executor,
    description="Voice the blocks ahead of a listener, for as long as they listen.",
)

render_document = dg.define_asset_job(
    PIPELINES[JobKind.RENDER],
    selection=dg.AssetSelection.assets("block_audio", "document_audio"),
    partitions_def=documents,
    tags=PATIENT,
    executor_def=dg.in_process_executor,
    description="Voice a whole document and join it to one file with chapters.",
)

export_document = dg.define_asset_job(
    PIPELINES[JobKind.EXPORT],
    selection=dg.AssetSelection.assets("block_audio", "exported_file"),
    partitions_def=documents,
    tags=PATIENT,
    executor_def=dg.in_process_executor,
    description="Voice what was chosen of a document and write it as a file.",
)

voice_document = dg.define_asset_job(
    PIPELINES[JobKind.VOICE],
    selection=dg.AssetSelection.assets("block_audio"),
    partitions_def=documents,
    tags=PATIENT,
    executor_def=dg.in_process_executor,
    description="Voice a whole document, so that listening later waits for nothing.",
)

update_statistics = dg.define_asset_job(
    "update_statistics",
    selection=dg.AssetSelection.groups("usage"),
    tags=UPKEEP,
    executor_def=dg.in_process_executor,
    description="Take new usage events out of the app database and count them.",
)

JOBS = [
    prepare_document,
    listen_to_document,
    render_document,
    export_document,
    voice_document,
    update_statistics,
]
