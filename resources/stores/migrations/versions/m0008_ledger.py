"""The ledger: accounts, holds, credits, and entries that nothing can change."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables and the triggers."""
    _create_tables()
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgres()
    else:
        _guard_on_sqlite()


def _create_tables() -> None:
    op.create_table(
        "ledger_account",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("balance", NUMBER, nullable=False),
        sa.Column("held", NUMBER, nullable=False),
        sa.Column("floor", NUMBER),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "unit", name=op.f("pk_ledger_account")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("delta", NUMBER, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint(
            "owner_id", "key", "unit", name=op.f("uq_ledger_entry_owner_id_key_unit")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_ledger_entry_owner_id_unit_at"),
        "ledger_entry",
        ["owner_id", "unit", "at"],
    )
    op.create_table(
        "ledger_hold",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("amount", NUMBER, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "key", "unit", name=op.f("pk_ledger_hold")),
    )
    op.create_index(
        op.f("ix_ledger_hold_state_expires_at"), "ledger_hold", ["state", "expires_at"]
    )
    op.create_table(
        "ledger_credit",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("source", sa.String(160), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("level", NUMBER, nullable=False),
        sa.Column("amount", NUMBER, nullable=False),
        sa.Column("remaining", NUMBER, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_credit")),
        sa.UniqueConstraint(
            "owner_id",
            "unit",
            "source",
            name=op.f("uq_ledger_credit_owner_id_unit_source"),
        ),
        sqlite_autoincrement=True,
    )


def _guard_on_sqlite() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_entry_no_{change.lower()} "
            f"BEFORE {change} ON ledger_entry BEGIN "
            "SELECT RAISE(ABORT, 'entries of the ledger are never changed'); END"
        )


def _guard_on_postgres() -> None:
    op.execute(
        "CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'entries of the ledger are never changed'; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_entry_guard BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()"
    )
