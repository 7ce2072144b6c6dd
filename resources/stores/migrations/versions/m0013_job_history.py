"""Jobs outlive their documents, are found by words, and are timed step by step.

SQLite takes no reference away from a table: it is written anew, within the same
transaction, as is everything here.
"""

import sqlalchemy as sa
from alembic import op

from lectern.ids import JobId
from resources.stores.job_search import index_jobs

revision = "0013"
down_revision = "0012"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
ROWS_AT_ONCE = 2000
IS_LISTENING = sa.text(
    "kind = 'listen' AND state IN ('queued', 'running') AND NOT cancel_requested"
)
NEW = (
    ("title", sa.Text()),
    ("engine", sa.String(128)),
    ("voice_id", sa.String(128)),
    ("machine", sa.String(64)),
)
FILTERS = ("state", "kind", "engine", "voice_id")


def upgrade() -> None:
    """Change the table of jobs, and add the tables beside it."""
    _free_jobs_of_documents()
    _keep_titles()
    _leave_one_listener()
    _add_indices()
    _add_tables()
    _add_search()
    _index_all()


def _free_jobs_of_documents() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.drop_constraint("fk_job_document_id", "job", type_="foreignkey")
        for name, kind in NEW:
            op.add_column(
                "job", sa.Column(name, kind, server_default="", nullable=False)
            )
        return
    with op.batch_alter_table("job", recreate="always") as batch:
        batch.drop_constraint("fk_job_document_id", type_="foreignkey")
        for name, kind in NEW:
            batch.add_column(sa.Column(name, kind, server_default="", nullable=False))


def _keep_titles() -> None:
    op.execute(
        "UPDATE job SET title = coalesce("
        "(SELECT title FROM document WHERE document.id = job.document_id), '')"
    )


def _leave_one_listener() -> None:
    """End all but the newest of several that listen to one document."""
    op.execute(
        "UPDATE job SET state = 'cancelled', finished_at = created_at "
        "WHERE kind = 'listen' AND state IN ('queued', 'running') "
        "AND NOT cancel_requested AND EXISTS (SELECT 1 FROM job AS newer "
        "WHERE newer.owner_id = job.owner_id AND newer.document_id = job.document_id "
        "AND newer.kind = 'listen' AND newer.state IN ('queued', 'running') "
        "AND NOT newer.cancel_requested AND (newer.created_at > job.created_at "
        "OR (newer.created_at = job.created_at AND newer.id > job.id)))"
    )


def _add_indices() -> None:
    op.drop_index("ix_job_owner_id_created_at", "job")
    op.drop_index("ix_job_owner_id_state", "job")
    op.create_index(
        op.f("ix_job_owner_id_created_at_id"), "job", ["owner_id", "created_at", "id"]
    )
    for column in FILTERS:
        name = op.f(f"ix_job_owner_id_{column}_created_at_id")
        op.create_index(name, "job", ["owner_id", column, "created_at", "id"])
    op.create_index(
        "uq_job_one_listener",
        "job",
        ["owner_id", "document_id"],
        unique=True,
        postgresql_where=IS_LISTENING,
        sqlite_where=IS_LISTENING,
    )


def _add_tables() -> None:
    op.create_table(
        "job_text",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_job_text_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_job_text")),
        sa.UniqueConstraint("job_id", name=op.f("uq_job_text_job_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_job_text_owner_id_number"), "job_text", ["owner_id", "number"]
    )
    op.create_table(
        "job_step",
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("engine", sa.String(128), nullable=False),
        sa.Column("machine", sa.String(64), nullable=False),
        sa.Column("done", NUMBER, nullable=False),
        sa.Column("total", NUMBER, nullable=False),
        sa.Column("found", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_job_step_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "job_id", "step", "started_at", name=op.f("pk_job_step")
        ),
    )
    for columns in (
        ["kind", "step", "engine", "machine", "ended_at"],
        ["kind", "step", "engine", "ended_at"],
        ["kind", "step", "ended_at"],
    ):
        name = op.f(f"ix_job_step_{'_'.join(columns)}")
        op.create_index(name, "job_step", columns)
    op.create_table(
        "job_view",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filter", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_view")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_job_view_owner_id_name")),
    )


def _add_search() -> None:
    """Make words findable: SQLite keeps its full-text index by triggers."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        installed = sa.text("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        if connection.execute(installed).scalar() is not None:
            op.execute(
                "CREATE INDEX ix_job_search_words ON job_text "
                "USING gin ((title || words) gin_trgm_ops)"
            )
        return
    op.execute(
        "CREATE VIRTUAL TABLE job_search USING fts5(title, words, "
        "content = 'job_text', content_rowid = 'number', tokenize = 'unicode61')"
    )
    forget = (
        "INSERT INTO job_search(job_search, rowid, title, words) "
        "VALUES ('delete', old.number, old.title, old.words);"
    )
    learn = (
        "INSERT INTO job_search(rowid, title, words) "
        "VALUES (new.number, new.title, new.words);"
    )
    for name, when, what in (
        ("added", "INSERT", learn),
        ("removed", "DELETE", forget),
        ("changed", "UPDATE OF title, words", forget + learn),
    ):
        op.execute(
            f"CREATE TRIGGER job_text_{name} AFTER {when} ON job_text BEGIN {what} END"
        )


def _index_all() -> None:
    """Make jobs of before findable, in the order in which they were made."""
    connection = op.get_bind()
    query = sa.text(
        "SELECT id, owner_id, kind, title, error_code, error_message FROM job "
        "WHERE (created_at, id) > (:at, :id) ORDER BY created_at, id LIMIT :most"
    )
    oldest = sa.text("SELECT created_at, id FROM job WHERE id = :id")
    at, last = "0001-01-01 00:00:00", ""
    while True:
        values = {"at": at, "id": last, "most": ROWS_AT_ONCE}
        rows = connection.execute(query, values).all()
        if not rows:
            return
        index_jobs(
            connection,
            [
                (JobId(id_), owner, title, [kind, code or "", message or ""])
                for id_, owner, kind, title, code, message in rows
            ],
        )
        at, last = connection.execute(oldest, {"id": rows[-1][0]}).one()
