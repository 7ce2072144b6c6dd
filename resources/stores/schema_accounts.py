"""The tables of people: who they are, how they sign in, and where they are signed in.

``document.owner_id`` and its like name a person by ``person.owner_id``, without a
foreign key: the one person of a single-user installation has no row here.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from resources.stores.columns import metadata, moment


def _owner_id(*, optional: bool = False) -> Column[str]:
    return Column(
        "owner_id",
        String(64),
        ForeignKey("person.owner_id", ondelete="CASCADE"),
        nullable=optional,
    )


person = Table(
    "person",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("email", Text),  # as it was written
    Column("email_key", Text, unique=True),  # as it is found
    Column("name", Text, nullable=False),
    Column("password_hash", Text),  # argon2id, with its parameters
    moment("created_at"),
    moment("expires_at", optional=True),
    moment("disabled_at", optional=True),
    moment("seen_at", optional=True),
    Index(None, "created_at"),
    Index(None, "expires_at"),
)

session = Table(
    "session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    _owner_id(),
    Column("method", String(16), nullable=False),
    Column("device", Text, nullable=False),
    Column("address", String(64), nullable=False),
    moment("created_at"),
    moment("seen_at"),
    moment("expires_at"),
    Index(None, "owner_id"),
    Index(None, "expires_at"),
    Index(None, "seen_at"),
)

# Who somebody is elsewhere: an issuer of OIDC and its subject, or a trusted proxy's
# name for them. The mail address there proves nothing and finds nobody.
identity = Table(
    "identity",
    metadata,
    Column("issuer", String(512), primary_key=True),
    Column("subject", String(256), primary_key=True),
    _owner_id(),
    moment("created_at"),
    Index(None, "owner_id"),
)

# A link that is opened once: an invitation, a new password, a mail address to confirm.
person_link = Table(
    "person_link",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    _owner_id(optional=True),  # for whom; an invitation is for nobody yet
    Column("email", Text),
    Column("role", String(16), nullable=False),
    Column("made_by", String(64), nullable=False),
    moment("created_at"),
    moment("expires_at"),
    Index(None, "owner_id"),
    Index(None, "expires_at"),
)

# How often it was tried to sign in, by account and by network address.
sign_in_attempt = Table(
    "sign_in_attempt",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    moment("until"),  # when the count begins anew
    Index(None, "until"),
)
