"""How long listeners wait for sound, and how often it ran out."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the table of how listening goes."""
    op.create_table(
        "playing_tally",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("bound_ms", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "bound_ms", name=op.f("pk_playing_tally")),
    )
