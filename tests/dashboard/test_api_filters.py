"""Filters over HTTP, and words that are to be said otherwise."""

import httpx
import pytest

from resources.services import Services
from tests.support.library import SOMEBODY_ELSE, ready_document

RULE = {"find": "Hermione", "replace": "Her-my-oh-nee"}


def manifest(client: httpx.Client, document_id: str) -> dict:
    return client.get(f"/api/documents/{document_id}/manifest").json()


def test_a_filter_is_made_changed_and_deleted(client: httpx.Client):
    made = client.post("/api/filters", json={"name": "Names", "rules": [RULE]})
    path = f"/api/filters/{made.json()['id']}"
    changed = client.put(path, json={"name": "Names", "rules": []})
    found = client.get(path).json()
    listed = client.get("/api/filters").json()["filters"]
    gone = client.delete(path)

    assert (made.status_code, changed.status_code, gone.status_code) == (201, 200, 204)
    assert made.json()["rules"][0]["find"] == "Hermione"
    assert [v["version"] for v in found["versions"]] == [2, 1]
    assert [(one["id"], one["version"]) for one in listed] == [(found["id"], 2)]
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "x", "rules": [{"find": "(", "kind": "pattern"}]}, "bad_pattern"),
        ({"name": "x", "rules": [{"find": "y" * 9999}]}, "limit"),
        ({"name": ""}, "invalid_request"),
        ({"name": "x", "rulez": []}, "invalid_request"),
        ({"name": "x", "document": "0" * 32}, "not_found"),
    ],
)
def test_what_cannot_be_used_is_refused(client: httpx.Client, body, code):
    assert client.post("/api/filters", json=body).json()["code"] == code


def test_a_word_is_said_otherwise_at_once_and_the_page_stays(
    client: httpx.Client, services: Services
):
    document = ready_document(services)
    before = manifest(client, document.id)
    word = "mill"

    path = f"/api/documents/{document.id}/sayings"
    answer = client.post(path, json={"words": word, "say": "otherwise"})

    assert answer.status_code == 201
    after = manifest(client, document.id)
    assert after["version"] == before["version"] + 1
    assert [b["id"] for b in after["blocks"]] == [b["id"] for b in before["blocks"]]
    assert [b["t"] for b in after["blocks"]] == [b["t"] for b in before["blocks"]]
    spans = after["blocks"][1]["s"]
    assert [s[2:] for s in spans if s[2] == "said"] == [["said", "otherwise"]]
    undone = client.post(path, json={"words": word, "say": word})
    again = client.post(path, json={"words": word, "say": word})
    assert (undone.status_code, again.status_code) == (201, 400)
    assert manifest(client, document.id)["blocks"] == before["blocks"]


def test_a_filter_for_all_documents_is_carried_out_when_one_is_opened(
    client: httpx.Client, services: Services
):
    document = ready_document(services)
    before = manifest(client, document.id)
    word = before["blocks"][0]["t"].split()[0]
    rule = {"find": word, "replace": "Lo", "where": "shown"}

    client.post("/api/filters", json={"name": "All", "rules": [rule]})

    after = manifest(client, document.id)["blocks"]
    assert after[0]["t"].startswith("Lo")
    assert after[0]["id"] == before["blocks"][0]["id"]


def test_the_filters_and_documents_of_another_are_not_there(
    client: httpx.Client, services: Services
):
    theirs = ready_document(services, principal=SOMEBODY_ELSE)
    made = client.post("/api/filters", json={"name": "Mine"}).json()
    with services.database.write() as connection:
        from sqlalchemy import update

        from resources.stores.schema_filters import text_filter

        connection.execute(update(text_filter).values(owner_id="somebody-else"))

    path = f"/api/filters/{made['id']}"
    saying = {"words": "a", "say": "b"}
    answers = [
        client.get(path),
        client.put(path, json={"name": "x"}),
        client.delete(path),
        client.get("/api/filters", params={"document": theirs.id}),
        client.post("/api/filters", json={"name": "x", "document": theirs.id}),
        client.post(f"/api/documents/{theirs.id}/sayings", json=saying),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert client.get("/api/filters").json() == {"filters": []}
