"""Filters and their versions."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "text_filter",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["document.id"],
            name=op.f("fk_text_filter_document_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_filter")),
    )
    op.create_index(
        op.f("ix_text_filter_owner_id_document_id"),
        "text_filter",
        ["owner_id", "document_id"],
    )
    op.create_index(op.f("ix_text_filter_document_id"), "text_filter", ["document_id"])
    op.create_table(
        "text_filter_version",
        sa.Column("filter_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["filter_id"],
            ["text_filter.id"],
            name=op.f("fk_text_filter_version_filter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "filter_id", "version", name=op.f("pk_text_filter_version")
        ),
    )
    op.create_table(
        "text_filter_set",
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_text_filter_set")),
    )
