"""An index on when jobs ended: how many failed lately is asked every few seconds."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create it."""
    op.create_index(op.f("ix_job_finished_at"), "job", ["finished_at"])
