"""Indices for questions that read a whole table in a large library.

Made within the transaction, as the program stands still meanwhile: some seconds at
ten million blocks. A killed migration leaves nothing half made, which it would with
``CREATE INDEX CONCURRENTLY``.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

IS_CUSTOM_VOICE = sa.text("substr(voice_id, 1, 7) = 'custom:'")


def upgrade() -> None:
    """Create them."""
    for table, column in (
        ("job", "run_id"),
        # For deletions of a document, which look for what refers to it.
        ("cursor", "document_id"),
        ("bookmark", "document_id"),
        ("artifact", "name"),
        # For the sweep, which asks whether a blob is named.
        ("document", "blob"),
        ("document", "blocks_blob"),
        ("artifact", "blob"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index(
        "ix_block_audio_custom_voice",
        "block_audio",
        ["voice_id"],
        postgresql_where=IS_CUSTOM_VOICE,
        sqlite_where=IS_CUSTOM_VOICE,
    )
