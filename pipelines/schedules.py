"""What runs by the clock rather than for somebody."""

import dagster as dg

from assets.tags import UPKEEP
from pipelines.forgetting import forget_old_runs, forget_run_folders, retire_partitions
from pipelines.jobs import plan_retention
from pipelines.places import find_places
from pipelines.upkeep import PUT_OFF
from resources.services import Services


@dg.op
def delete_unreachable(
    context: dg.OpExecutionContext, services: dg.ResourceParam[Services]
) -> None:
    """Delete what nobody can reach any more, and retire partitions of what is gone."""
    from resources.ledger_upkeep import keep_ledger
    from resources.retaining import keep_within_rules
    from resources.stores.sweep import sweep

    retained, swept = keep_within_rules(services), sweep(services)
    keep_ledger(services)
    if retained is None or swept.is_put_off:
        context.log.warning(PUT_OFF)
        return
    for short in retained.cannot:
        context.log.warning("%s", short.message)
    history, now = services.settings.history, services.database.now()
    retired = retire_partitions(context.instance, services, history)
    runs = forget_old_runs(context.instance, history, now)
    output = find_places(services.settings).run_output
    folders = forget_run_folders(context.instance, output, now)
    context.log.info("By rule: %s", retained)
    context.log.info("Out of reach: %s", swept.words)
    counts = (retired, runs, folders)
    context.log.info("%s partitions, %s runs, %s folders of runs retired", *counts)


@dg.job(executor_def=dg.in_process_executor, tags=UPKEEP)
def sweep_stores() -> None:
    """Give back the disk that deleted documents held."""
    delete_unreachable()


nightly_sweep = dg.ScheduleDefinition(
    job=sweep_stores,
    cron_schedule="17 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night, when few people listen.",
)

nightly_plan = dg.ScheduleDefinition(
    job=plan_retention,
    cron_schedule="7 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Ten minutes before the sweep, to be looked at beside what it did.",
)

SCHEDULES = [nightly_plan, nightly_sweep]
