"""Which variants are free to be made, decided so that two can never both think so."""

from datetime import datetime

from sqlalchemy import Connection, select

from lectern.ids import VariantKey
from resources.stores import schema
from resources.stores.upsert import insert_new

_variant = schema.variant.c
_claim = schema.claim.c


def free_tokens(
    connection: Connection, keys: list[VariantKey], now: datetime
) -> dict[VariantKey, int]:
    """Return the next token of each key that neither exists nor is claimed.

    The rows of the keys are there and locked when this returns, so that the caller's
    transaction alone decides who holds them.
    """
    existing = _existing(connection, keys)
    missing = [key for key in keys if key not in existing]
    rows = [
        {"key": key, "holder": "", "token": 0, "expires_at": now} for key in missing
    ]
    insert_new(connection, schema.claim, rows, by=["key"])
    query = select(_claim.key, _claim.token, _claim.expires_at, _claim.holder)
    locked = query.where(_claim.key.in_(missing)).order_by(_claim.key)
    found = {row.key: row for row in connection.execute(locked.with_for_update())}
    # One may have been completed while this waited for its lock.
    completed = _existing(connection, missing)
    return {
        key: found[key].token + 1
        for key in missing
        if key in found
        and key not in completed
        and not (found[key].holder and found[key].expires_at > now)
    }


def _existing(connection: Connection, keys: list[VariantKey]) -> set[VariantKey]:
    return set(connection.scalars(select(_variant.key).where(_variant.key.in_(keys))))
