"""Exports over HTTP: quoted, begun, listed, taken away in ranges, deleted."""

import pytest

from lectern.accounts.people import LOCAL
from lectern.jobs.states import JobKind
from resources.services import Services
from resources.stores.catalog import Document
from tests.support.exporting import VOICE, NotesEngine, exported
from tests.support.library import SOMEBODY_ELSE
from tests.support.speech import add_document, sentence

TITLE = "Ha/rbour „שלום“ <script> 😀"


@pytest.fixture
def document(services: Services) -> Document:
    """Return a document that is read in tones."""
    services.speech_engines().add(NotesEngine())
    made = add_document(services, [sentence(n) for n in range(4)], title=TITLE)
    return services.catalog.set_voice(LOCAL, made.id, VOICE)


def exports_of(document: Document) -> str:
    return f"/api/documents/{document.id}/exports"


def test_the_cost_is_told_before(client, document):
    answer = client.post(f"{exports_of(document)}/quote", json={"format": "m4b"})

    body = answer.json()
    assert answer.status_code == 200
    assert body["chars"] == sum(len(sentence(n)) for n in range(4))
    assert (body["price"], body["price_micros"]) == ("free", 0)
    assert body["seconds"] > 0
    assert body["size_bytes"] > 0
    assert body["export"] is None


def test_an_export_is_begun_once(client, services, document):
    first = client.post(exports_of(document), json={"format": "m4b"})
    again = client.post(exports_of(document), json={"format": "m4b"})
    other = client.post(exports_of(document), json={"format": "mp3"})

    jobs = services.jobs.for_document(
        document.principal, document.id, kind=JobKind.EXPORT
    )
    assert [answer.status_code for answer in (first, again, other)] == [202] * 3
    assert first.json() == again.json() != other.json()
    assert len(jobs) == 2
    assert {job.parameters["voice"] for job in jobs} == {VOICE}


def test_a_file_that_was_made_before_is_there_at_once(client, services, document):
    made = exported(services, document, format="mp3")

    answer = client.post(exports_of(document), json={"format": "mp3"})

    assert answer.status_code == 200
    export = answer.json()["export"]
    assert export["size_bytes"] == len(made.data)
    assert client.get(export["address"]).content == made.data


def test_finished_exports_are_listed_and_deleted(client, services, document):
    exported(services, document, format="mp3")
    [export] = client.get(exports_of(document)).json()["exports"]

    gone = client.delete(export["address"])

    assert export["name"] == "Ha-rbour „שלום“ script 😀.mp3"
    assert gone.status_code == 204
    assert client.get(export["address"]).status_code == 404
    assert client.get(exports_of(document)).json() == {"exports": []}


def test_a_file_is_saved_under_a_safe_name_and_comes_in_ranges(
    client, services, document
):
    made = exported(services, document, format="m4b")
    [export] = client.get(exports_of(document)).json()["exports"]

    whole = client.get(export["address"])
    part = client.get(export["address"], headers={"range": "bytes=10-19"})

    stated = whole.headers["content-disposition"]
    assert stated.startswith("attachment; filename*=utf-8''Ha-rbour%20")
    assert "\n" not in stated
    assert whole.headers["content-type"] == "audio/mp4"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert part.status_code == 206
    assert part.content == made.data[10:20]


def test_what_belongs_to_others_is_not_there(client, services):
    services.speech_engines().add(NotesEngine())
    theirs = add_document(services, [sentence(1)], principal=SOMEBODY_ELSE)
    theirs = services.catalog.set_voice(SOMEBODY_ELSE, theirs.id, VOICE)
    exported(services, theirs, format="opus")
    [export] = services.exports.list(SOMEBODY_ELSE, theirs.id)

    answers = [
        client.get(f"/api/exports/{export.id}"),
        client.delete(f"/api/exports/{export.id}"),
        client.get(exports_of(theirs)),
        client.post(exports_of(theirs), json={"format": "mp3"}),
        client.post(f"{exports_of(theirs)}/quote", json={"format": "mp3"}),
        client.get("/api/exports/..%2f..%2fetc"),
        client.get("/api/exports/" + "0" * 32),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert services.exports.list(SOMEBODY_ELSE, theirs.id) != []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"format": "exe"},
        {"format": "mp3", "chapters": [7]},
        {"format": "mp3", "x": 1},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(client, document, body):
    answer = client.post(exports_of(document), json=body)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
