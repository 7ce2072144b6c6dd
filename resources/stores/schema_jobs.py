"""The tables of jobs: what is done and was done, how it is found, how fast it went."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from resources.stores.columns import Moment, Number, metadata, moment

IS_LISTENING = text(
    "kind = 'listen' AND state IN ('queued', 'running') AND NOT cancel_requested"
)
"""Of ``job``: a person has one of these for a document."""


def _job_id(*, primary_key: bool = False, unique: bool = False) -> Column[str]:
    return Column(
        "job_id",
        String(36),
        ForeignKey("job.id", ondelete="CASCADE"),
        primary_key=primary_key,
        unique=unique,
        nullable=False,
    )


job = Table(
    "job",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    # No reference: what was done is remembered when the document is gone.
    Column("document_id", String(32), nullable=False),
    Column("title", Text, nullable=False, server_default=""),  # the document's
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
    moment("created_at"),
    moment("started_at", optional=True),
    moment("finished_at", optional=True),
    moment("heartbeat_at", optional=True),
    moment("step_started_at", optional=True),
    # Of what is done, how much was there before; and when it last became more.
    Column("found", Number, nullable=False, server_default="0"),
    moment("progressed_at", optional=True),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("batch_id", String(32)),
    # Of a batch's job: not before this moment, and since when it may have a run.
    moment("not_before", optional=True),
    moment("released_at", optional=True),
    # What does it, and where: empty until its run knows.
    Column("engine", String(128), nullable=False, server_default=""),
    Column("voice_id", String(128), nullable=False, server_default=""),
    Column("machine", String(64), nullable=False, server_default=""),
    Index(None, "owner_id", "created_at", "id"),
    Index(None, "owner_id", "state", "created_at", "id"),
    Index(None, "owner_id", "kind", "created_at", "id"),
    Index(None, "owner_id", "engine", "created_at", "id"),
    Index(None, "owner_id", "voice_id", "created_at", "id"),
    Index(None, "document_id"),
    Index(None, "state", "heartbeat_at"),
    Index(None, "batch_id", "state"),
    Index(None, "finished_at"),
    Index(None, "run_id"),
    Index(
        "uq_job_one_listener",
        "owner_id",
        "document_id",
        unique=True,
        postgresql_where=IS_LISTENING,
        sqlite_where=IS_LISTENING,
    ),
)

batch = Table(
    "batch",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("recogniser", String(64), nullable=False),  # empty: nothing is recognised
    Column("voice_id", String(128), nullable=False),  # empty: nothing is spoken
    Column("is_off_peak", Boolean, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("chars", Number, nullable=False),  # to be spoken, when it was begun
    Column("pages", Number, nullable=False),
    Column("price_micros", Number),  # as quoted; unset is not known
    moment("created_at"),
    moment("cancelled_at", optional=True),
    Index(None, "owner_id", "created_at"),
)

job_text = Table(
    "job_text",
    metadata,
    # In order of creation, and what a full-text index calls the row.
    Column("number", Number, primary_key=True, autoincrement=True),
    _job_id(unique=True),
    Column("owner_id", String(64), nullable=False),
    Column("title", Text, nullable=False),  # both as they are searched
    Column("words", Text, nullable=False),
    Index(None, "owner_id", "number"),
    sqlite_autoincrement=True,
)

job_step = Table(
    "job_step",
    metadata,
    _job_id(primary_key=True),
    Column("step", String(64), primary_key=True),
    Column("started_at", Moment, primary_key=True),
    moment("ended_at"),
    Column("kind", String(16), nullable=False),
    Column("engine", String(128), nullable=False),
    Column("machine", String(64), nullable=False),
    Column("done", Number, nullable=False),
    Column("total", Number, nullable=False),
    Column("found", Number, nullable=False),
    Index(None, "kind", "step", "engine", "machine", "ended_at"),
    Index(None, "kind", "step", "engine", "ended_at"),
    Index(None, "kind", "step", "ended_at"),
)

job_view = Table(
    "job_view",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("filter", JSON, nullable=False),
    moment("created_at"),
    UniqueConstraint("owner_id", "name"),
)
