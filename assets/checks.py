"""What is checked of the results, in words for the Dagster UI.

A check never changes anything and never stops a document: what is wrong with one
page must not keep anybody from hearing the rest.
"""

import dagster as dg

from assets.documents import blocks, sorted_pages
from assets.speech import document_audio
from assets.usage import lifetime_statistics, usage_events
from lectern.ids import DocumentId
from lectern.jobs.runs import PARTITION
from resources.services import Services
from resources.stores.catalog import Document

WARN = dg.AssetCheckSeverity.WARN
FINDINGS_SHOWN = 20
BLOCK_CHARS = 325
"""The longest a block may be; of one long word, longer."""
ROUNDING_MS_PER_BLOCK = 1
"""What one block's length may be off by, when all are added up."""


def document_of(context: dg.AssetCheckExecutionContext, services: Services) -> Document:
    """Return the document whose partition the run is for."""
    return services.catalog.find(DocumentId(context.run.tags[PARTITION]))


@dg.asset_check(asset=sorted_pages)
def pages_complete(
    context: dg.AssetCheckExecutionContext, services: dg.ResourceParam[Services]
) -> dg.AssetCheckResult:
    """Every page the file states is there once, in the order of its number."""
    found = services.preparation().findings(document_of(context, services))
    serious = [one for one in found if one.code in ("missing_page", "repeated_page")]
    lines = [f"- {one.message}" for one in found[:FINDINGS_SHOWN]]
    return dg.AssetCheckResult(
        passed=not serious,
        severity=WARN,
        description=serious[0].message if serious else "Every page is there.",
        metadata={
            "findings": len(found),
            "what": dg.MetadataValue.md("\n".join(lines) or "Nothing to remark."),
        },
    )


@dg.asset_check(asset=blocks)
def blocks_readable(
    context: dg.AssetCheckExecutionContext, services: dg.ResourceParam[Services]
) -> dg.AssetCheckResult:
    """The stored blocks can be read back, in order, none empty and none too long."""
    from resources.texts import text_of

    document = document_of(context, services)
    text = text_of(services, document)
    read = text.blocks if text else ()
    in_order = [block.index for block in read] == list(range(len(read)))
    empty = sum(not block.shown.strip() for block in read)
    too_long = sum(
        len(block.shown) > BLOCK_CHARS and " " in block.shown for block in read
    )
    return dg.AssetCheckResult(
        passed=in_order and not empty and len(read) == document.block_count,
        severity=WARN,
        metadata={"blocks": len(read), "empty": empty, "too_long": too_long},
    )


@dg.asset_check(asset=document_audio)
def audio_covers_blocks(
    context: dg.AssetCheckExecutionContext, services: dg.ResourceParam[Services]
) -> dg.AssetCheckResult:
    """The file is as long as the sounds of its blocks, and leaves none out."""
    document = document_of(context, services)
    audio = services.catalog.artifact(document.id, "document_audio")
    about = audio.metadata if audio else {}
    linked = services.variants.keys_of(
        document.principal, document.id, about.get("voice", "")
    )
    blocks_ms = sum(duration_ms for _, duration_ms in linked.values())
    off_by_ms = abs(blocks_ms - about.get("duration_ms", 0))
    left_out = about.get("blocks_left_out", len(linked))
    return dg.AssetCheckResult(
        passed=not left_out and off_by_ms <= ROUNDING_MS_PER_BLOCK * len(linked),
        severity=WARN,
        metadata={"blocks_left_out": left_out, "off_by_ms": off_by_ms},
    )


@dg.asset_check(asset=lifetime_statistics)
def statistics_match_outbox(
    services: dg.ResourceParam[Services],
) -> dg.AssetCheckResult:
    """Nothing that left the outbox is missing from the published statistics."""
    published = services.statistics().published()
    unfinished = services.outbox.unfinished_parts()
    return dg.AssetCheckResult(
        passed=published is not None and not unfinished,
        severity=WARN,
        metadata={
            "events": published.events if published else 0,
            "unfinished_parts": len(unfinished),
            "waiting": services.outbox.pending_count(),
        },
    )


@dg.asset_check(asset=usage_events)
def ledger_balances(services: dg.ResourceParam[Services]) -> dg.AssetCheckResult:
    """Every balance is the sum of its entries, and all entries add up to nothing."""
    from resources.stores.ledger_checks import mismatches

    found = mismatches(services.database)
    lines = [
        f"- {m.what} of {m.unit.value}: {m.found}, not {m.expected}" for m in found
    ]
    return dg.AssetCheckResult(
        passed=not found,
        metadata={
            "mismatches": len(found),
            "what": dg.MetadataValue.md("\n".join(lines) or "It all adds up."),
        },
    )


@dg.asset_check(asset=usage_events)
def ledger_matches_events(services: dg.ResourceParam[Services]) -> dg.AssetCheckResult:
    """As many characters were charged as events tell were newly spoken."""
    from resources.stores.ledger_reading import speech_charged

    charged, told = speech_charged(services.database)
    return dg.AssetCheckResult(
        passed=charged == told, metadata={"charged_chars": charged, "told_chars": told}
    )
