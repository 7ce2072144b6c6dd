"""The tables of shared documents: the ways in, and who came in by them."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from resources.stores.columns import Moment, metadata

document_share = Table(
    "document_share",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "document_id",
        String(32),
        ForeignKey("document.id", ondelete="CASCADE"),
        nullable=False,
    ),
    # Of a link: the digest of what it carries. Of a person let in: empty.
    Column("token_digest", String(64), unique=True),
    # Whom the owner named, in the words it was done with; empty for a link.
    Column("named", Text, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),  # unset: never
    Index(None, "document_id"),
)

document_guest = Table(
    "document_guest",
    metadata,
    Column("owner_id", String(64), primary_key=True),  # who was let in
    # Taken back with the share that was accepted.
    Column(
        "share_id",
        String(32),
        ForeignKey("document_share.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "document_id",
        String(32),
        ForeignKey("document.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("voice_id", String(128)),  # in which they hear it, if they chose
    Column("accepted_at", Moment, nullable=False),
    Column("expires_at", Moment),  # the share's
    Index(None, "document_id", "owner_id"),
    Index(None, "share_id"),
)
