"""Jobs of an older Lectern: kept, found by words, and none listening twice."""

from pathlib import Path

from sqlalchemy import text

from lectern.accounts.people import LOCAL
from lectern.ids import JobId
from lectern.jobs.history import JobFilter, Shown
from lectern.jobs.states import JobState
from lectern.settings import Settings
from resources.services import Services
from resources.stores.database import Database
from resources.stores.migrations import migrate

BEFORE = "0012"
DOCUMENT = (
    "INSERT INTO document (id, owner_id, title, filename, format, blob, size_bytes, "
    "state, version, revision, page_count, block_count, spoken_chars, word_count, "
    "language, policy, created_at, updated_at) VALUES ('d', 'local', 'Möby Dick', "
    "'a.txt', 'text', 'b', 1, 'ready', 1, 1, 1, 1, 1, 1, 'en', '{}', "
    "'2026-01-01 00:00:00', '2026-01-01 00:00:00')"
)
JOB = (
    "INSERT INTO job (id, owner_id, document_id, kind, state, step, done, total, "
    "message, error_code, error_message, parameters, attempts, cancel_requested, "
    "created_at) VALUES (:id, 'local', 'd', :kind, :state, 'Speaking', 1, 2, '', "
    ":code, :message, '{}', 1, false, :at)"
)


def job(id_: str, kind: str, state: str, message: str | None = None) -> dict:
    at = f"2026-01-0{id_[-1]} 00:00:00"
    code = "engine_crashed" if message else None
    return {"id": id_, "kind": kind, "state": state, "code": code} | {
        "message": message,
        "at": at,
    }


def test_jobs_of_before_are_kept_and_found(unmade: Settings) -> None:
    from alembic import command
    from alembic.config import Config

    unmade.root.mkdir(parents=True, exist_ok=True)
    config = Config()
    folder = Path(migrate.__code__.co_filename).parent
    config.set_main_option("script_location", str(folder))
    older = Database(unmade.database)
    with older.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
        connection.execute(text(DOCUMENT))
        for row in (
            job("job-1", "render", "failed", "It fell silent."),
            job("job-2", "listen", "running"),
            job("job-3", "listen", "queued"),
            job("job-4", "prepare", "done"),
        ):
            connection.execute(text(JOB), row)
    older.close()

    services = Services.open(unmade, upgrade=True)

    def shown(**wanted: object) -> list[str]:
        page = services.job_history.page(LOCAL, JobFilter(**wanted))
        return [one.id for one in page.jobs]

    assert shown(shown=Shown.ANY) == ["job-4", "job-3", "job-2", "job-1"]
    assert shown(words="moby silent") == ["job-1"]
    assert services.jobs.find(JobId("job-1")).title == "Möby Dick"
    assert services.jobs.find(JobId("job-2")).state is JobState.CANCELLED
    assert services.jobs.find(JobId("job-3")).state is JobState.QUEUED
    assert shown(shown=Shown.ANY, words="moby")[0] == "job-4"
    services.close()
