"""From a file to blocks: what is made of every document, step by step.

Declarations only; the work is in ``resources.preparation``. Each asset keeps its
result in our own stores, so a repeated run finds what was done and goes on.
"""

import dagster as dg

from assets.failures import STEP_RETRIES
from assets.partitions import documents
from assets.readable import readable
from assets.tags import CPU
from assets.work import work
from lectern.jobs.wanted import Wanted
from resources.services import Services

GROUP = "documents"


@dg.asset(
    partitions_def=documents,
    group_name=GROUP,
    kinds={"file"},
    retry_policy=STEP_RETRIES,
    op_tags=CPU,
)
def original_file(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    """The file as it was handed in, its bytes checked against their hash."""
    with work(context, services) as its:
        services.preparation().read_original(its.document)
        return dg.MaterializeResult(
            metadata={
                "title": its.document.title,
                "filename": its.document.filename,
                "format": its.document.format.value,
                "size_bytes": its.document.size_bytes,
                "blob": its.document.blob,
            }
        )


@dg.asset(
    partitions_def=documents,
    group_name=GROUP,
    deps=[original_file],
    kinds={"ocr"},
    retry_policy=STEP_RETRIES,
    op_tags=CPU,
)
def recognised_pages(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    """The pages as the engine replied: text layer, or recognition of pictures."""
    with work(context, services) as its:
        artifact = services.preparation().recognise(its.document, its.job)
        return dg.MaterializeResult(metadata=readable(artifact.metadata))


@dg.asset(
    partitions_def=documents,
    group_name=GROUP,
    deps=[recognised_pages],
    kinds={"json"},
    retry_policy=STEP_RETRIES,
    op_tags=CPU,
)
def sorted_pages(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    """The same pages by their stated number; gaps and repeats found."""
    with work(context, services) as its:
        wanted = Wanted.of(its.job.parameters)
        artifact = services.preparation().sort(its.document, wanted)
        return dg.MaterializeResult(metadata=readable(artifact.metadata))


@dg.asset(
    partitions_def=documents,
    group_name=GROUP,
    deps=[sorted_pages],
    kinds={"parquet"},
    retry_policy=STEP_RETRIES,
    op_tags=CPU,
)
def blocks(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    """A few sentences each, with kind, page and language, as filters leave them."""
    with work(context, services) as its:
        wanted = Wanted.of(its.job.parameters)
        document = services.preparation().split(its.document, wanted)
        return dg.MaterializeResult(
            metadata={
                "blocks": document.block_count,
                "pages": document.page_count,
                "words": document.word_count,
                "spoken_chars": document.spoken_chars,
                "language": document.language,
                "version": document.version,
                **services.filtering().told(document),
            }
        )
