"""People, their sessions, who they are elsewhere, links for them, and attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the five tables."""
    _create_person()
    _create_session()
    _create_identity()
    _create_person_link()
    _create_sign_in_attempt()


def _owner_id(
    table: str, *, nullable: bool = False
) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    reference = sa.ForeignKeyConstraint(
        ["owner_id"],
        ["person.owner_id"],
        name=op.f(f"fk_{table}_owner_id"),
        ondelete="CASCADE",
    )
    return sa.Column("owner_id", sa.String(length=64), nullable=nullable), reference


def _index(table: str, *columns: str) -> None:
    name = op.f(f"ix_{table}_{'_'.join(columns)}")
    op.create_index(name, table, list(columns), unique=False)


def _create_person() -> None:
    op.create_table(
        "person",
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_key", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.Column("seen_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_person")),
        sa.UniqueConstraint("email_key", name=op.f("uq_person_email_key")),
    )
    _index("person", "created_at")
    _index("person", "expires_at")


def _create_session() -> None:
    owner_id, reference = _owner_id("session")
    op.create_table(
        "session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        owner_id,
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        reference,
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
        sa.UniqueConstraint("id", name=op.f("uq_session_id")),
    )
    _index("session", "owner_id")
    _index("session", "expires_at")
    _index("session", "seen_at")


def _create_identity() -> None:
    owner_id, reference = _owner_id("identity")
    op.create_table(
        "identity",
        sa.Column("issuer", sa.String(length=512), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        owner_id,
        sa.Column("created_at", MOMENT, nullable=False),
        reference,
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identity")),
    )
    _index("identity", "owner_id")


def _create_person_link() -> None:
    owner_id, reference = _owner_id("person_link", nullable=True)
    op.create_table(
        "person_link",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        owner_id,
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        reference,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_link")),
        sa.UniqueConstraint("digest", name=op.f("uq_person_link_digest")),
    )
    _index("person_link", "owner_id")
    _index("person_link", "expires_at")


def _create_sign_in_attempt() -> None:
    op.create_table(
        "sign_in_attempt",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_attempt")),
    )
    _index("sign_in_attempt", "until")
