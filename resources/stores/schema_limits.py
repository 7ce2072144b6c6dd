"""The tables of what people may use, of what they used today, and how fast they go."""

from sqlalchemy import JSON, Column, Index, String, Table

from resources.stores.columns import Number, metadata, moment

person_limits = Table(
    "person_limits",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("plan", String(32)),  # unset: that of their role
    Column("overrides", JSON, nullable=False),  # lectern/accounts/limits.py
    moment("updated_at"),
)

# Append-only: a trigger refuses to change or delete what stands here.
limits_audit = Table(
    "limits_audit",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("owner_id", String(64), nullable=False),  # whose limits they are
    Column("changed_by", String(64), nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    moment("at"),
    Index(None, "owner_id", "id"),
)

daily_use = Table(
    "daily_use",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("unit", String(16), primary_key=True),
    Column("day", String(10), primary_key=True),  # in UTC, 2026-11-21
    Column("amount", Number, nullable=False),
    Index(None, "day"),
)

rate = Table(
    "rate",
    metadata,
    Column("key", String(160), primary_key=True),
    # When nothing of it would be in use any more, in microseconds since 1970.
    Column("free_at_us", Number, nullable=False),
    Index(None, "free_at_us"),
)
