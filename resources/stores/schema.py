"""The tables of the app database. A change here needs a migration beside it.

Full-text search is not here: it is made by the database at hand (``search.py``).
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

SCHEMA_HEAD = "0001"
"""The newest migration, so that starting needs no look at the migrations."""


class Moment(TypeDecorator[datetime]):
    """A time in UTC; aware in Python whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Turn a time into UTC, without a zone where the database has none."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Give a time its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value


Number = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _document_id(*, primary_key: bool = False) -> Column[str]:
    return Column(
        "document_id",
        String(32),
        ForeignKey("document.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


def _moment(name: str, *, optional: bool = False) -> Column[datetime]:
    return Column(name, Moment, nullable=optional)


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
    _moment("created_at"),
    _moment("updated_at"),
    _moment("deleted_at", optional=True),
    Index(None, "owner_id", "created_at"),
    Index(None, "owner_id", "blob"),
    Index(None, "deleted_at"),
)

document_text = Table(
    "document_text",
    metadata,
    _document_id(primary_key=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
)

artifact = Table(
    "artifact",
    metadata,
    _document_id(primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("blob", String(64), nullable=False),
    Column("metadata", JSON, nullable=False),
    _moment("created_at"),
)

page_cache = Table(
    "page_cache",
    metadata,
    Column("content_digest", String(64), primary_key=True),
    Column("engine", String(128), primary_key=True),
    Column("page", LargeBinary, nullable=False),
    _moment("created_at"),
    Index(None, "created_at"),
)

job = Table(
    "job",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    _document_id(),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", String(64), nullable=False),
    Column("done", Number, nullable=False),
    Column("total", Number, nullable=False),
    Column("message", Text, nullable=False),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("error_retryable", Boolean),
    Column("parameters", JSON, nullable=False),
    Column("run_id", String(64)),
    Column("attempts", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    _moment("created_at"),
    _moment("started_at", optional=True),
    _moment("finished_at", optional=True),
    _moment("heartbeat_at", optional=True),
    _moment("step_started_at", optional=True),
    Index(None, "owner_id", "created_at"),
    Index(None, "document_id"),
    Index(None, "state", "heartbeat_at"),
)

upload = Table(
    "upload",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("size_bytes", Number, nullable=False),
    Column("offset_bytes", Number, nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
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
    _moment("created_at"),
    Index(None, "blob"),
)

claim = Table(
    "claim",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("holder", String(128), nullable=False),
    Column("token", Integer, nullable=False),
    _moment("expires_at"),
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
    _moment("linked_at"),
    Index(None, "key", "document_id"),
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
    _moment("updated_at"),
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
    _moment("created_at"),
    Index(None, "owner_id", "document_id"),
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
    _moment("at"),
    _moment("published_at", optional=True),
    Index(None, "published_at", "id"),
    sqlite_autoincrement=True,
)

preference = Table(
    "preference",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
    _moment("updated_at"),
)
