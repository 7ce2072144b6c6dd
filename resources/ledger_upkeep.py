"""What the ledger needs by the clock: holds of the dead freed, and gauges read."""

from sqlalchemy import select

from lectern.accounts.ledger import EntryKind
from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.ids import OwnerId
from resources.services import Services
from resources.stores import schema, schema_ledger
from resources.stores.measuring import stored_bytes
from resources.stores.subscriptions import Subscriptions


def keep_ledger(services: Services) -> int:
    """Free what nobody works on any more and write down how much everybody stores.

    Returns how many people's storage had changed.
    """
    services.ledger.expire_holds()
    Subscriptions(services.database).drop_old_notices()
    owners = _owners(services)
    return sum(read_storage(services, Principal(owner)) for owner in owners)


def _owners(services: Services) -> list[OwnerId]:
    """Return everybody who stores something, or did when it was last counted."""
    account = schema_ledger.ledger_account.c
    documents = select(schema.document.c.owner_id)
    counted = select(account.owner_id).where(account.unit == Unit.STORAGE_BYTES)
    with services.database.read() as connection:
        found = connection.scalars(documents.union(counted)).all()
    return [OwnerId(owner_id) for owner_id in found]


def read_storage(services: Services, principal: Principal) -> bool:
    """Bring the account of a person's storage to what there really is.

    It is a gauge: what is deleted can be used again, so entries tell of changes alone.
    """
    balance = services.ledger.balances(principal)[Unit.STORAGE_BYTES].balance
    with services.database.read() as connection:
        stored = stored_bytes(connection, principal.owner_id)
    now = services.database.now()
    return services.ledger.correct(
        principal,
        {Unit.STORAGE_BYTES: -stored - balance},
        key=f"gauge:{now.isoformat()}",
        kind=EntryKind.ADJUST,
        reason="What is stored was counted.",
    )
