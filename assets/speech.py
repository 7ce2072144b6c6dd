"""From blocks to sound. Declarations only; the work is in ``resources``."""

import dagster as dg

from assets.documents import blocks
from assets.failures import STEP_RETRIES
from assets.partitions import documents
from assets.readable import readable
from assets.tags import CPU
from assets.work import work
from lectern.jobs.states import JobKind
from resources.services import Services

GROUP = "speech"


@dg.asset(
    partitions_def=documents,
    group_name=GROUP,
    deps=[blocks],
    kinds={"audio"},
    retry_policy=STEP_RETRIES,
    op_tags=CPU,
)
def block_audio(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    """Sound of blocks: those ahead of a listener, or those that a file needs."""
    from resources.exporting.making import voice_export
    from resources.listening import follow_reader
    from resources.placement import machine_of
    from resources.rendering import voice_document

    with work(context, services) as its:
        document = services.filtering().refresh(its.document)
        if its.job.kind is JobKind.LISTEN:
            counts = follow_reader(
                services,
                its.job.principal,
                document.id,
                job=its.job,
                machine=machine_of(services, context.run.tags),
            )
        elif its.job.kind is JobKind.EXPORT:
            counts = voice_export(services, document, job=its.job)
        else:
            counts = voice_document(services, document, job=its.job)
        return dg.MaterializeResult(metadata=readable(counts))


@dg.asset(
    partitions_def=documents,
    group_name=GROUP,
    deps=[block_audio],
    kinds={"audio"},
    retry_policy=STEP_RETRIES,
    op_tags=CPU,
)
def document_audio(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    """The whole document as one Opus file with chapters."""
    from resources.rendering import join_document

    with work(context, services) as its:
        artifact = join_document(services, its.document, job=its.job)
        return dg.MaterializeResult(metadata=readable(artifact.metadata))


@dg.asset(
    partitions_def=documents,
    group_name=GROUP,
    deps=[block_audio],
    kinds={"file"},
    retry_policy=STEP_RETRIES,
    op_tags=CPU,
)
def exported_file(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    """What was chosen of a document as a file to take away: sound, book, subtitles."""
    from resources.exporting.making import make_export

    with work(context, services) as its:
        artifact = make_export(services, its.document, job=its.job)
        return dg.MaterializeResult(metadata=readable(artifact.metadata))
