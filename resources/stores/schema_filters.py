"""The tables of filters, beside ``schema.py``."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table
from sqlalchemy import Text as LongText

from resources.stores.columns import metadata, moment

text_filter = Table(
    "text_filter",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    # Unset: for all documents of the person.
    Column("document_id", String(32), ForeignKey("document.id", ondelete="CASCADE")),
    Column("position", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Index(None, "owner_id", "document_id"),
    Index(None, "document_id"),
)

text_filter_version = Table(
    "text_filter_version",
    metadata,
    Column(
        "filter_id",
        String(32),
        ForeignKey("text_filter.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("version", Integer, primary_key=True),
    Column("name", LongText, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("rules", JSON, nullable=False),
    moment("created_at"),
)

text_filter_set = Table(
    "text_filter_set",
    metadata,
    # Locked by whoever changes a person's filters, and raised each time.
    Column("owner_id", String(64), primary_key=True),
    Column("revision", Integer, nullable=False),
)
