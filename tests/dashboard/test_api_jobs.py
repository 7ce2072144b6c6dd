"""The log of a job over HTTP: a file for its owner, and nothing for anybody else."""

from lectern.accounts.people import LOCAL
from lectern.jobs.states import JobKind
from tests.support.library import new_document
from tests.support.stores import OTHER


def test_a_job_s_log_is_a_file_for_its_owner_alone(client, services):
    document = new_document(services)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    theirs = services.jobs.create(OTHER, document_id=document.id, kind=JobKind.PREPARE)
    services.joblog.append(job.id, f"Opened {services.settings.root}/blobs/ab")

    reply = client.get(f"/api/jobs/{job.id}/log")

    assert reply.status_code == 200
    assert reply.text.endswith("Opened …/blobs/ab\n")
    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.headers["content-disposition"].startswith("attachment")
    assert reply.headers["cache-control"] == "no-store"
    for job_id in (theirs.id, "no-such-job"):
        assert client.get(f"/api/jobs/{job_id}/log").status_code == 404
