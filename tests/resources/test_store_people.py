"""People come in while they may, and are out at once when they may not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from lectern.accounts.people import LOCAL, Role
from lectern.accounts.sessions import Method, new_secret
from lectern.errors import InvalidRequest, NameTaken, NotFound
from lectern.ids import OwnerId
from resources.services import Services
from resources.stores.sessions import Sessions
from tests.support.accounts import add_person
from tests.support.stores import Clock

HOUR = 3600
DAY = 24 * HOUR


def test_an_address_is_one_person_however_it_is_written(services: Services):
    anna = services.people.add(" Anna@Example.org ", name="Anna  A")

    assert services.people.by_email("ANNA@example.ORG") == anna
    assert (anna.email, anna.name, anna.role) == ("Anna@Example.org", "Anna A", "user")
    with pytest.raises(NameTaken):
        services.people.add("anna@EXAMPLE.org")


def test_one_address_asked_for_by_many_at_once_is_one_person(services: Services):
    def add(_: int) -> bool:
        try:
            services.people.add("anna@example.org")
        except NameTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(8))) == 1


def test_a_session_is_told_by_its_text_alone(timed: Services):
    anna = add_person(timed, "anna")
    session, secret = timed.sessions.begin(
        anna.owner_id, method=Method.PASSWORD, device="Fire\x00fox", address="10.0.0.1"
    )

    found = timed.sessions.told_by(secret)

    assert found is not None
    assert (found.session, found.person.owner_id) == (session, anna.owner_id)
    assert found.person.seen_at == session.created_at
    assert (session.device, session.address) == ("Firefox", "10.0.0.1")
    for other in (new_secret(), secret[:-1], secret + "x", "", session.id, "🙂" * 43):
        assert timed.sessions.told_by(other) is None


def test_the_text_of_a_session_is_kept_nowhere(services: Services):
    anna = add_person(services, "anna")
    _, secret = services.sessions.begin(anna.owner_id, method=Method.PASSWORD)

    with services.database.read() as connection:
        row = connection.execute(text("SELECT * FROM session")).mappings().one()

    assert secret not in " ".join(map(str, row.values()))


def test_a_session_ends_when_nobody_uses_it(timed: Services, clock: Clock):
    secret = begin(timed)

    for _ in range(3):
        clock.pass_(11 * HOUR)
        assert timed.sessions.told_by(secret)
    clock.pass_(12 * HOUR + 1)

    assert timed.sessions.told_by(secret) is None


def test_a_session_ends_however_much_it_is_used(timed: Services, clock: Clock):
    secret = begin(timed)

    for _ in range(30 * 24 // 10 - 1):
        clock.pass_(10 * HOUR)
        assert timed.sessions.told_by(secret)
    clock.pass_(10 * HOUR)

    assert timed.sessions.told_by(secret) is None
    assert timed.sessions.sweep() == 1


def begin(services: Services) -> str:
    """Sign somebody in; return the session's text."""
    anna = add_person(services, "anna")
    return services.sessions.begin(anna.owner_id, method=Method.PASSWORD)[1]


def test_signing_in_ends_the_session_before(services: Services):
    anna = add_person(services, "anna")
    _, before = services.sessions.begin(anna.owner_id, method=Method.GUEST)
    _, after = services.sessions.begin(
        anna.owner_id, method=Method.PASSWORD, instead_of=before
    )

    assert services.sessions.told_by(before) is None
    assert services.sessions.told_by(after)


def test_sessions_are_listed_and_ended_by_their_person_alone(timed: Services):
    anna, berta = add_person(timed, "anna"), add_person(timed, "berta")
    first, secret = timed.sessions.begin(anna.owner_id, method=Method.PASSWORD)
    second, _ = timed.sessions.begin(anna.owner_id, method=Method.LINK)

    with pytest.raises(NotFound):
        timed.sessions.end(berta.principal, first.id)
    assert {each.id for each in timed.sessions.list(anna.principal)} == {
        first.id,
        second.id,
    }
    assert timed.sessions.list(berta.principal) == []
    timed.sessions.end(anna.principal, second.id)
    with pytest.raises(NotFound):
        timed.sessions.end(anna.principal, second.id)
    assert timed.sessions.told_by(secret)
    assert timed.sessions.end_all(anna.principal) == 1
    assert timed.sessions.told_by(secret) is None


