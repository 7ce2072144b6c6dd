"""The watch: looks at the installation and tells operators what is wrong with it.

What each channel was told is kept in the sensor's cursor, so a notice is sent once,
again only while the trouble lasts, and a channel that was away catches up by itself.
"""

import logging
import shutil
from collections.abc import Mapping, Sequence
from datetime import timedelta

import dagster as dg
from pydantic import BaseModel, Field, ValidationError

from lectern import errors
from lectern.errors import EngineUnavailable, InputError, LimitReached
from lectern.operations.troubles import (
    Facts,
    Notice,
    Told,
    Trouble,
    after,
    news,
    troubles,
)
from pipelines.launcher import WarmRunLauncher
from resources.notifying import Channel, channels
from resources.services import Services
from resources.stores.vitals import ENDED_WITHIN, Vitals

LOOK_SECONDS = 30

logger = logging.getLogger(__name__)


class Memory(BaseModel):
    """What each channel was told, by the trouble's code."""

    told: dict[str, dict[str, Told]] = Field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str | None) -> "Memory":
        """Read a cursor; one of another version is forgotten."""
        try:
            return cls.model_validate_json(cursor or "{}")
        except ValidationError:
            return cls()


@dg.sensor(
    minimum_interval_seconds=LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def watch(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SkipReason:
    """Tell operators what is wrong, once, and when it is over."""
    ways = channels(services.settings.notices)
    if not ways:
        return dg.SkipReason("Nobody is to be told: LECTERN_NOTICES__ sets whom.")
    launcher = context.instance.run_launcher
    answers = not isinstance(launcher, WarmRunLauncher) or launcher.is_reachable()
    found = troubles(look(services, pool_answers=answers))
    memory = Memory.of(context.cursor)
    sent = 0
    for way in ways:
        before = memory.told.get(way.name, {})
        memory.told[way.name], count = tell(services, way, before, found)
        sent += count
    context.update_cursor(memory.model_dump_json())
    return dg.SkipReason(f"{len(found)} troubles, {sent} notices.")


def tell(
    services: Services,
    way: Channel,
    told: Mapping[str, Told],
    found: Sequence[Trouble],
) -> tuple[dict[str, Told], int]:
    """Send what is new; return what has been told now, and how many notices."""
    settings, now = services.settings, services.database.now()
    installation = settings.trusted_hosts[0] if settings.trusted_hosts else "Lectern"
    repeat_after = timedelta(hours=settings.notices.repeat_hours)
    known, sent = dict(told), 0
    for notice in news(told, found, now, repeat_after=repeat_after):
        if not _arrived(way, notice, installation):
            break
        known = after(known, notice, now)
        sent += 1
    return known, sent


def look(services: Services, *, pool_answers: bool) -> Facts:
    """Gather what there is to know."""
    vitals = Vitals(services.database)
    usage = shutil.disk_usage(services.settings.root)
    return Facts(
        oldest_waiting_seconds=vitals.oldest_waiting_seconds(),
        most_silent_job_seconds=vitals.oldest_heartbeat_seconds(),
        pool_answers=pool_answers,
        failures={
            code: count
            for code, count in vitals.failures(ENDED_WITHIN).items()
            if code not in PERSONS_OWN
        },
        disk_free_bytes=usage.free,
        disk_bytes=usage.total,
        disk_reserve_bytes=services.settings.disk_reserve_bytes,
    )


def _arrived(way: Channel, notice: Notice, installation: str) -> bool:
    try:
        way.send(notice, installation)
    except EngineUnavailable as error:
        logger.warning("%s", error.message)
        return False
    return True


def _codes(family: type[errors.LecternError]) -> set[str]:
    below = (_codes(child) for child in family.__subclasses__())
    return {family.code}.union(*below)


PERSONS_OWN = _codes(InputError) | _codes(LimitReached)
"""Failures that a person can mend and no operator can."""
