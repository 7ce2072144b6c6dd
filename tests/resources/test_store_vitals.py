"""What operators are told of the whole installation, on each database."""

from datetime import timedelta

import pytest

from lectern.accounts.people import LOCAL
from lectern.errors import WorkerLost
from lectern.jobs.queues import Lane
from lectern.jobs.states import JobKind, JobState
from resources.services import Services
from resources.stores.vitals import JobCount, Vitals
from tests.support.stores import Clock, add_document


@pytest.fixture
def clock() -> Clock:
    """Return the time of these stores."""
    return Clock()


@pytest.fixture
def services(stored, clock):
    """Yield stores whose time is ours."""
    opened = Services.open(stored, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def vitals(services) -> Vitals:
    """Return what is told of them."""
    return Vitals(services.database)


def begin(services: Services, kind: JobKind):
    """Return a job that waits."""
    document = add_document(services)
    return services.jobs.create(LOCAL, document_id=document.id, kind=kind)


def test_nothing_waits_in_an_empty_installation(vitals):
    assert vitals.is_current()
    assert vitals.live_jobs() == vitals.ended_jobs(timedelta(hours=1)) == []
    assert set(vitals.oldest_waiting_seconds().values()) == {0.0}
    assert vitals.oldest_heartbeat_seconds() == 0.0


def test_the_longest_wait_is_told_by_lane(services, vitals, clock):
    begin(services, JobKind.PREPARE)
    clock.pass_(50)
    begin(services, JobKind.LISTEN)
    begin(services, JobKind.RENDER)
    clock.pass_(10)

    assert vitals.oldest_waiting_seconds() == {
        Lane.WORKERS: 60.0,
        Lane.LISTENERS: 10.0,
        Lane.BATCH: 0.0,
    }


def test_what_has_begun_waits_no_more_and_must_give_signs_of_life(
    services, vitals, clock
):
    job = begin(services, JobKind.LISTEN)
    services.jobs.start(job.id, "run")
    clock.pass_(30)
    silent = vitals.oldest_heartbeat_seconds()
    services.jobs.heartbeat(job.id)

    assert vitals.oldest_waiting_seconds()[Lane.LISTENERS] == 0.0
    assert silent == 30.0
    assert vitals.oldest_heartbeat_seconds() == 0.0


def test_jobs_are_counted_while_they_live_and_shortly_after(services, vitals, clock):
    for _ in range(2):
        begin(services, JobKind.PREPARE)
    done, failed = begin(services, JobKind.RENDER), begin(services, JobKind.RENDER)
    for job in (done, failed):
        services.jobs.start(job.id, f"run of {job.id}")
    services.jobs.finish(done.id)
    services.jobs.fail(failed.id, WorkerLost("It was lost."))
    clock.pass_(60)

    assert vitals.live_jobs() == [JobCount(JobKind.PREPARE, JobState.QUEUED, 2)]
    assert {
        (each.state, each.count) for each in vitals.ended_jobs(timedelta(hours=1))
    } == {
        (JobState.DONE, 1),
        (JobState.FAILED, 1),
    }
    assert vitals.ended_jobs(timedelta(seconds=59)) == []
