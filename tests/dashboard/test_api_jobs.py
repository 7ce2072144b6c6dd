"""The log of a job over HTTP: a file for its owner, and nothing for anybody else."""

from dashboard import following
from lectern.accounts.people import LOCAL
from lectern.errors import EngineCrashed
from lectern.jobs.states import JobKind, JobState
from tests.support.library import new_document
from tests.support.stores import OTHER


def test_a_job_s_log_is_a_file_for_its_owner_alone(client, services):
    document = new_document(services)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    another = new_document(services, principal=OTHER)
    theirs = services.jobs.create(OTHER, document_id=another.id, kind=JobKind.PREPARE)
    services.joblog.append(job.id, f"Opened {services.settings.root}/blobs/ab")

    reply = client.get(f"/api/jobs/{job.id}/log")

    assert reply.status_code == 200
    assert reply.text.endswith("Opened …/blobs/ab\n")
    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.headers["content-disposition"].startswith("attachment")
    assert reply.headers["cache-control"] == "no-store"
    for job_id in (theirs.id, "no-such-job"):
        assert client.get(f"/api/jobs/{job_id}/log").status_code == 404


def test_the_job_that_is_tried_again_is_that_one_and_once(here, services):
    document = new_document(services)
    failed = []
    for voice in ("espeak:en-gb", "espeak:de"):
        job = services.jobs.create(
            LOCAL,
            document_id=document.id,
            kind=JobKind.VOICE,
            parameters={"voice": voice},
        )
        services.jobs.start(job.id, f"run with {voice}")
        services.jobs.fail(job.id, EngineCrashed("It fell over."))
        failed.append(services.jobs.find(job.id))
    older, newer = failed

    following.retry_job(here, LOCAL, older)
    following.retry_job(here, LOCAL, older)

    assert services.jobs.find(older.id).state is JobState.QUEUED
    assert services.jobs.find(newer.id).state is JobState.FAILED
    log = services.joblog.read(LOCAL, older.id)
    assert log.count("Tried again") == 1
