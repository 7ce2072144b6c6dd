"""The trash, pins and the operators' page, run by Streamlit without a browser."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import following
from dashboard.api.documents import start_rendering
from dashboard.backend import Backend
from lectern.accounts.people import LOCAL
from lectern.errors import DiskReserveReached
from lectern.jobs.states import JobKind
from lectern.settings_retention import Retention
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.cursors import Cursor
from resources.stores.jobs import Job
from tests.dashboard.test_views import click, component, go, open_page, words
from tests.support.library import SOMEBODY_ELSE, ready_document, voice_block

__all__ = ["open_page"]

Open = Callable[..., AppTest]


def place(services: Services, document: Document, sequence: int) -> None:
    """Have the person be at the second block of a document."""
    here = Cursor(1, 300, False, 1.0, "espeak:en", "reader", sequence)
    services.cursors.put(LOCAL, document.id, here)


def test_what_is_deleted_waits_in_the_trash_and_comes_back_whole(
    open_page: Open, services: Services
) -> None:
    document = ready_document(services, title="A walk")
    kept = ready_document(services, title="Kept")
    key = voice_block(services, document, 1, voice_id="espeak:en", sound=b"sound")
    services.bookmarks.add(LOCAL, document.id, block_id="b", block_index=2)
    place(services, document, 1)
    services.catalog.delete(LOCAL, document.id)
    app = open_page()
    assert app.button(key="trash").label == "Trash (1)"

    go(app, "trash")
    assert "**A walk**" in words(app)
    assert "goes for good on" in words(app)
    click(app, f"restore-{document.id}")

    assert "The trash is empty" in words(app)
    assert services.catalog.get(LOCAL, document.id).title == "A walk"
    assert (
        services.variants.keys_of(document.principal, document.id, "espeak:en")[1][0]
        == key
    )
    assert [mark.block_index for mark in services.bookmarks.list(LOCAL, document.id)]
    assert services.cursors.all(LOCAL)[document.id].block_index == 1
    assert services.catalog.get(LOCAL, kept.id)


def test_documents_are_deleted_for_good_one_by_one_or_all(
    open_page: Open, services: Services
) -> None:
    documents = [ready_document(services, title=f"Book {n}") for n in range(3)]
    theirs = ready_document(services, principal=SOMEBODY_ELSE, title="Theirs")
    services.jobs.create(LOCAL, document_id=documents[2].id, kind=JobKind.RENDER)
    for document in documents:
        services.catalog.delete(LOCAL, document.id)
    services.catalog.delete(SOMEBODY_ELSE, theirs.id)
    app = open_page("trash")
    assert "Theirs" not in words(app)

    click(app, f"purge-{documents[0].id}")
    assert len(services.catalog.deleted(LOCAL)) == 2
    click(app, "empty-trash")

    # What is still being worked on is left, and said so.
    assert [one.id for one in services.catalog.deleted(LOCAL)] == [documents[2].id]
    assert "still being worked on" in str(app.toast[0].value)
    assert services.catalog.deleted_count(SOMEBODY_ELSE) == 1


def test_now_reading_never_shows_what_was_deleted(
    open_page: Open, services: Services
) -> None:
    older = ready_document(services, title="Older")
    newer = ready_document(services, title="Newer")
    place(services, older, 1)
    place(services, newer, 1)
    services.catalog.delete(LOCAL, newer.id)

    assert component(open_page("listen"), "reader")["document"] == older.id
    services.catalog.delete(LOCAL, older.id)
    assert "Nothing is open" in words(open_page("listen"))


def test_what_was_read_last_and_then_deleted_is_not_asked_for_again(
    open_page: Open, services: Services
) -> None:
    document = ready_document(services, title="Older")
    app = open_page("listen", document=document.id)
    assert component(app, "reader")["document"] == document.id
    del app.query_params["document"]
    services.catalog.delete(LOCAL, document.id)

    assert "Nothing is open" in words(go(app, "listen"))


def test_a_document_that_is_kept_says_so(open_page: Open, services: Services) -> None:
    document = ready_document(services, title="A walk")
    assert ":material/keep:" not in words(open_page())

    services.pins.pin(LOCAL, document.id)

    assert ":material/keep:" in words(open_page())


def test_operators_see_what_will_be_deleted(
    open_page: Open, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = ready_document(services, title="A walk")
    about = {"name": "a.m4b", "media_type": "audio/mp4", "size_bytes": 2_000_000}
    blob = services.blobs.put(b"x")
    services.catalog.put_artifact(document.id, f"export-{'a' * 32}", blob, about)
    tight = services.settings.model_copy(
        update={"retention": Retention(export_bytes=1_000_000)}
    )
    monkeypatch.setitem(services.__dict__, "settings", tight)

    app = open_page("upkeep")

    assert "1 thing, 2 MB" in words(app)
    assert app.dataframe[0].value["Why"].tolist() == ["more of its kind than may be"]
    assert "none yet" in words(app)


def test_a_full_disk_is_said_before_anybody_tries(
    open_page: Open, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready_document(services)
    assert "of disk are free" not in words(open_page())
    full = services.settings.model_copy(update={"disk_reserve_bytes": 2**60})
    monkeypatch.setitem(services.__dict__, "settings", full)

    assert "of disk are free" in words(open_page())
    monkeypatch.undo()
    assert "of disk are free" not in words(open_page())


class Launches:
    """An orchestrator that remembers what it was to launch."""

    def __init__(self) -> None:
        self.launched: list[Job] = []

    def launch(self, job: Job) -> None:
        """Remember a job."""
        self.launched.append(job)


def test_work_waits_for_disk_and_is_begun_when_there_is_some(
    here: Backend, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    dagster = Launches()
    here = replace(here, orchestrator=dagster)
    document = ready_document(services)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.VOICE)
    listening = services.jobs.create(
        LOCAL, document_id=document.id, kind=JobKind.LISTEN
    )
    full = services.settings.model_copy(update={"disk_reserve_bytes": 2**60})
    monkeypatch.setitem(services.__dict__, "settings", full)

    with pytest.raises(DiskReserveReached):
        start_rendering(here, LOCAL, document.id)
    following.launch(here, job)
    following.launch(here, listening)
    assert dagster.launched == [listening]
    assert here.services.batching().let_go() == ()

    monkeypatch.undo()
    following.launch(here, job)
    assert dagster.launched == [listening, job]
    assert start_rendering(here, LOCAL, document.id)[1]
