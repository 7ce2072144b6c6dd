"""Recognising again over HTTP: what there is, asking for more, choosing a text."""

import pytest

from dashboard import following
from lectern.accounts.people import LOCAL
from lectern.errors import TooManyFallbacks
from lectern.jobs.states import DocumentState, JobKind
from lectern.jobs.wanted import Wanted
from resources.recognitions import Recognitions
from tests.resources.test_recognitions import Reader, prepare
from tests.support.library import SOMEBODY_ELSE, new_document


@pytest.fixture
def better(services):
    """Let there be a second reader, and one of our own that needs no file."""
    reader = Reader("better", "Two boats were moored at the pier.", price=4000)
    services.recognition_engines().add(reader)
    services.preparation()._recogniser = Reader("local", "Two boats were modem.")
    return reader


@pytest.fixture
def document(services, better):
    """Return a document that is read in the text of this machine."""
    return prepare(services, new_document(services))


def path(document, what="recognitions"):
    return f"/api/documents/{document.id}/{what}"


def test_what_there_is_and_what_may_be_asked_for(client, document):
    answer = client.get(path(document)).json()
    [kept] = answer["recognitions"]
    by_name = {offer["recogniser"]: offer for offer in answer["offers"]}

    assert (kept["recogniser"], kept["is_read"], kept["pages"]) == ("local", True, 2)
    assert by_name["better"]["scans"] == {
        "pages": 2,
        "price": "less than $0.01",
        "price_micros": 8000,
        "seconds": None,
    }


def test_asking_makes_a_job_and_changes_nothing_else(client, services, document):
    answer = client.post(path(document), json={"recogniser": "better"})
    job = services.jobs.find(answer.json()["job"])

    assert answer.status_code == 202
    assert (job.kind, Wanted.of(job.parameters)) == (
        JobKind.PREPARE,
        Wanted("better"),
    )
    assert services.catalog.find(document.id).state is DocumentState.READY


def test_the_text_is_changed_by_choosing(client, services, document):
    prepare(services, document, Wanted("better"))
    answer = client.put(path(document, "text"), json={"recogniser": "better"})

    assert answer.json() == {"version": 2, "revision": 2}
    [read, _] = Recognitions(services).of(services.catalog.get(LOCAL, document.id))
    assert read.recogniser == "better"


@pytest.mark.parametrize(
    ("method", "what", "body", "status"),
    [
        ("POST", "recognitions", {"recogniser": "worse"}, 404),
        ("POST", "recognitions", {"recogniser": "better", "pages": 3}, 400),
        ("PUT", "text", {"recogniser": "better"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused(client, document, method, what, body, status):
    assert client.request(method, path(document, what), json=body).status_code == status


def test_nobody_reaches_the_documents_of_others(client, services, better):
    theirs = new_document(services, principal=SOMEBODY_ELSE)

    assert client.get(path(theirs)).status_code == 404
    body = {"recogniser": "better"}
    assert client.post(path(theirs), json=body).status_code == 404
    assert client.put(path(theirs, "text"), json=body).status_code == 404


def test_an_upload_says_who_is_to_read_it(client, services, better):
    data = b"%PDF-1.7 a scan"
    begun = client.post(
        "/api/uploads", json={"name": "scan.pdf", "size_bytes": len(data)}
    ).json()
    answer = client.put(
        f"/api/uploads/{begun['id']}?recogniser=better",
        content=data,
        headers={"upload-offset": "0"},
    ).json()
    [job] = services.jobs.for_document(LOCAL, answer["document"]["id"])

    assert Wanted.of(job.parameters) == Wanted("better")


def test_a_text_that_is_uploaded_is_read_here_whoever_was_chosen(
    client, services, better
):
    data = b"# A title\n\nAnd words."
    begun = client.post(
        "/api/uploads", json={"name": "notes.md", "size_bytes": len(data)}
    ).json()
    answer = client.put(
        f"/api/uploads/{begun['id']}?recogniser=better",
        content=data,
        headers={"upload-offset": "0"},
    ).json()
    [job] = services.jobs.for_document(LOCAL, answer["document"]["id"])

    assert job.parameters == {}


def test_a_failed_recognition_that_is_tried_again_leaves_the_text_in_place(
    client, services, here, document
):
    job_id = client.post(path(document), json={"recogniser": "better"}).json()["job"]
    services.jobs.start(job_id, "run-2")
    services.jobs.fail(job_id, TooManyFallbacks("It returned nothing."))
    again = following.queue_again(here, LOCAL, document.id, JobKind.PREPARE)

    assert (again.id, Wanted.of(again.parameters)) == (job_id, Wanted("better"))
    assert services.catalog.find(document.id).state is DocumentState.READY
