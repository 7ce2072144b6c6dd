"""The tables of upkeep: what is kept whatever the rules say."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from resources.stores.columns import metadata, moment

WHOLE = ""
"""Instead of the name of an artifact: the document with all that belongs to it."""


def _document_id() -> Column[str]:
    return Column(
        "document_id",
        String(32),
        ForeignKey("document.id", ondelete="CASCADE"),
        primary_key=True,
    )


pin = Table(
    "pin",
    metadata,
    _document_id(),
    Column("name", String(64), primary_key=True),  # of an artifact, or ``WHOLE``
    Column("owner_id", String(64), nullable=False),
    moment("created_at"),
    Index(None, "owner_id"),
)

lease = Table(
    "lease",
    metadata,
    _document_id(),
    Column("owner_id", String(64), nullable=False),
    Column("holder", String(64), nullable=False),  # one open editor
    Column("token", Integer, nullable=False),  # rises whenever the holder changes
    moment("expires_at"),
)