def test_who_is_disabled_is_out_at_once_and_stays_out_of_old_sessions(timed: Services):
    chief = add_person(timed, "chief", role=Role.OPERATOR)
    anna = add_person(timed, "anna")
    session, secret = timed.sessions.begin(anna.owner_id, method=Method.PASSWORD)

    timed.people.disable(chief.principal, anna.owner_id)

    assert timed.sessions.told_by(secret) is None
    assert timed.sessions.going_on(session.id) is None
    assert timed.people.acting(anna.owner_id) is None
    with pytest.raises(NotFound):
        timed.sessions.begin(anna.owner_id, method=Method.PASSWORD)
    timed.people.enable(chief.principal, anna.owner_id)
    assert timed.sessions.told_by(secret) is None
    assert timed.people.acting(anna.owner_id) == anna.principal


def test_only_operators_see_and_change_people(services: Services):
    anna = add_person(services, "anna").principal
    people = services.people

    for forbidden in (
        lambda: people.list(anna),
        lambda: people.disable(anna, anna.owner_id),
        lambda: people.enable(anna, anna.owner_id),
        lambda: people.set_role(anna, anna.owner_id, Role.OPERATOR),
    ):
        with pytest.raises(NotFound):
            forbidden()
    assert people.acting(anna.owner_id).role is Role.USER


def test_people_are_found_by_address_and_name(services: Services):
    for name in ("anna", "berta_b", "berta%"):
        services.people.add(f"{name}@example.org", name=f"The {name.title()}")
    found = services.people.list(LOCAL, search="A_B")

    assert [each.name for each in found] == ["The Berta_B"]
    assert len(services.people.list(LOCAL)) == 3


def test_there_is_always_somebody_to_operate(services: Services):
    chiefs = [add_person(services, f"chief{n}", role=Role.OPERATOR) for n in range(4)]

    def leave(chief) -> bool:
        try:
            services.people.set_role(chief.principal, chief.owner_id, Role.USER)
        except InvalidRequest:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(leave, chiefs)) == 3
    [last] = [p for p in services.people.list(LOCAL) if p.role is Role.OPERATOR]
    with pytest.raises(InvalidRequest, match="only operator"):
        services.people.disable(LOCAL, last.owner_id)


def test_the_first_operator_may_own_what_was_there_before(services: Services):
    chief = services.people.add("c@example.org", owner_id=LOCAL.owner_id)

    assert chief.principal == LOCAL
    with pytest.raises(NameTaken):
        services.people.add("d@example.org", owner_id=OwnerId("local"))


def test_being_seen_is_written_once_a_minute(timed: Services, clock: Clock):
    anna = add_person(timed, "anna")
    _, secret = timed.sessions.begin(anna.owner_id, method=Method.PASSWORD)
    began = clock.now

    clock.pass_(59)
    timed.sessions.told_by(secret)
    assert timed.sessions.list(anna.principal)[0].seen_at == began
    clock.pass_(1)
    timed.sessions.told_by(secret)

    assert timed.sessions.list(anna.principal)[0].seen_at == clock.now
    assert timed.people.get(anna.owner_id).seen_at == clock.now


def test_another_installations_lifetime_is_its_own(timed: Services, clock: Clock):
    short = timed.settings.accounts.model_copy(update={"idle_hours": 0.5}).lifetime
    sessions = Sessions(timed.database, lifetime=short)
    secret = begin(timed)

    clock.pass_(timedelta(minutes=31).total_seconds())

    assert sessions.told_by(secret) is None
    assert timed.sessions.told_by(secret)
