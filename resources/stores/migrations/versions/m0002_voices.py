"""Voices that people make, and with whom they share them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of custom voices."""
    op.create_table(
        "voice",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("slug", sa.String(length=96), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("engine_version", sa.String(length=128), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("audio_blob", sa.String(length=64), nullable=True),
        sa.Column("tensor_blob", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice")),
        sa.UniqueConstraint(
            "owner_id", "engine", "slug", name=op.f("uq_voice_owner_id_engine_slug")
        ),
    )
    for column in ("visibility", "deleted_at", "audio_blob", "tensor_blob"):
        op.create_index(op.f(f"ix_voice_{column}"), "voice", [column], unique=False)
    op.create_table(
        "voice_share",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("voice_id", sa.String(length=32), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["voice_id"],
            ["voice.id"],
            name=op.f("fk_voice_share_voice_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_share")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_voice_share_token_digest")),
    )
    op.create_index(
        op.f("ix_voice_share_voice_id"), "voice_share", ["voice_id"], unique=False
    )
    op.create_table(
        "voice_guest",
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("voice_id", sa.String(length=32), nullable=False),
        sa.Column("share_id", sa.String(length=32), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["voice_id"],
            ["voice.id"],
            name=op.f("fk_voice_guest_voice_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["share_id"],
            ["voice_share.id"],
            name=op.f("fk_voice_guest_share_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("owner_id", "voice_id", name=op.f("pk_voice_guest")),
    )
    for column in ("voice_id", "share_id"):
        op.create_index(
            op.f(f"ix_voice_guest_{column}"), "voice_guest", [column], unique=False
        )
