"""From events to numbers that outlive documents. Declarations only."""

import dagster as dg

from assets.failures import STEP_RETRIES, translated
from assets.tags import CPU
from lectern.accounts.people import LOCAL
from resources.services import Services

GROUP = "usage"


@dg.asset(group_name=GROUP, kinds={"parquet"}, retry_policy=STEP_RETRIES, op_tags=CPU)
def usage_events(services: dg.ResourceParam[Services]) -> dg.MaterializeResult[None]:
    """Usage events, moved from the app database's outbox to files, one set a day."""
    with translated():
        events = services.usage_events()
        moved, days = events.drain(), events.compact()
        return dg.MaterializeResult(
            metadata={
                "new_events": moved,
                "days_compacted": days,
                "files": len(events.files()),
            }
        )


@dg.asset(
    group_name=GROUP,
    deps=[usage_events],
    kinds={"duckdb"},
    retry_policy=STEP_RETRIES,
    op_tags=CPU,
)
def lifetime_statistics(
    services: dg.ResourceParam[Services],
) -> dg.MaterializeResult[None]:
    """What was read, spoken and heard so far, in a DuckDB file put in force whole."""
    with translated():
        published = services.statistics_publisher().publish()
        total = services.statistics().totals(LOCAL).total
        return dg.MaterializeResult(
            metadata={
                "events": published.events,
                "file": published.file,
                "documents": total.documents,
                "pages": total.pages,
                "words": total.words,
                "listened_seconds": total.listened_seconds,
                "synthesised_seconds": total.synthesised_seconds,
            }
        )


@dg.asset(
    group_name=GROUP,
    deps=[lifetime_statistics],
    kinds={"duckdb"},
    retry_policy=STEP_RETRIES,
    op_tags=CPU,
)
def merge_statistics(
    services: dg.ResourceParam[Services],
) -> dg.MaterializeResult[None]:
    """How often sound was there already, because the same text had been spoken."""
    with translated():
        reuse = services.statistics().reuse(LOCAL)
        outcomes = {
            outcome.value: requests.requests
            for outcome, requests in reuse.by_outcome.items()
        }
        return dg.MaterializeResult(
            metadata={
                **outcomes,
                "merge_share": reuse.merge_share,
                "saved_seconds": reuse.saved.audio_seconds,
                "legacy_owner_flips": reuse.saved.legacy_owner_flips,
            }
        )
