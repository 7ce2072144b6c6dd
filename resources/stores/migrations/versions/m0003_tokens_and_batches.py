"""Tokens of the API, batches of jobs, and audio that is kept for longer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create both tables, and add to jobs and variants."""
    _create_api_token()
    _create_batch()
    op.add_column(
        "job", sa.Column("priority", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("job", sa.Column("batch_id", sa.String(length=32), nullable=True))
    op.add_column("job", sa.Column("not_before", MOMENT, nullable=True))
    op.add_column("job", sa.Column("released_at", MOMENT, nullable=True))
    op.create_index(
        op.f("ix_job_batch_id_state"), "job", ["batch_id", "state"], unique=False
    )
    op.add_column("variant", sa.Column("kept_until", MOMENT, nullable=True))


def _create_api_token() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_token_digest")),
    )
    op.create_index(
        op.f("ix_api_token_owner_id_created_at"),
        "api_token",
        ["owner_id", "created_at"],
        unique=False,
    )


def _create_batch() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recogniser", sa.String(length=64), nullable=False),
        sa.Column("voice_id", sa.String(length=128), nullable=False),
        sa.Column("is_off_peak", sa.Boolean(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("chars", NUMBER, nullable=False),
        sa.Column("pages", NUMBER, nullable=False),
        sa.Column("price_micros", NUMBER, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("cancelled_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index(
        op.f("ix_batch_owner_id_created_at"),
        "batch",
        ["owner_id", "created_at"],
        unique=False,
    )
