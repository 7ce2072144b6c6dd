"""Pasted text and Markdown."""

import httpx

from dashboard.api.texts import first_words
from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from resources.services import Services


def paste(client: httpx.Client, **body: str) -> httpx.Response:
    return client.post("/api/texts", json=body)


def test_a_pasted_text_becomes_a_document(client, services: Services):
    answer = paste(client, title="A note", text="Remember the milk.", format="text")

    assert answer.status_code == 201
    document = services.catalog.get(LOCAL, answer.json()["document"]["id"])
    assert (document.title, document.format) == ("A note", Format.TEXT)
    assert services.blobs.read(document.blob) == b"Remember the milk."


def test_a_text_without_a_title_is_called_by_its_first_words(client):
    answer = paste(client, text="# On walking\n\nOne foot first.", format="markdown")

    assert answer.json()["document"]["title"] == "On walking"


def test_a_long_first_line_is_cut_between_words():
    title = first_words("several words that go on and on " * 9)

    assert title.endswith("go on…")
    assert len(title) <= 61


def test_the_same_text_twice_is_one_document(client):
    first = paste(client, text="Twice told.").json()

    second = paste(client, text="  Twice told.\n").json()

    assert (first["already_had"], second["already_had"]) == (False, True)
    assert first["document"]["id"] == second["document"]["id"]


def test_a_text_without_words_is_refused(client):
    answer = paste(client, text=" … — \n")

    assert answer.status_code == 422
    assert answer.json()["code"] == "nothing_to_read"


def test_a_text_over_the_cap_is_refused(client, here):
    answer = paste(client, text="a" * (here.settings.limits.text_bytes + 1))

    assert answer.status_code == 413
    assert answer.json()["used"] == here.settings.limits.text_bytes + 1


def test_a_field_nobody_knows_is_refused(client):
    assert paste(client, text="Some words.", voice="x").status_code == 400
    assert client.post("/api/texts", content=b"{").status_code == 400


def test_a_title_of_signs_nobody_sees_is_none(client):
    answer = paste(client, title="\u202e\u0007", text="\u2066\nSeen\u202e words.")

    assert answer.json()["document"]["title"] == "Seen words."
