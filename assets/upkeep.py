"""What upkeep would delete, before it does. Declarations only."""

import dagster as dg

from assets.failures import STEP_RETRIES, translated
from assets.readable import deletions_table
from assets.tags import CPU
from resources.services import Services

GROUP = "upkeep"


@dg.asset(group_name=GROUP, kinds={"table"}, retry_policy=STEP_RETRIES, op_tags=CPU)
def retention_plan(services: dg.ResourceParam[Services]) -> dg.MaterializeResult[None]:
    """What would be deleted by the rules now, and why. Nothing is deleted here."""
    with translated():
        planned = services.retaining().plan()
        cannot = [f"- {short.message}" for short in planned.cannot]
        return dg.MaterializeResult(
            metadata={
                "things": len(planned.deletions),
                "bytes": planned.freed_bytes,
                "deletions": deletions_table(planned),
                "cannot": dg.MetadataValue.md("\n".join(cannot) or "Every cap is met."),
            }
        )
