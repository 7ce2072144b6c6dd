"""Bookmarks."""

import httpx
import pytest

from resources.services import Services
from tests.support.library import SOMEBODY_ELSE, new_document, ready_document


def mark(client: httpx.Client, document_id: str, **body) -> httpx.Response:
    return client.post(f"/api/documents/{document_id}/bookmarks", json=body)


def test_bookmarks_are_listed_in_reading_order(client, services: Services):
    document = ready_document(services)
    mark(client, document.id, block=3, label="The end")
    mark(client, document.id, block=1, offset_ms=250)

    found = client.get(f"/api/documents/{document.id}/bookmarks").json()["bookmarks"]

    assert [(b["block"], b["offset_ms"], b["label"]) for b in found] == [
        (1, 250, ""),
        (3, 0, "The end"),
    ]


def test_a_bookmark_can_be_removed_once(client, services: Services):
    document = ready_document(services)
    made = mark(client, document.id, block=1)

    removed = client.delete(f"/api/bookmarks/{made.json()['id']}")
    again = client.delete(f"/api/bookmarks/{made.json()['id']}")

    assert (made.status_code, removed.status_code, again.status_code) == (201, 204, 404)
    path = f"/api/documents/{document.id}/bookmarks"
    assert client.get(path).json() == {"bookmarks": []}


@pytest.mark.parametrize("body", [{"block": 99}, {"block": -1}, {}, {"block": "x"}])
def test_a_place_that_is_not_there_cannot_be_marked(client, services: Services, body):
    document = ready_document(services)

    assert mark(client, document.id, **body).status_code == 400


def test_a_document_without_text_has_no_places(client, services: Services):
    document = new_document(services)

    assert mark(client, document.id, block=0).status_code == 400


def test_another_persons_bookmark_stays(client, services: Services):
    theirs = ready_document(services, principal=SOMEBODY_ELSE)
    block = services.bookmarks.add(
        SOMEBODY_ELSE, theirs.id, block_id="b", block_index=0
    )

    assert mark(client, theirs.id, block=0).status_code == 404
    assert client.delete(f"/api/bookmarks/{block.id}").status_code == 404
    assert len(services.bookmarks.list(SOMEBODY_ELSE, theirs.id)) == 1
