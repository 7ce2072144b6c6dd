"""The tables of the app database. A change here needs a migration beside it.

Full-text search is not here: it is made by the database at hand (``search.py``).
Tables of one subject may have a file of their own, ``schema_accounts.py``; importing
it here makes them part of ``metadata``.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from resources.stores import (
    schema_accounts,
    schema_filters,
    schema_ledger,
    schema_limits,
    schema_playing,
    schema_upkeep,
)
from resources.stores.columns import Moment, Number, metadata, moment
from resources.stores.schema_jobs import (
    batch,
    job,
    job_step,
    job_text,
    job_view,
)
from resources.stores.schema_sharing import document_guest, document_share

__all__ = [
    "Moment",
    "Number",
    "batch",
    "document_guest",
    "document_share",
    "job",
    "job_step",
    "job_text",
    "job_view",
    "metadata",
    "schema_accounts",
    "schema_filters",
    "schema_ledger",
    "schema_limits",
    "schema_playing",
    "schema_upkeep",
]

SCHEMA_HEAD = "0016"
"""The newest migration, so that starting needs no look at the migrations."""


IS_CUSTOM_VOICE = text("substr(voice_id, 1, 7) = 'custom:'")
"""Of ``block_audio``: its rows by voice are asked for with this, and few have it."""


def _document_id(*, primary_key: bool = False) -> Column[str]:
    return Column(
        "document_id",
        String(32),
        ForeignKey("document.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


document = Table(
    "document",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("format", String(16), nullable=False),
    Column("blob", String(64), nullable=False),
    Column("size_bytes", Number, nullable=False),
    Column("state", String(16), nullable=False),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("page_count", Integer, nullable=False),
    Column("block_count", Integer, nullable=False),
    Column("spoken_chars", Number, nullable=False),
    Column("word_count", Number, nullable=False),
    Column("language", String(16), nullable=False),
    Column("blocks_blob", String(64)),
    Column("policy", JSON, nullable=False),
    Column("voice_id", String(128)),
    moment("created_at"),
    moment("updated_at"),
    moment("deleted_at", optional=True),
    Index(None, "owner_id", "created_at"),
    Index(None, "owner_id", "blob"),
    Index(None, "deleted_at"),
    Index(None, "blob"),
    Index(None, "blocks_blob"),
)

document_text = Table(
    "document_text",
    metadata,
    _document_id(primary_key=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("plain", Text, nullable=False, server_default=""),  # as it is searched
)

artifact = Table(
    "artifact",
    metadata,
    _document_id(primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("blob", String(64), nullable=False),
    Column("metadata", JSON, nullable=False),
    moment("created_at"),
    moment("used_at", optional=True),  # by a person, to the day
    Index(None, "name"),
    Index(None, "blob"),
)

page_cache = Table(
    "page_cache",
    metadata,
    Column("content_digest", String(64), primary_key=True),
    Column("engine", String(128), primary_key=True),
    Column("page", LargeBinary, nullable=False),
    moment("created_at"),
    Index(None, "created_at"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    Column("scopes", JSON, nullable=False),
    moment("created_at"),
    moment("expires_at", optional=True),
    moment("last_used_at", optional=True),
    moment("revoked_at", optional=True),
    Index(None, "owner_id", "created_at"),
)

upload = Table(
    "upload",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("size_bytes", Number, nullable=False),
    Column("offset_bytes", Number, nullable=False),
    moment("created_at"),
    moment("updated_at"),
    Index(None, "owner_id"),
    Index(None, "updated_at"),
)

variant = Table(
    "variant",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("blob", String(64), nullable=False),
    Column("words", Text, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("engine", String(128), nullable=False),
    Column("voice_id", String(128), nullable=False),
    Column("chars", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("token", Integer, nullable=False),
    Column("first_owner_id", String(64), nullable=False),
    Column("first_document_id", String(32), nullable=False),
    # Which block the ancestor's design would call the owner of this sound.
    Column("legacy_block_id", String(36), nullable=False),
    moment("created_at"),
    # Not swept before, even when no block links to it.
    moment("kept_until", optional=True),
    Index(None, "blob"),
)

claim = Table(
    "claim",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("holder", String(128), nullable=False),
    Column("token", Integer, nullable=False),
    moment("expires_at"),
)

block_audio = Table(
    "block_audio",
    metadata,
    _document_id(primary_key=True),
    Column("voice_id", String(128), primary_key=True),
    Column("block_index", Integer, primary_key=True),
    Column("block_id", String(36), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("key", String(64), nullable=False),
    Column("duration_ms", Integer, nullable=False),
    # Grows within a document, so that a reader can ask for what is new.
    Column("sequence", Number, nullable=False),
    moment("linked_at"),
    Index(None, "key", "document_id"),
    Index(
        "ix_block_audio_custom_voice",
        "voice_id",
        postgresql_where=IS_CUSTOM_VOICE,
        sqlite_where=IS_CUSTOM_VOICE,
    ),
    Index(None, "document_id", "sequence"),
)

cursor = Table(
    "cursor",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    _document_id(primary_key=True),
    Column("block_index", Integer, nullable=False),
    Column("offset_ms", Integer, nullable=False),
    Column("playing", Boolean, nullable=False),
    Column("rate", Float, nullable=False),
    Column("voice_id", String(128), nullable=False),
    Column("session", String(64), nullable=False),
    Column("sequence", Number, nullable=False),
    moment("updated_at"),
    Index(None, "document_id"),
)

bookmark = Table(
    "bookmark",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    _document_id(),
    Column("block_id", String(36), nullable=False),
    Column("block_index", Integer, nullable=False),
    Column("offset_ms", Integer, nullable=False),
    Column("label", Text, nullable=False),
    moment("created_at"),
    Index(None, "owner_id", "document_id"),
    Index(None, "document_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("event_id", String(128), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("part", String(64)),
    moment("at"),
    moment("published_at", optional=True),
    Index(None, "published_at", "id"),
    sqlite_autoincrement=True,
)

preference = Table(
    "preference",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
    moment("updated_at"),
)

voice = Table(
    "voice",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("engine", String(64), nullable=False),
    Column("slug", String(96), nullable=False),
    Column("name", Text, nullable=False),
    Column("language", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("recipe", JSON, nullable=False),  # lectern/speech/custom_voices.py
    Column("engine_version", String(128), nullable=False),
    Column("licence", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("audio_blob", String(64)),  # of a reference: the clip
    Column("tensor_blob", String(64)),  # of a mix that came with its tensor
    moment("created_at"),
    moment("updated_at"),
    moment("deleted_at", optional=True),
    UniqueConstraint("owner_id", "engine", "slug"),
    Index(None, "visibility"),
    Index(None, "deleted_at"),
    Index(None, "audio_blob"),
    Index(None, "tensor_blob"),
)


def _voice_id(*, primary_key: bool = False) -> Column[str]:
    return Column(
        "voice_id",
        String(32),
        ForeignKey("voice.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


voice_share = Table(
    "voice_share",
    metadata,
    Column("id", String(32), primary_key=True),
    _voice_id(),
    Column("token_digest", String(64), nullable=False, unique=True),
    moment("created_at"),
    Index(None, "voice_id"),
)

voice_guest = Table(
    "voice_guest",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    _voice_id(primary_key=True),
    # Taken back with the link that was accepted.
    Column(
        "share_id",
        String(32),
        ForeignKey("voice_share.id", ondelete="CASCADE"),
        nullable=False,
    ),
    moment("accepted_at"),
    Index(None, "voice_id"),
    Index(None, "share_id"),
)
