"""What starts runs by itself: jobs that have none, and events to be counted."""

import logging
from collections.abc import Iterator, Sequence
from functools import partial

import dagster as dg

from lectern.environments import LIGHT
from lectern.errors import EngineUnavailable
from lectern.jobs.batches import off_peak
from lectern.jobs.runs import PIPELINES
from lectern.jobs.states import JobKind
from pipelines.jobs import DOCUMENT_JOBS, update_statistics
from pipelines.minding import MindsRuns
from pipelines.recovery import (
    Remedy,
    decide,
    end_overdue,
    look_into,
    settle,
    too_long,
)
from pipelines.schedules import sweep_stores
from pipelines.watch import watch
from resources.orchestrator import Orchestrator, tags_of
from resources.placement import place_of
from resources.services import Services
from resources.stores.clock_watch import ClockWatch
from resources.stores.jobs import Job

RECONCILE_SECONDS = 5
LOOK_FOR_EVENTS_SECONDS = 15
COUNT_SECONDS = 60
WATCH_CLOCK_SECONDS = 600
"""New events are counted soon, but a listener makes some every few seconds, and
counting takes a second of a core."""


logger = logging.getLogger(__name__)


@dg.sensor(
    jobs=DOCUMENT_JOBS,
    minimum_interval_seconds=RECONCILE_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def waiting_jobs(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Launch jobs that have no live run; give up those that lost theirs too often."""
    launcher = context.instance.run_launcher
    if isinstance(launcher, MindsRuns) and not launcher.is_reachable():
        yield dg.SkipReason("What starts runs (worker pool, Redis) does not answer.")
        return
    launched = [
        job
        for job in services.jobs.unfinished(most_of=services.limits.runs_of)
        if needs_run(context, services, job)
    ]
    launched += let_go(services)
    if not launched:
        yield dg.SkipReason("Every job has its run.")
    keys = [job.document_id for job in launched]
    context.instance.add_dynamic_partitions("documents", keys)
    for job in launched:
        place = place_of(services, job)
        if place.environment != LIGHT:
            launch_elsewhere(services, job)
            continue
        yield dg.RunRequest(
            job_name=PIPELINES[job.kind],
            partition_key=job.document_id,
            tags=tags_of(job, place=place),
        )


def launch_elsewhere(services: Services, job: Job) -> None:
    """Launch a run in another code location, which a sensor's requests cannot reach."""
    orchestrator = Orchestrator(services.settings, place_of=partial(place_of, services))
    try:
        orchestrator.launch(job)
    except EngineUnavailable as error:
        logger.warning("Job %s is tried again soon: %s", job.id, error.message)
    finally:
        orchestrator.close()


def let_go(services: Services) -> Sequence[Job]:
    """Return jobs of batches whose turn it is; no more than a few have runs, and none
    while there is no disk for new work."""
    if not services.has_room():
        return ()
    settings = services.settings.batch
    return services.batches.release(off_peak(settings), limit=settings.runs_ahead)


def needs_run(
    context: dg.SensorEvaluationContext, services: Services, job: Job
) -> bool:
    """Settle what needs no run, and tell whether the job does."""
    now = services.database.now()
    if error := too_long(services.settings, job, now):
        end_overdue(context.instance, services, job, error)
        return False
    remedy = decide(job, look_into(context.instance, job, now), now)
    settle(services, job, remedy)
    if job.kind is not JobKind.LISTEN and not services.has_room():
        return False  # it waits until there is disk again
    return remedy is Remedy.LAUNCH and services.jobs.requeue(job.id, job.run_id or "")


@dg.sensor(
    job=update_statistics,
    minimum_interval_seconds=LOOK_FOR_EVENTS_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def new_usage(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Count usage events, when there are any and the last count is a minute old."""
    now = services.database.now().timestamp()
    if now - float(context.cursor or 0) < COUNT_SECONDS:
        return dg.SkipReason("Counted less than a minute ago.")
    if not services.outbox.pending(1):
        return dg.SkipReason("No new events.")
    context.update_cursor(str(now))
    return dg.RunRequest()


@dg.sensor(
    job=sweep_stores,
    minimum_interval_seconds=WATCH_CLOCK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def clock_watch(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Note the time; sweep when that was put off until the clock is steady."""
    clock = ClockWatch(services.preferences).look(services.database.now())
    if not clock.is_steady:
        return dg.SkipReason(f"The clock leapt: doubted since {clock.doubted_since}.")
    if not clock.is_sweep_due:
        return dg.SkipReason("The clock is steady.")
    return dg.RunRequest(run_key=clock.seen_at.isoformat())


SENSORS = [waiting_jobs, new_usage, watch, clock_watch]
