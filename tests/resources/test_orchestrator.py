"""The orchestrator while Dagster is away; the rest is tested with the whole product."""

from typing import Any

import pytest

from lectern.errors import EngineUnavailable
from lectern.ids import DocumentId, JobId, OwnerId
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from resources.orchestrator import Orchestrator
from resources.stores.jobs import Job
from tests.support.product import free_port


@pytest.fixture
def orchestrator(settings: Settings) -> Orchestrator:
    return Orchestrator(settings.model_copy(update={"dagster_port": free_port()}))


def a_job() -> Job:
    fields: dict[str, Any] = dict.fromkeys(Job.__slots__) | {
        "id": JobId("j"),
        "owner_id": OwnerId("local"),
        "document_id": DocumentId("d"),
        "kind": JobKind.PREPARE,
    }
    return Job(**fields)


def test_dagster_that_does_not_run_is_not_up(orchestrator: Orchestrator) -> None:
    assert not orchestrator.is_up()


@pytest.mark.parametrize("call", ["launch", "retry", "cancel"])
def test_a_call_without_dagster_says_that_the_work_is_kept(
    orchestrator: Orchestrator, call: str
) -> None:
    with pytest.raises(EngineUnavailable, match="begins by itself"):
        getattr(orchestrator, call)(a_job())
