"""Jobs: what their present step found done, and when it last got on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add both columns."""
    op.add_column("job", sa.Column("found", NUMBER, server_default="0", nullable=False))
    op.add_column("job", sa.Column("progressed_at", MOMENT, nullable=True))
