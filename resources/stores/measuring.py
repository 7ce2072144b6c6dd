"""How much of what is limited one person has, counted from the rows themselves."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from lectern.ids import OwnerId
from lectern.jobs.states import JobKind, JobState
from resources.stores import schema
from resources.stores.exports import EXPORT

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
CAME_TO_NOTHING = (JobState.FAILED, JobState.CANCELLED)

_document = schema.document.c
_artifact = schema.artifact.c
_upload = schema.upload.c
_voice = schema.voice.c
_job = schema.job.c


def count_documents(connection: Connection, owner_id: OwnerId) -> int:
    """Return how many documents a person has, the trash not counted."""
    mine = select(func.count()).select_from(schema.document)
    live = mine.where(_document.owner_id == owner_id, _document.deleted_at.is_(None))
    return int(connection.execute(live).scalar_one())


def stored_bytes(connection: Connection, owner_id: OwnerId) -> int:
    """Return the bytes of a person's files and exports, of those in the trash too:
    they lie on the disk until they are removed for good."""
    files = select(func.coalesce(func.sum(_document.size_bytes), 0)).where(
        _document.owner_id == owner_id
    )
    size_bytes = _artifact.metadata["size_bytes"].as_integer()
    exports = (
        select(func.coalesce(func.sum(size_bytes), 0))
        .select_from(schema.document)
        .join(schema.artifact, _artifact.document_id == _document.id)
        .where(_document.owner_id == owner_id)
        .where(_artifact.name.startswith(EXPORT, autoescape=True))
    )
    return int(connection.execute(files).scalar_one()) + int(
        connection.execute(exports).scalar_one()
    )


def announced_bytes(connection: Connection, owner_id: OwnerId) -> int:
    """Return the bytes of the files that a person is sending, whole as announced."""
    mine = select(func.coalesce(func.sum(_upload.size_bytes), 0)).where(
        _upload.owner_id == owner_id
    )
    return int(connection.execute(mine).scalar_one())


def count_voices(connection: Connection, owner_id: OwnerId) -> int:
    """Return how many custom voices a person has."""
    mine = select(func.count()).select_from(schema.voice)
    live = mine.where(_voice.owner_id == owner_id, _voice.deleted_at.is_(None))
    return int(connection.execute(live).scalar_one())


def count_jobs(connection: Connection, owner_id: OwnerId) -> int:
    """Return how much work of a person is not finished. What a batch holds and what
    follows a listener do not count: both have limits of their own."""
    mine = select(func.count()).select_from(schema.job)
    counted = mine.where(
        _job.owner_id == owner_id,
        _job.state.in_(UNFINISHED),
        _job.kind != JobKind.LISTEN,
        _job.batch_id.is_(None),
    )
    return int(connection.execute(counted).scalar_one())


def count_exports(connection: Connection, owner_id: OwnerId, *, since: datetime) -> int:
    """Return how many exports a person asked for since then. One that failed or was
    stopped costs nothing."""
    mine = select(func.count()).select_from(schema.job)
    counted = mine.where(
        _job.owner_id == owner_id,
        _job.created_at >= since,
        _job.kind == JobKind.EXPORT,
        _job.state.not_in(CAME_TO_NOTHING),
    )
    return int(connection.execute(counted).scalar_one())
