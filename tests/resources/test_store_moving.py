"""Moving the app database from SQLite to PostgreSQL."""

from collections.abc import Iterator

import pytest

from lectern.accounts.people import LOCAL
from lectern.errors import InvalidRequest
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from resources.services import Services
from resources.stores.database import Database
from resources.stores.moving import move
from tests.support.postgres import Server
from tests.support.stores import VOICE, add_document, link_to, voice


@pytest.fixture
def before(settings: Settings) -> Iterator[Services]:
    """Yield an embedded library with a bit of everything."""
    services = Services.open(settings)
    document = add_document(services, "The white whale", "a naïve sailor")
    voice(services, document, link_to("The white whale"))
    services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
    services.preferences.put(LOCAL, "theme", "dark")
    yield services
    services.close()


@pytest.fixture
def address(postgres: Server) -> Iterator[str]:
    """Yield the address of an empty PostgreSQL database."""
    with postgres.database() as url:
        yield url


def test_everything_is_there_after_the_move(before: Services, address: str) -> None:
    tables: dict[str, int] = {}
    target = Database(address)

    total = move(before.database, target, moved=tables.__setitem__)

    target.close()
    after = Services.open(before.settings.model_copy(update={"database_url": address}))
    [document] = after.catalog.documents(LOCAL, search="naive")
    assert document == before.catalog.documents(LOCAL)[0]
    assert after.variants.keys_of(document.principal, document.id, VOICE) == (
        before.variants.keys_of(document.principal, document.id, VOICE)
    )
    assert after.preferences.get(LOCAL, "theme") == "dark"
    assert after.outbox.pending() == before.outbox.pending()
    assert total == sum(tables.values()) > 5
    after.close()


def test_what_comes_later_is_numbered_after_what_was_moved(
    before: Services, address: str
) -> None:
    target = Database(address)
    move(before.database, target, moved=lambda *_: None)
    target.close()
    after = Services.open(before.settings.model_copy(update={"database_url": address}))
    known = {event.event_id for event in after.outbox.pending()}

    add_document(after, "another")

    assert len({event.event_id for event in after.outbox.pending()}) > len(known)
    after.close()


def test_nothing_is_moved_over_what_is_there(before: Services, address: str) -> None:
    target = Database(address)
    move(before.database, target, moved=lambda *_: None)

    with pytest.raises(InvalidRequest, match="Name an empty one"):
        move(before.database, target, moved=lambda *_: None)

    target.close()
