"""Which queue a run waits in, and which queues a worker serves."""

import pytest

from lectern.errors import InvalidRequest
from lectern.jobs.queues import (
    UPKEEP,
    Lane,
    lane_of,
    parse_names,
    priority_of,
    queue_of,
    served_by,
    worker_name,
)
from lectern.jobs.runs import ACCELERATOR, ENVIRONMENT, LANE


@pytest.mark.parametrize(
    ("tags", "queue"),
    [
        ({}, "cpu"),
        ({ACCELERATOR: "cpu", LANE: "workers"}, "cpu"),
        ({ACCELERATOR: "gpu", LANE: "workers"}, "gpu"),
        ({ACCELERATOR: "gpu", LANE: "listeners"}, "gpu.listen"),
        ({LANE: "batch"}, "cpu.batch"),
        ({ACCELERATOR: "gpu", ENVIRONMENT: "kokoro"}, "gpu.kokoro"),
        (
            {ACCELERATOR: "cpu", ENVIRONMENT: "kokoro", LANE: "listeners"},
            "cpu.kokoro.listen",
        ),
        ({ACCELERATOR: "cpu", LANE: UPKEEP}, "upkeep"),
    ],
)
def test_a_run_waits_where_its_tags_say(tags: dict[str, str], queue: str) -> None:
    assert queue_of(tags) == queue


@pytest.mark.parametrize("name", ["cpu", "gpu", "gpu.kokoro"])
def test_a_worker_serves_every_lane_of_its_name(name: str) -> None:
    accelerator, _, environment = name.partition(".")
    tags = {ACCELERATOR: accelerator, ENVIRONMENT: environment}

    for lane in Lane:
        assert queue_of(tags | {LANE: lane}) in served_by(name, lane)
        assert worker_name(queue_of(tags | {LANE: lane})) == name


def test_what_somebody_waits_for_comes_before_a_batch() -> None:
    listening, patient, batch = (
        priority_of({LANE: lane}) for lane in (Lane.LISTENERS, Lane.WORKERS, Lane.BATCH)
    )

    assert listening < patient < batch
    assert served_by("cpu", Lane.BATCH) == ["cpu", "cpu.batch"]


def test_no_listener_waits_in_the_queue_of_a_book() -> None:
    patient = {*served_by("cpu", Lane.WORKERS), *served_by("cpu", Lane.BATCH)}

    assert not patient & set(served_by("cpu", Lane.LISTENERS))


def test_upkeep_is_done_by_those_who_are_told_to_alone() -> None:
    assert served_by(UPKEEP, Lane.WORKERS) == [UPKEEP]
    assert lane_of({LANE: UPKEEP}) is Lane.WORKERS
    assert not any(
        UPKEEP in served_by(name, lane) for name in ("cpu", "gpu") for lane in Lane
    )


def test_a_worker_is_told_names_with_commas_between() -> None:
    assert parse_names("cpu, gpu.kokoro,cpu") == ["cpu", "gpu.kokoro"]


@pytest.mark.parametrize("text", ["", "tpu", "cpu.", "gpu.listen", "cpu.batch", "CPU"])
def test_a_name_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no queue"):
        parse_names(text)
