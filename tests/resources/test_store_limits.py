"""What one person may use: by plan, by person, never a bit more, and written down."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text

from lectern.accounts.limits import Limits
from lectern.accounts.people import LOCAL, Principal, Role
from lectern.accounts.plans import NOTHING_PERSONAL, PersonalLimits
from lectern.accounts.units import Unit
from lectern.errors import (
    DailyLimitReached,
    InvalidRequest,
    LimitReached,
    NotFound,
    StorageUsedUp,
    StoreError,
    TooManyDocuments,
    TooManyJobs,
)
from lectern.ids import OwnerId
from lectern.jobs.states import JobKind, JobState
from lectern.settings import Settings
from resources.services import Services
from tests.support.stores import OTHER, Clock, add_document, give

THREADS = 8


def at_once(call: Callable[[int], object]) -> int:
    """Have as many threads as there are do something in one moment; return how many
    were not refused."""
    barrier, done, other = threading.Barrier(THREADS), [], []

    def work(number: int) -> None:
        barrier.wait()
        try:
            if call(number) is not False:
                done.append(number)
        except LimitReached:
            pass
        except BaseException as error:
            other.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other == []
    return len(done)


def upload_bytes(services: Services, principal: Principal, size_bytes: int) -> object:
    return services.uploads.begin(principal, "a.txt", size_bytes)


def test_whoever_was_given_nothing_has_the_plan_of_everybody(
    services: Services,
) -> None:
    assert services.limits.plan(LOCAL).name == "local"
    assert services.limits.of(LOCAL) == services.settings.limits
    assert services.limits.plan(OTHER).name == services.settings.default_plan


def test_guests_and_operators_have_plans_of_their_own(services: Services) -> None:
    operator = services.people.add("o@example.org", role=Role.OPERATOR)
    user = services.people.add("u@example.org")
    guest = services.people.add("g@example.org", role=Role.GUEST)
    plans = [
        services.limits.plan(Principal(one.owner_id)).name  # as a run knows them
        for one in (operator, user, guest)
    ]

    assert plans == ["full", services.settings.default_plan, "guest"]


def test_only_an_operator_changes_limits(services: Services) -> None:
    with pytest.raises(NotFound):
        services.limits.change(OTHER, OTHER.owner_id, PersonalLimits(plan="full"))
    assert services.limits.history(OTHER.owner_id) == []


def test_a_person_may_be_given_another_plan_and_limits_of_their_own(
    services: Services,
) -> None:
    give(services, OTHER, plan="guest", documents=77)

    plan = services.limits.plan(OTHER)

    assert (plan.name, plan.limits.documents) == ("guest", 77)
    assert plan.limits.voices == services.limits.plans["guest"].limits.voices
    assert services.limits.plan(LOCAL).name == "local"


def test_a_plan_that_is_gone_leaves_the_one_of_everybody(stored: Settings) -> None:
    services = Services.open(
        stored.model_copy(
            update={"plans": {**stored.plans, "gold": stored.plans["full"]}}
        )
    )
    give(services, OTHER, plan="gold", documents=9)
    services.close()
    services = Services.open(stored)

    assert services.limits.plan(OTHER).name == stored.default_plan
    assert services.limits.of(OTHER).documents == 9
    services.close()


def test_every_change_is_written_down_with_who_made_it(timed: Services) -> None:
    first = PersonalLimits(overrides={"documents": 3})
    second = PersonalLimits(plan="full", overrides={"documents": 3})
    for wanted in (first, first, second, NOTHING_PERSONAL):
        timed.limits.change(LOCAL, OTHER.owner_id, wanted)

    changes = timed.limits.history(OTHER.owner_id)

    assert [(one.before, one.after) for one in changes] == [
        (second, NOTHING_PERSONAL),
        (first, second),
        (NOTHING_PERSONAL, first),
    ]
    assert {one.changed_by for one in changes} == {LOCAL.owner_id}
    assert timed.limits.history(LOCAL.owner_id) == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE limits_audit SET owner_id = 'nobody'", "DELETE FROM limits_audit"],
)
def test_what_was_written_down_cannot_be_changed(
    services: Services, statement: str
) -> None:
    give(services, OTHER, documents=3)

    with (
        pytest.raises(StoreError, match="append-only"),
        services.database.write() as connection,
    ):
        connection.execute(text(statement))

    assert len(services.limits.history(OTHER.owner_id)) == 1


def test_a_plan_that_there_is_not_is_refused(services: Services) -> None:
    with pytest.raises(InvalidRequest, match="There is no plan “gold”"):
        give(services, OTHER, plan="gold")


def test_changes_at_once_leave_one_unbroken_history(services: Services) -> None:
    at_once(lambda number: give(services, OTHER, documents=number + 1))

    changes = services.limits.history(OTHER.owner_id)

    assert len(changes) == THREADS
    assert [one.before for one in changes[:-1]] == [one.after for one in changes[1:]]


def test_of_many_documents_at_once_only_so_many_find_room(services: Services) -> None:
    give(services, OTHER, documents=3)

    kept = at_once(lambda number: add_document(services, f"{number}", principal=OTHER))

    assert kept == 3 == len(services.catalog.documents(OTHER))
    with pytest.raises(TooManyDocuments) as refused:
        add_document(services, principal=OTHER)
    assert (refused.value.used, refused.value.limit) == (3, 3)


def test_of_many_jobs_at_once_only_so_many_are_taken(services: Services) -> None:
    give(services, OTHER, jobs=2)
    document = add_document(services, principal=OTHER)

    def begin(_number: int) -> object:
        return services.jobs.create(
            OTHER, document_id=document.id, kind=JobKind.PREPARE
        )

    assert at_once(begin) == 2
    with pytest.raises(TooManyJobs, match="Wait until one is done"):
        begin(0)
    services.jobs.create(OTHER, document_id=document.id, kind=JobKind.LISTEN)
    services.jobs.cancel(OTHER, services.jobs.active(OTHER)[-1].id)
    begin(0)


def test_files_sent_at_once_never_fill_more_than_there_is(services: Services) -> None:
    give(services, OTHER, stored_bytes=1000)

    begun = at_once(lambda _number: upload_bytes(services, OTHER, 300))

    assert begun == 3
    with pytest.raises(StorageUsedUp, match="find no room"):
        upload_bytes(services, OTHER, 101)
    upload_bytes(services, OTHER, 100)


def test_what_is_deleted_counts_until_it_is_gone(services: Services) -> None:
    give(services, OTHER, stored_bytes=1000)
    document = add_document(services, "x" * 900, principal=OTHER)
    services.catalog.delete(OTHER, document.id)

    with pytest.raises(StorageUsedUp) as refused:
        upload_bytes(services, OTHER, 200)
    assert (refused.value.used, refused.value.limit) == (900, 1000)
    services.catalog.purge(document.id)
    upload_bytes(services, OTHER, 200)


def test_an_export_counts_for_its_day_unless_it_comes_to_nothing(
    timed: Services, clock: Clock
) -> None:
    give(timed, OTHER, daily_exports=1)
    document = add_document(timed, principal=OTHER)

    def export() -> object:
        return timed.jobs.create(OTHER, document_id=document.id, kind=JobKind.EXPORT)

    export()
    with pytest.raises(DailyLimitReached, match="A new day begins in 12 hours") as no:
        export()
    assert no.value.retry_after_seconds == 12 * 3600
    timed.jobs.cancel(OTHER, timed.jobs.active(OTHER)[0].id)
    assert timed.jobs.active(OTHER) == []
    export()
    clock.pass_(12 * 3600)
    export()


def test_a_days_use_never_passes_its_limit(timed: Services, clock: Clock) -> None:
    def take(_number: int) -> bool:
        return timed.daily.take(OTHER.owner_id, Unit.TTS_MS, 30, limit=100)

    assert at_once(take) == 3
    assert timed.daily.used(OTHER.owner_id) == {Unit.TTS_MS: 90}
    assert not take(0)
    timed.daily.give_back(OTHER.owner_id, Unit.TTS_MS, 25)
    assert take(0)
    assert timed.daily.used(LOCAL.owner_id) == {}
    clock.pass_(86_400)
    assert timed.daily.used(OTHER.owner_id) == {}
    assert take(0)


def test_more_is_never_given_back_than_was_taken(services: Services) -> None:
    who = OwnerId("somebody")
    services.daily.give_back(who, Unit.OCR_PAGES, 5)
    assert services.daily.used(who) == {Unit.OCR_PAGES: 0}
    assert services.daily.take(who, Unit.OCR_PAGES, 2, limit=2)
    services.daily.give_back(who, Unit.OCR_PAGES, 5)
    assert services.daily.used(who) == {Unit.OCR_PAGES: 0}


def test_no_more_is_taken_at_once_than_a_day_allows(services: Services) -> None:
    assert not services.daily.take(OTHER.owner_id, Unit.TTS_MS, 11, limit=10)
    assert services.daily.used(OTHER.owner_id) == {}


def test_days_long_over_are_forgotten(timed: Services, clock: Clock) -> None:
    timed.daily.take(OTHER.owner_id, Unit.TTS_MS, 1, limit=None)
    clock.pass_(41 * 86_400)
    timed.daily.take(OTHER.owner_id, Unit.TTS_MS, 1, limit=None)

    assert timed.daily.drop_old() == 1
    assert timed.daily.used(OTHER.owner_id) == {Unit.TTS_MS: 1}


def test_a_job_that_is_done_leaves_room(services: Services) -> None:
    give(services, OTHER, jobs=1)
    document = add_document(services, principal=OTHER)
    job = services.jobs.create(OTHER, document_id=document.id, kind=JobKind.PREPARE)
    services.jobs.finish(job.id)

    assert services.jobs.get(OTHER, job.id).state is JobState.DONE
    services.jobs.create(OTHER, document_id=document.id, kind=JobKind.PREPARE)


def test_a_limit_of_the_installation_holds_for_every_plan(stored: Settings) -> None:
    limits = Limits(documents=1)
    services = Services.open(stored.model_copy(update={"limits": limits}))
    add_document(services)
    with pytest.raises(TooManyDocuments):
        add_document(services)
    services.close()
