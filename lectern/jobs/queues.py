"""Which queue a run waits in, past one machine. Pure: names in, names out.

    ACCELERATOR[.ENVIRONMENT][.LANE]        cpu  cpu.listen  gpu.batch  gpu.kokoro

A worker is told the first two parts and serves every lane of them, so that nobody who
runs one has to know of lanes. ``upkeep`` is where the installation looks after itself:
its statistics are files, and one process writes them.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from lectern.environments import LIGHT
from lectern.errors import InvalidRequest
from lectern.jobs.accelerators import Accelerator
from lectern.jobs.runs import ACCELERATOR, ENVIRONMENT, LANE

UPKEEP = "upkeep"
"""The queue, and the lane, of counting events and of sweeping."""


class Lane(StrEnum):
    """Runs of one lane never wait for runs of another."""

    WORKERS = "workers"  # preparing, rendering: minutes
    LISTENERS = "listeners"  # somebody is waiting for sound
    BATCH = "batch"  # nobody is waiting: begun while no run of the others waits


ENDINGS = {Lane.WORKERS: "", Lane.LISTENERS: ".listen", Lane.BATCH: ".batch"}
PRIORITIES = {Lane.LISTENERS: 0, Lane.WORKERS: 3, Lane.BATCH: 9}
"""Of a message in Redis, where the lowest number comes first."""
NAME = re.compile(rf"(?:{'|'.join(Accelerator)})(?:\.[a-z][a-z0-9_-]*)?|{UPKEEP}")


def lane_of(tags: Mapping[str, str]) -> Lane:
    """Return the lane that a run's tags name. Upkeep is work as any other."""
    name = tags.get(LANE, Lane.WORKERS)
    return Lane.WORKERS if name == UPKEEP else Lane(name)


def queue_of(tags: Mapping[str, str]) -> str:
    """Return the queue in which a run with these tags waits."""
    if tags.get(LANE) == UPKEEP:
        return UPKEEP
    name = tags.get(ACCELERATOR) or Accelerator.CPU
    environment = tags.get(ENVIRONMENT)
    if environment and environment != LIGHT:
        name = f"{name}.{environment}"
    return name + ENDINGS[lane_of(tags)]


def priority_of(tags: Mapping[str, str]) -> int:
    """Return the priority of a run's message."""
    return PRIORITIES[lane_of(tags)]


def served_by(name: str, lane: Lane) -> Sequence[str]:
    """Return the queues that a worker of this name takes runs of a lane from.

    A place for batches takes other work first: a batch begins nothing anywhere while a
    run of a person waits.
    """
    if name == UPKEEP:
        return [UPKEEP] if lane is Lane.WORKERS else []
    own = name + ENDINGS[lane]
    return [name, own] if lane is Lane.BATCH else [own]


def worker_name(queue: str) -> str:
    """Return what a worker is to be told that it serves a queue."""
    for ending in filter(None, ENDINGS.values()):
        queue = queue.removesuffix(ending)
    return queue


def parse_names(text: str) -> Sequence[str]:
    """Read what a worker is to serve, ``cpu,gpu``.

    Raises:
        InvalidRequest: It is no such name.
    """
    names = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        environment = name.partition(".")[2]
        is_lane = f".{environment}" in ENDINGS.values() and environment
        if not NAME.fullmatch(name) or is_lane:
            raise InvalidRequest(
                f"There is no queue “{name}”. Name cpu, gpu, upkeep, or a machine and "
                "an environment such as gpu.kokoro; several with commas between."
            )
    return names
