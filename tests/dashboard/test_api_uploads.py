"""Uploads: taken in pieces, resumed, capped, refused without a trace."""

import httpx
import pytest

from dashboard.backend import Backend
from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.errors import UnsupportedFormat
from lectern.jobs.states import DocumentState, JobKind, JobState
from resources.services import Services

TEXT = b"Once upon a time there was a page that could speak.\n" * 40


def begin(client: httpx.Client, size_bytes: int, name: str = "tale.txt") -> str:
    answer = client.post("/api/uploads", json={"name": name, "size_bytes": size_bytes})
    assert answer.status_code == 201, answer.text
    assert answer.json()["offset"] == 0
    return str(answer.json()["id"])


def send(client: httpx.Client, upload_id: str, data: bytes, offset: int = 0):
    return client.put(
        f"/api/uploads/{upload_id}",
        content=data,
        headers={"upload-offset": str(offset)},
    )


def test_a_file_becomes_a_document_with_a_job_that_waits(client, services: Services):
    answer = send(client, begin(client, len(TEXT)), TEXT)

    assert answer.status_code == 201
    body = answer.json()
    assert body["complete"] is True
    assert body["already_had"] is False
    document = services.catalog.get(LOCAL, body["document"]["id"])
    assert (document.title, document.format) == ("tale", Format.TEXT)
    assert document.state is DocumentState.PREPARING
    assert services.blobs.read(document.blob) == TEXT
    [job] = services.jobs.for_document(document.principal, document.id)
    # Dagster is away: the upload is acknowledged, and the job is not lost.
    assert (job.kind, job.state) == (JobKind.PREPARE, JobState.QUEUED)


def test_an_upload_goes_on_where_it_stopped(client, services: Services):
    upload_id = begin(client, len(TEXT))
    first = send(client, upload_id, TEXT[:700])

    asked = client.head(f"/api/uploads/{upload_id}")
    rest = send(client, upload_id, TEXT[700:], offset=700)

    assert first.json() == {"offset": 700, "complete": False}
    assert asked.headers["upload-offset"] == "700"
    assert rest.status_code == 201
    document = services.catalog.get(LOCAL, rest.json()["document"]["id"])
    assert services.blobs.read(document.blob) == TEXT


def test_a_wrong_offset_is_told_the_right_one(client):
    upload_id = begin(client, len(TEXT))
    send(client, upload_id, TEXT[:700])

    answer = send(client, upload_id, TEXT[300:], offset=300)

    assert answer.status_code == 409
    assert answer.json()["offset"] == 700


def test_the_same_file_twice_is_one_document(client, services: Services):
    first = send(client, begin(client, len(TEXT)), TEXT).json()

    second = send(client, begin(client, len(TEXT), "copy.txt"), TEXT).json()

    assert second["already_had"] is True
    assert second["document"] == first["document"]
    assert len(services.catalog.documents(LOCAL)) == 1
    assert len(services.jobs.for_document(LOCAL, first["document"]["id"])) == 1


def test_a_file_that_failed_before_gets_another_try(client, services: Services):
    document = send(client, begin(client, len(TEXT)), TEXT).json()["document"]
    [job] = services.jobs.for_document(LOCAL, document["id"])
    error = UnsupportedFormat("It was the engine's fault.")
    services.jobs.fail(job.id, error)
    services.catalog.set_state(document["id"], DocumentState.FAILED, error=error)

    send(client, begin(client, len(TEXT)), TEXT)

    [again] = services.jobs.for_document(LOCAL, document["id"])
    assert again.state is JobState.QUEUED
    state = services.catalog.get(LOCAL, document["id"]).state
    assert state is DocumentState.PREPARING


def test_a_file_over_the_cap_is_refused_before_a_byte_is_sent(client, here: Backend):
    too_large = here.settings.limits.upload_bytes + 1

    answer = client.post(
        "/api/uploads", json={"name": "x.pdf", "size_bytes": too_large}
    )

    assert answer.status_code == 413
    assert answer.json()["code"] == "file_too_large"
    assert answer.json()["limit"] == here.settings.limits.upload_bytes


def test_a_text_has_a_cap_of_its_own(client, here: Backend, services: Services):
    size_bytes = here.settings.limits.text_bytes + 1
    upload_id = begin(client, size_bytes)
    piece = b"word " * (8 * 1024**2 // 5)
    send(client, upload_id, piece)
    rest = (b"word " * 500_000)[: size_bytes - len(piece)]

    answer = send(client, upload_id, rest, offset=len(piece))

    assert answer.status_code == 413
    assert client.head(f"/api/uploads/{upload_id}").status_code == 404
    assert services.catalog.documents(LOCAL) == []


def test_a_kind_that_is_not_read_is_refused_and_leaves_nothing(
    client, here: Backend, services: Services
):
    program = b"\x7fELF" + bytes(4000)
    upload_id = begin(client, 9000, "tool.pdf")

    answer = send(client, upload_id, program)

    assert answer.status_code == 415
    assert answer.json()["message"]
    assert client.head(f"/api/uploads/{upload_id}").status_code == 404
    assert list((here.settings.root / "uploads").iterdir()) == []
    assert services.catalog.documents(LOCAL) == []


def test_more_bytes_than_announced_are_refused(client):
    answer = send(client, begin(client, 10), TEXT)

    assert answer.status_code == 400


def test_one_request_carries_eight_mebibytes_at_most(client):
    upload_id = begin(client, 20 * 1024**2)

    answer = send(client, upload_id, b"word " * 2_000_000)

    assert answer.status_code == 400
    # What was taken until then may be gone on with.
    assert client.head(f"/api/uploads/{upload_id}").status_code == 200


def test_an_upload_can_be_given_up(client, here: Backend):
    upload_id = begin(client, len(TEXT))
    send(client, upload_id, TEXT[:100])

    assert client.delete(f"/api/uploads/{upload_id}").status_code == 204

    assert send(client, upload_id, TEXT).status_code == 404
    assert list((here.settings.root / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a.txt"},
        {"name": "", "size_bytes": 3},
        {"name": "a.txt", "size_bytes": -3},
        {"name": "a.txt", "size_bytes": 3, "owner": "me"},
    ],
)
def test_an_announcement_that_makes_no_sense_is_refused(client, body):
    answer = client.post("/api/uploads", json=body)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"


def test_an_empty_file_is_refused_in_words(client):
    answer = client.post("/api/uploads", json={"name": "a.txt", "size_bytes": 0})

    assert answer.status_code == 400
    assert "empty" in answer.json()["message"]


def test_an_upload_nobody_began_is_not_found(client):
    assert send(client, "0" * 32, TEXT).status_code == 404
    assert client.delete(f"/api/uploads/{'0' * 32}").status_code == 404
