"""What people pay for, and the notices about it that were worked on."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from lectern.accounts.billing import Subscription
from lectern.accounts.people import Principal
from resources.stores import schema_ledger
from resources.stores.clearing import delete_where
from resources.stores.database import Database
from resources.stores.upsert import dialect_insert, insert_if_new

NOTICES_KEPT = timedelta(days=90)
"""Stripe sends a notice again for three days, and by hand for a month."""

_subscription = schema_ledger.subscription.c
_notice = schema_ledger.billing_notice.c


class Subscriptions:
    """The tables of subscriptions and notices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, subscription: Subscription) -> bool:
        """Keep what was fetched; False when what is there was fetched later."""
        row = {
            "id": subscription.id,
            "owner_id": subscription.owner_id,
            "plan": subscription.plan,
            "state": subscription.state,
            "customer": subscription.customer,
            "fetched_at": subscription.fetched_at,
        }
        with self._database.write() as connection:
            statement = dialect_insert(connection, schema_ledger.subscription)
            values = statement.values(row)
            fresher = _subscription.fetched_at <= values.excluded.fetched_at
            done = connection.execute(
                values.on_conflict_do_update(
                    index_elements=["id"],
                    set_={name: values.excluded[name] for name in row if name != "id"},
                    where=fresher,
                )
            )
        return done.rowcount == 1

    def of(self, principal: Principal) -> Sequence[Subscription]:
        """Return what somebody pays or has paid for, what was heard of last first."""
        query = select(schema_ledger.subscription).where(
            _subscription.owner_id == principal.owner_id
        )
        newest = query.order_by(_subscription.fetched_at.desc(), _subscription.id)
        with self._database.read() as connection:
            rows = connection.execute(newest).mappings()
            return [Subscription(**row) for row in rows]

    def is_known(self, notice_id: str) -> bool:
        """Tell whether a notice was worked on before."""
        query = select(_notice.id).where(_notice.id == notice_id)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def remember(self, notice_id: str, kind: str) -> bool:
        """Write down that a notice was worked on; False when it was before."""
        row = {"id": notice_id, "kind": kind, "at": self._database.now()}
        with self._database.write() as connection:
            return insert_if_new(connection, schema_ledger.billing_notice, row)

    def drop_old_notices(self) -> int:
        """Forget notices that are not sent again any more."""
        before = self._database.now() - NOTICES_KEPT
        table = schema_ledger.billing_notice
        return delete_where(self._database, table, _notice.at < before)
