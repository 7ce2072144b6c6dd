"""Texts as they are searched outside SQLite: words alone, without accents."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column, and an index over its letters where the server has one."""
    op.add_column(
        "document_text",
        sa.Column("plain", sa.Text(), nullable=False, server_default=""),
    )
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    offered = sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
    if connection.execute(offered).scalar() is None:
        return  # searching looks through all texts then
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute(
        "CREATE INDEX ix_document_search_plain ON document_text "
        "USING gin (plain gin_trgm_ops)"
    )
