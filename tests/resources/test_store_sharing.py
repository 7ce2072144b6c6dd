"""Documents that are shared: who may read them, what they may not, and for how long."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from lectern.accounts.people import LOCAL, Principal
from lectern.errors import InvalidRequest, LimitReached, NotFound
from lectern.ids import OwnerId
from lectern.jobs.states import JobKind
from resources.services import Services
from resources.stores import ownership, schema, sharing
from resources.stores.cursors import Cursor
from tests.support.stores import (
    OTHER,
    VOICE,
    Clock,
    add_document,
    key_of,
    link_to,
    voice,
)

THIRD = Principal(OwnerId("a-third"))
DAY = timedelta(days=1)


def place(block: int, sequence: int = 1) -> Cursor:
    return Cursor(block, 0, True, 1.0, VOICE, "s", sequence)


def may_read(services: Services, document_id: str, who: Principal = OTHER) -> bool:
    try:
        services.catalog.readable(who, document_id)
    except NotFound:
        return False
    return True


def test_whoever_holds_a_link_may_read_and_nothing_else(services: Services) -> None:
    document = add_document(services, "One.", "Two.")
    _, token = services.shares.make_link(LOCAL, document.id)
    assert not may_read(services, document.id)

    seen = services.shares.accept(OTHER, token)

    assert (seen.id, seen.owner_id, seen.reader) == (document.id, "local", OTHER)
    assert seen.is_shared
    assert not services.catalog.get(LOCAL, document.id).is_shared
    for refused in (
        lambda: services.catalog.get(OTHER, document.id),
        lambda: services.catalog.rename(OTHER, document.id, "Mine"),
        lambda: services.catalog.delete(OTHER, document.id),
        lambda: services.catalog.set_policy(OTHER, document.id, {}),
        lambda: services.shares.of(OTHER, document.id),
        lambda: services.shares.make_link(OTHER, document.id),
        lambda: services.jobs.create(
            OTHER, document_id=document.id, kind=JobKind.EXPORT
        ),
    ):
        with pytest.raises(NotFound):
            refused()
    assert services.catalog.documents(OTHER) == []
    assert not may_read(services, document.id, THIRD)


def test_each_reader_has_a_place_a_voice_and_bookmarks_of_their_own(
    services: Services,
) -> None:
    document = add_document(services, "One.", "Two.")
    services.catalog.set_voice(LOCAL, document.id, "espeak:en-gb")
    services.shares.let_in(LOCAL, document.id, OTHER, named="b@example.org")

    services.cursors.put(OTHER, document.id, place(1))
    services.bookmarks.add(OTHER, document.id, block_id="b", block_index=1)
    mine = services.catalog.set_voice(OTHER, document.id, "espeak:de")

    assert mine.voice_id == "espeak:de"
    assert services.catalog.get(LOCAL, document.id).voice_id == "espeak:en-gb"
    assert services.cursors.get(LOCAL, document.id) is None
    assert services.bookmarks.list(LOCAL, document.id) == []
    assert [one.block_index for one in services.bookmarks.list(OTHER, document.id)]
    again = services.catalog.set_voice(OTHER, document.id, None)
    assert again.voice_id == "espeak:en-gb", "without a choice it is the owner's"


def test_listening_belongs_to_whoever_listens(services: Services) -> None:
    document = add_document(services, "One.")
    services.shares.let_in(LOCAL, document.id, OTHER, named="b@example.org")

    theirs, _ = services.jobs.ensure_listener(
        OTHER, document_id=document.id, parameters={}
    )
    mine, is_new = services.jobs.ensure_listener(
        LOCAL, document_id=document.id, parameters={}
    )

    assert is_new
    assert theirs.owner_id == OTHER.owner_id != mine.owner_id
    with pytest.raises(NotFound):
        services.jobs.get(LOCAL, theirs.id)
    assert services.catalog.titles(OTHER) == {document.id: "A book"}


@pytest.mark.parametrize("documents", [1, ownership.FEW + 2])
def test_a_sound_is_heard_while_its_document_is_shared(
    services: Services, documents: int
) -> None:
    """In few documents and in many it is looked up in another way."""
    shared = add_document(services, "One.")
    voice(services, shared, link_to("One."))
    for _ in range(documents - 1):
        other = add_document(services, "One.")
        services.variants.link(LOCAL, other, voice_id=VOICE, links=[link_to("One.")])
    share = services.shares.let_in(LOCAL, shared.id, OTHER, named="b@example.org")

    assert services.variants.find_own(OTHER, key_of("One.")) is not None
    assert services.variants.keys_of(OTHER, shared.id, VOICE)
    assert services.variants.links_after(OTHER, shared.id, VOICE, 0)
    assert services.variants.find_own(THIRD, key_of("One.")) is None
    services.shares.revoke(LOCAL, shared.id, share.id)
    assert services.variants.find_own(OTHER, key_of("One.")) is None
    assert services.variants.keys_of(OTHER, shared.id, VOICE) == {}
    assert services.variants.links_after(OTHER, shared.id, VOICE, 0) == []


def test_a_share_runs_out_by_itself(timed: Services, clock: Clock) -> None:
    document = add_document(timed, "One.")
    link, token = timed.shares.make_link(
        LOCAL, document.id, expires_at=timed.database.now() + DAY
    )
    timed.shares.accept(OTHER, token)
    assert may_read(timed, document.id)
    assert timed.shares.received(OTHER)

    clock.pass_(DAY.total_seconds())

    assert not may_read(timed, document.id)
    assert timed.shares.received(OTHER) == []
    with pytest.raises(NotFound, match="run out"):
        timed.shares.accept(THIRD, token)
    assert [one.id for one in timed.shares.of(LOCAL, document.id)] == [link.id]
    with pytest.raises(InvalidRequest, match="passed"):
        timed.shares.make_link(LOCAL, document.id, expires_at=timed.database.now())


def test_what_is_taken_back_is_gone_at_once(services: Services) -> None:
    document = add_document(services, "One.")
    link, token = services.shares.make_link(LOCAL, document.id)
    services.shares.accept(OTHER, token)

    services.shares.revoke(LOCAL, document.id, link.id)

    assert not may_read(services, document.id)
    with pytest.raises(NotFound, match="taken back"):
        services.shares.accept(OTHER, token)
    with pytest.raises(NotFound):
        services.shares.revoke(LOCAL, document.id, link.id)
    with pytest.raises(NotFound):
        services.cursors.put(OTHER, document.id, place(0))


def test_who_came_in_by_two_ways_goes_out_with_the_second(services: Services) -> None:
    document = add_document(services, "One.")
    link, token = services.shares.make_link(LOCAL, document.id)
    services.shares.accept(OTHER, token)
    person = services.shares.let_in(LOCAL, document.id, OTHER, named="b@example.org")

    services.shares.revoke(LOCAL, document.id, link.id)
    assert may_read(services, document.id)
    services.shares.revoke(LOCAL, document.id, person.id)
    assert not may_read(services, document.id)


def test_a_deleted_document_is_gone_for_all_and_back_for_all(
    services: Services,
) -> None:
    document = add_document(services, "One.")
    _, token = services.shares.make_link(LOCAL, document.id)
    services.shares.accept(OTHER, token)

    services.catalog.delete(LOCAL, document.id)
    assert not may_read(services, document.id)
    with pytest.raises(NotFound):
        services.shares.accept(THIRD, token)
    services.catalog.restore(LOCAL, document.id)
    assert may_read(services, document.id)

    services.catalog.delete(LOCAL, document.id)
    assert services.catalog.purge(document.id)
    with services.database.read() as connection:
        assert connection.execute(select(schema.document_guest)).all() == []


def test_the_owner_sees_with_whom_and_the_reader_from_whom(
    services: Services,
) -> None:
    first, second = add_document(services, "One."), add_document(services, "Two.")
    services.catalog.rename(LOCAL, second.id, "Letters")
    _, token = services.shares.make_link(LOCAL, first.id)
    for reader in (OTHER, OTHER, THIRD, LOCAL):  # twice is once; one's own is none
        services.shares.accept(reader, token)
    services.shares.let_in(LOCAL, first.id, OTHER, named="b@example.org")
    services.shares.let_in(LOCAL, first.id, OTHER, named="b@example.org")
    services.shares.let_in(LOCAL, second.id, OTHER, named="b@example.org")

    shares = services.shares.of(LOCAL, first.id)

    assert sorted((one.named, one.guests) for one in shares) == [
        ("", 2),
        ("b@example.org", 1),
    ]
    received = services.shares.received(OTHER)
    assert {one.document.id for one in received} == {first.id, second.id}
    assert {one.document.owner_id for one in received} == {LOCAL.owner_id}
    [found] = services.shares.received(OTHER, search="letter")
    assert found.document.id == second.id


def test_a_reader_may_leave(services: Services) -> None:
    document = add_document(services, "One.")
    _, token = services.shares.make_link(LOCAL, document.id)
    services.shares.accept(OTHER, token)
    services.shares.accept(THIRD, token)

    services.shares.leave(OTHER, document.id)

    assert not may_read(services, document.id)
    assert may_read(services, document.id, THIRD)
    with pytest.raises(NotFound):
        services.shares.leave(OTHER, document.id)


def test_no_table_holds_what_a_link_carries(services: Services) -> None:
    document = add_document(services, "One.")
    _, token = services.shares.make_link(LOCAL, document.id)

    with services.database.read() as connection:
        rows = connection.execute(select(schema.document_share)).all()
    assert rows
    assert token not in repr(rows)


def test_a_document_has_so_many_shares_and_no_more(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MOST_SHARES", 2)
    document = add_document(services, "One.")
    for _ in range(2):
        services.shares.make_link(LOCAL, document.id)

    with pytest.raises(LimitReached) as refused:
        services.shares.make_link(LOCAL, document.id)
    assert (refused.value.used, refused.value.limit) == (2, 2)
    with pytest.raises(InvalidRequest, match="yours"):
        services.shares.let_in(LOCAL, document.id, LOCAL, named="a@example.org")
