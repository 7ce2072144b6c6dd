"""Manifests, what is spoken, originals and renderings."""

import httpx
import pytest

from lectern.accounts.people import LOCAL
from lectern.errors import DamagedFile
from lectern.jobs.states import DocumentState, JobKind, JobState
from resources.services import Services
from tests.support.library import SOMEBODY_ELSE, new_document, ready_document


def manifest(client: httpx.Client, document_id: str, **headers: str) -> httpx.Response:
    return client.get(f"/api/documents/{document_id}/manifest", headers=headers)


def test_a_manifest_tells_what_is_shown_and_what_is_said(client, services: Services):
    document = ready_document(services)

    body = manifest(client, document.id).json()

    assert (body["title"], body["state"], body["language"]) == (
        "A short walk",
        "ready",
        "en",
    )
    heading, cited, furniture, *_ = body["blocks"]
    assert (heading["i"], heading["k"], heading["t"]) == (0, "heading", "A short walk")
    assert heading["d"] > 0
    assert "x" not in heading
    assert furniture["x"] == "furniture"
    assert "d" not in furniture
    # The citation is shown and not said, so the spoken text has a map of its own.
    assert cited["s"] == [[33, 36, "citation", ""]]
    assert cited["m"][0] == [0, 32, 0, 32]
    assert body["chapters"] == [{"i": 0, "t": "A short walk", "l": 1}]
    assert {part["kind"]: part["count"] for part in body["skipped"]} == {
        "furniture": 1,
        "footnote": 1,
        "citation": 1,
    }
    assert body["policy"]["table"] == "announce"


def test_an_unchanged_manifest_costs_no_transfer(client, services: Services):
    document = ready_document(services)
    etag = manifest(client, document.id).headers["etag"]

    again = manifest(client, document.id, **{"if-none-match": etag})
    services.catalog.rename(LOCAL, document.id, "A long walk")
    renamed = manifest(client, document.id, **{"if-none-match": etag})

    assert again.status_code == 304
    assert renamed.status_code == 200
    assert renamed.json()["title"] == "A long walk"


def test_a_manifest_is_made_for_the_voice_that_is_asked_for(client, services: Services):
    document = ready_document(services)
    voices = client.get("/api/voices?language=en").json()
    wanted = voices[1]["id"]

    answer = client.get(
        f"/api/documents/{document.id}/manifest", params={"voice": wanted}
    )
    unknown = client.get(f"/api/documents/{document.id}/manifest?voice=espeak:xx")

    assert answer.json()["voice"] == wanted
    assert unknown.status_code == 422
    assert unknown.json()["code"] == "unknown_voice"


def test_a_document_in_preparation_has_a_manifest_without_blocks(
    client, services: Services
):
    document = new_document(services)

    body = manifest(client, document.id).json()

    assert (body["state"], body["blocks"]) == ("preparing", [])


def test_a_failed_document_says_why(client, services: Services):
    document = new_document(services)
    error = DamagedFile("“walk.pdf” is damaged. Save it again and upload it.")
    services.catalog.set_state(document.id, DocumentState.FAILED, error=error)

    body = manifest(client, document.id).json()

    assert body["error"] == {"code": "damaged_file", "message": error.message}


def test_speaking_a_kind_changes_manifest_and_summary(client, services: Services):
    document = ready_document(services)

    answer = client.put(
        f"/api/documents/{document.id}/policy", json={"footnote": "speak"}
    )

    assert {part["kind"] for part in answer.json()["skipped"]} == {
        "furniture",
        "citation",
    }
    footnote = manifest(client, document.id).json()["blocks"][4]
    assert "x" not in footnote


@pytest.mark.parametrize("change", [{"footnote": "shout"}, {"poem": "speak"}, [], 3])
def test_a_policy_nobody_knows_is_refused(client, services: Services, change):
    document = ready_document(services)

    answer = client.put(f"/api/documents/{document.id}/policy", json=change)

    assert answer.status_code == 400


def test_the_original_comes_back_as_a_download(client, services: Services):
    document = new_document(services, content=b"<script>alert(1)</script>")

    answer = client.get(f"/api/documents/{document.id}/original")

    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert 'attachment; filename="walk.pdf"' in answer.headers["content-disposition"]


def test_rendering_twice_is_one_job(client, services: Services):
    document = ready_document(services)

    first = client.post(f"/api/documents/{document.id}/render")
    second = client.post(f"/api/documents/{document.id}/render")

    assert first.status_code == 202
    assert first.json() == second.json()
    [job] = services.jobs.for_document(
        document.principal, document.id, kind=JobKind.RENDER
    )
    assert (job.id, job.state) == (first.json()["job"], JobState.QUEUED)


def test_what_is_not_ready_cannot_be_rendered(client, services: Services):
    document = new_document(services)

    assert client.post(f"/api/documents/{document.id}/render").status_code == 400


def test_a_rendering_is_there_once_it_was_made(client, services: Services):
    document = ready_document(services)
    before = client.get(f"/api/documents/{document.id}/audio.opus")

    blob = services.blobs.put(b"OggS whole")
    services.catalog.put_artifact(document.id, "document_audio", blob)
    after = client.get(f"/api/documents/{document.id}/audio.opus")

    assert before.status_code == 404
    assert after.content == b"OggS whole"
    assert "A%20short%20walk.opus" in after.headers["content-disposition"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "manifest"),
        ("GET", "events"),
        ("GET", "cursor"),
        ("GET", "bookmarks"),
        ("GET", "original"),
        ("GET", "audio.opus"),
        ("POST", "render"),
    ],
)
def test_another_persons_document_does_not_exist(
    client, services: Services, method, path
):
    theirs = ready_document(services, principal=SOMEBODY_ELSE)
    spoofed = {"x-lectern-uid": "somebody-else", "x-lectern-owner": "somebody-else"}

    answer = client.request(
        method, f"/api/documents/{theirs.id}/{path}", headers=spoofed
    )

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert services.jobs.for_document(theirs.principal, theirs.id) == []
