"""What runs by the clock rather than for somebody."""

import dagster as dg

from assets.tags import UPKEEP
from pipelines.forgetting import forget_old_runs, retire_partitions
from pipelines.upkeep import PUT_OFF
from resources.services import Services


@dg.op
def delete_unreachable(
    context: dg.OpExecutionContext, services: dg.ResourceParam[Services]
) -> None:
    """Delete what nobody can reach any more, and retire partitions of what is gone."""
    from resources.stores.sweep import sweep

    swept = sweep(services)
    if swept.is_put_off:
        context.log.warning(PUT_OFF)
        return
    history, now = services.settings.history, services.database.now()
    retired = retire_partitions(context.instance, services, history)
    runs = forget_old_runs(context.instance, history, now)
    context.log.info("%s; %s partitions, %s runs retired", swept, retired, runs)


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

SCHEDULES = [nightly_sweep]
