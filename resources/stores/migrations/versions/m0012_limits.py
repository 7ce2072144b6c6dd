"""What each person may use, who changed it, and what was used today."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "person_limits",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("plan", sa.String(32), nullable=True),
        sa.Column("overrides", sa.JSON(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name="pk_person_limits"),
    )
    op.create_table(
        "limits_audit",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limits_audit"),
    )
    op.create_index("ix_limits_audit_owner_id_id", "limits_audit", ["owner_id", "id"])
    op.create_table(
        "daily_use",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("amount", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "unit", "day", name="pk_daily_use"),
    )
    op.create_index("ix_daily_use_day", "daily_use", ["day"])
    op.create_table(
        "rate",
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("free_at_us", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_rate"),
    )
    op.create_index("ix_rate_free_at_us", "rate", ["free_at_us"])
    op.create_index("ix_job_owner_id_state", "job", ["owner_id", "state"])
    _refuse_changes()


def _refuse_changes() -> None:
    """Let nothing of the audit be changed or deleted."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_limits_audit() RETURNS trigger AS "
            "$$ BEGIN RAISE EXCEPTION 'limits_audit is append-only'; END $$ "
            "LANGUAGE plpgsql"
        )
        op.execute(
            "CREATE TRIGGER limits_audit_kept BEFORE UPDATE OR DELETE ON limits_audit "
            "FOR EACH ROW EXECUTE FUNCTION refuse_limits_audit()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER limits_audit_no_{change.lower()} BEFORE {change} ON "
            "limits_audit BEGIN SELECT RAISE(ABORT, 'limits_audit is append-only'); END"
        )
