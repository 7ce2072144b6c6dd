"""The watch as Dagster runs it, over real stores and a real web server."""

import dagster as dg
import pytest
from pydantic import SecretStr

from lectern.accounts.people import LOCAL
from lectern.errors import DamagedFile, WorkerLost
from lectern.jobs.states import JobKind
from lectern.settings import Notices
from pipelines.watch import Memory, watch
from resources.services import Services
from tests.support.hooks import listening
from tests.support.stores import Clock, add_document


@pytest.fixture
def clock() -> Clock:
    """Return the time of these stores."""
    return Clock()


@pytest.fixture
def hook():
    """Yield a web server that takes notices."""
    with listening() as opened:
        yield opened


@pytest.fixture
def services(settings, clock, hook):
    """Yield stores whose operators are to be told."""
    notices = Notices(webhook_url=SecretStr(hook.address), repeat_hours=24)
    told = settings.model_copy(update={"notices": notices})
    opened = Services.open(told, clock=clock)
    yield opened
    opened.close()


def look(services: Services, instance: dg.DagsterInstance, cursor: str | None) -> str:
    """Let the watch look once; return what it remembers."""
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"services": services}
    )
    watch(context)
    return str(context.cursor)


@pytest.fixture
def instance():
    """Yield a Dagster without any runs."""
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def codes(hook) -> list[tuple[str, str]]:
    """Return what was told so far, but of the disk, which may be short here truly."""
    return [
        (notice["turn"], notice["code"])
        for notice in hook.came
        if notice["code"] != "disk_short"
    ]


def test_a_stuck_queue_is_told_once_again_after_a_day_and_when_it_is_over(
    services, instance, clock, hook
):
    document = add_document(services)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.LISTEN)
    cursor = look(services, instance, None)
    for seconds in (121, 30, 24 * 3600):
        clock.pass_(seconds)
        cursor = look(services, instance, cursor)
    services.jobs.cancel(LOCAL, job.id)
    cursor = look(services, instance, cursor)
    look(services, instance, cursor)

    stuck = "queue_stuck_listeners"
    assert codes(hook) == [("begun", stuck), ("lasts", stuck), ("over", stuck)]


def test_a_dead_worker_and_what_it_failed_are_told(services, instance, clock, hook):
    document = add_document(services)
    silent = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
    lost = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
    services.jobs.start(silent.id, "one")
    services.jobs.start(lost.id, "two")
    services.jobs.fail(lost.id, WorkerLost("Its worker died three times."))
    clock.pass_(121)
    look(services, instance, None)

    assert codes(hook) == [
        ("begun", "worker_silent"),
        ("begun", "jobs_failed_worker_lost"),
    ]


def test_a_file_that_is_damaged_is_its_owners_matter(services, instance, hook):
    document = add_document(services)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    services.jobs.start(job.id, "one")
    services.jobs.fail(job.id, DamagedFile("It is damaged."))
    look(services, instance, None)

    assert codes(hook) == []


def test_a_disk_below_its_reserve_is_told(settings, instance, hook):
    notices = Notices(webhook_url=SecretStr(hook.address))
    full = settings.model_copy(
        update={"notices": notices, "disk_reserve_bytes": 10**18}
    )
    services = Services.open(full)
    look(services, instance, None)
    services.close()

    assert codes(hook) == [("begun", "disk_full")]


def test_what_did_not_arrive_is_sent_again(services, instance, clock, hook):
    document = add_document(services)
    services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.LISTEN)
    clock.pass_(121)
    hook.status = 503
    cursor = look(services, instance, None)
    hook.status = 200
    cursor = look(services, instance, cursor)
    look(services, instance, cursor)

    assert codes(hook) == [("begun", "queue_stuck_listeners")] * 2  # refused, taken


def test_nothing_that_is_remembered_is_a_secret(services, instance, clock):
    document = add_document(services, title="A private title")
    services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.LISTEN)
    clock.pass_(121)
    cursor = look(services, instance, None)

    assert "queue_stuck_listeners" in cursor
    assert "T0PS3CR3T" not in cursor
    assert "private" not in cursor


def test_a_memory_that_cannot_be_read_is_begun_anew():
    assert Memory.of("not json").told == Memory.of(None).told == {}
