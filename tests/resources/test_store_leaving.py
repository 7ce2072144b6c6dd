"""Whoever leaves is out at once, and upkeep removes what they had."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from lectern.accounts.people import LOCAL, Principal, Role
from lectern.accounts.sessions import Method
from lectern.accounts.tokens import Scope
from lectern.errors import InvalidRequest
from lectern.jobs.states import JobKind
from resources.services import Services
from resources.stores import schema
from resources.stores.leaving import KEPT, leave, remove_leavers
from resources.stores.sweep import sweep
from tests.support.accounts import add_person
from tests.support.stores import Clock, add_document, let_days_pass

WEEK = timedelta(days=7)


def rows_of(services: Services, principal: Principal) -> dict[str, int]:
    """Return in which tables somebody still owns rows."""
    found = {}
    with services.database.read() as connection:
        for table in schema.metadata.sorted_tables:
            if "owner_id" in table.c:
                mine = select(table).where(table.c.owner_id == principal.owner_id)
                found[table.name] = len(connection.execute(mine).all())
    return {name: count for name, count in found.items() if count}


def furnish(services: Services, principal: Principal) -> None:
    """Give somebody a little of everything that is easily had."""
    add_document(services, "A text.", principal=principal)
    services.preferences.put(principal, "rate", 1.5)
    services.tokens.make(principal, name="phone", scopes=(Scope.SPEECH,))
    services.sessions.begin(principal.owner_id, method=Method.GUEST)
    services.uploads.begin(principal, "whale.txt", 100)


def test_an_expired_guest_goes_with_everything_and_nobody_else(
    timed: Services, clock: Clock
):
    guest = timed.people.add_guest(lasts=WEEK).principal
    other = timed.people.add_guest(lasts=2 * WEEK).principal
    for principal in (guest, other):
        furnish(timed, principal)
    before = rows_of(timed, other)

    clock.pass_(WEEK.total_seconds() - 1)
    assert remove_leavers(timed) == 0
    clock.pass_(1)

    assert timed.people.acting(guest.owner_id) is None
    assert remove_leavers(timed) == 1
    assert set(rows_of(timed, guest)) <= KEPT
    assert rows_of(timed, other) == before


def test_the_sweep_removes_expired_guests(timed: Services, clock: Clock):
    guest = timed.people.add_guest(lasts=WEEK).principal
    furnish(timed, guest)

    let_days_pass(timed, clock, 8)
    sweep(timed)

    assert set(rows_of(timed, guest)) <= KEPT


def test_whose_work_still_runs_is_removed_once_it_has_stopped(
    timed: Services, clock: Clock
):
    guest = timed.people.add_guest(lasts=WEEK).principal
    document = add_document(timed, "A text.", principal=guest)
    job = timed.jobs.create(guest, document_id=document.id, kind=JobKind.RENDER)
    timed.jobs.start(job.id, "run")
    clock.pass_(WEEK.total_seconds())

    assert remove_leavers(timed) == 0
    assert timed.jobs.get(guest, job.id).cancel_requested
    timed.jobs.finish(job.id)

    assert remove_leavers(timed) == 1


def test_whoever_deletes_their_account_is_out_at_once_and_free_to_come_again(
    timed: Services,
):
    anna = add_person(timed, "anna")
    furnish(timed, anna.principal)
    _, secret = timed.sessions.begin(anna.owner_id, method=Method.PASSWORD)

    leave(timed, anna.principal)

    assert timed.sessions.told_by(secret) is None
    assert timed.tokens.list(anna.principal) == []
    again = add_person(timed, "anna")
    assert remove_leavers(timed) == 1
    assert set(rows_of(timed, anna.principal)) <= KEPT
    assert timed.people.get(again.owner_id) == again


def test_the_last_operator_cannot_leave(services: Services):
    chief = add_person(services, "chief", role=Role.OPERATOR)

    with pytest.raises(InvalidRequest, match="only operator"):
        leave(services, chief.principal)

    add_person(services, "other", role=Role.OPERATOR)
    leave(services, chief.principal)
    assert len(services.people.list(LOCAL)) == 2
