"""The tables of the ledger, beside ``schema.py``; see docs/ledger.md."""

from sqlalchemy import Column, Index, String, Table, Text, UniqueConstraint

from resources.stores.columns import Number, metadata, moment

ledger_account = Table(
    "ledger_account",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("unit", String(16), primary_key=True),
    Column("balance", Number, nullable=False),
    Column("held", Number, nullable=False),
    Column("floor", Number),  # unset: no bound
    # When the plan, grants and expiries have to be looked at again.
    moment("due_at"),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", String(255), nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("delta", Number, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("ref", Text, nullable=False),
    moment("at"),
    UniqueConstraint("owner_id", "key", "unit"),
    Index(None, "owner_id", "unit", "at"),
    sqlite_autoincrement=True,
)
"""Append-only: a trigger refuses every change (see the migration)."""

ledger_hold = Table(
    "ledger_hold",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("key", String(160), primary_key=True),
    Column("unit", String(16), primary_key=True),
    Column("amount", Number, nullable=False),
    Column("state", String(16), nullable=False),
    moment("expires_at"),
    Index(None, "state", "expires_at"),
)

ledger_credit = Table(
    "ledger_credit",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("owner_id", String(64), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("source", String(160), nullable=False),
    Column("period", String(16), nullable=False),  # "" for what is not monthly
    Column("level", Number, nullable=False),  # the monthly amount of the plan then
    Column("amount", Number, nullable=False),
    Column("remaining", Number, nullable=False),
    moment("expires_at", optional=True),
    UniqueConstraint("owner_id", "unit", "source"),
    sqlite_autoincrement=True,
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("plan", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("customer", String(255), nullable=False),
    moment("fetched_at"),
    Index(None, "owner_id"),
)

billing_notice = Table(
    "billing_notice",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("kind", String(64), nullable=False),
    moment("at"),
    Index(None, "at"),
)
