"""Documents that are shared: by link, and with people."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables of shares and of who was let in."""
    op.create_table(
        "document_share",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=True),
        sa.Column("named", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        _of("document_share", "document"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_share")),
        sa.UniqueConstraint(
            "token_digest", name=op.f("uq_document_share_token_digest")
        ),
    )
    op.create_index(
        op.f("ix_document_share_document_id"), "document_share", ["document_id"]
    )
    op.create_table(
        "document_guest",
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("share_id", sa.String(length=32), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("voice_id", sa.String(length=128), nullable=True),
        sa.Column("accepted_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        _of("document_guest", "document_share", column="share_id"),
        _of("document_guest", "document"),
        sa.PrimaryKeyConstraint("owner_id", "share_id", name=op.f("pk_document_guest")),
    )
    op.create_index(
        op.f("ix_document_guest_document_id_owner_id"),
        "document_guest",
        ["document_id", "owner_id"],
    )
    op.create_index(op.f("ix_document_guest_share_id"), "document_guest", ["share_id"])


def _of(
    table: str, other: str, *, column: str = "document_id"
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column],
        [f"{other}.id"],
        name=op.f(f"fk_{table}_{column}"),
        ondelete="CASCADE",
    )
