"""Documents: whose they are, what is known of them, and how they are found."""

from datetime import timedelta

import pytest

from lectern.accounts.people import LOCAL
from lectern.documents.pages import BlockKind, SpanKind
from lectern.documents.spoken import Speaking
from lectern.errors import DamagedFile, InvalidRequest, LimitReached, NotFound
from lectern.ids import BlobHash
from lectern.jobs.states import DocumentState
from resources.services import Services
from tests.support.stores import OTHER, Clock, add_document, give, publish


def test_a_new_document_is_being_prepared(services: Services) -> None:
    document = add_document(services, title="  Moby \n Dick ")

    assert document.title == "Moby Dick"
    assert document.state is DocumentState.PREPARING
    assert services.catalog.get(LOCAL, document.id) == document


def test_nobody_sees_or_changes_the_documents_of_others(services: Services) -> None:
    mine = add_document(services, "secret words")
    catalog = services.catalog

    assert catalog.documents(OTHER) == []
    assert catalog.documents(OTHER, search="secret") == []
    assert catalog.same_file(OTHER, mine.blob) is None
    for attempt in (
        lambda: catalog.get(OTHER, mine.id),
        lambda: catalog.rename(OTHER, mine.id, "mine now"),
        lambda: catalog.delete(OTHER, mine.id),
        lambda: catalog.restore(OTHER, mine.id),
        lambda: catalog.set_policy(OTHER, mine.id, {}),
        lambda: catalog.set_voice(OTHER, mine.id, "v"),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert catalog.get(LOCAL, mine.id) == mine


def test_the_same_file_is_recognised(services: Services) -> None:
    first = add_document(services)

    assert services.catalog.same_file(LOCAL, first.blob) == first
    assert services.catalog.same_file(LOCAL, BlobHash("0" * 64)) is None


def test_documents_come_newest_first_and_by_state(
    timed: Services, clock: Clock
) -> None:
    old = add_document(timed, "ready words", title="Old")
    clock.pass_(1)
    add_document(timed, title="New")

    titles = [d.title for d in timed.catalog.documents(LOCAL)]
    ready = timed.catalog.documents(LOCAL, state=DocumentState.READY)
    assert titles == ["New", "Old"]
    assert [d.id for d in ready] == [old.id]


def test_publishing_the_same_text_again_is_no_new_version(services: Services) -> None:
    first = add_document(services, "one", "two")

    again = publish(services, first, "one", "two")
    changed = publish(services, first, "one", "2")

    assert (first.version, again.version, changed.version) == (1, 1, 2)
    assert (first.revision, again.revision, changed.revision) == (1, 1, 2)
    kinds = [event.kind for event in services.outbox.pending()]
    assert kinds == ["document_added", "document_read", "document_read"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("whale", True),
        ("WHA", True),  # the last word may be begun only
        ("white whale", True),
        ("naïve", True),
        ("naive", True),
        ("moby", True),
        ("whale submarine", False),
        ("wh ale", False),
        ('"', False),
        ("whale AND NOT", False),
        ("  ", True),  # asks for everything
    ],
)
def test_words_are_found_in_titles_and_texts(
    services: Services, words: str, found: bool
) -> None:
    add_document(services, "The white whale", "and a naïve sailor", title="Moby Dick")

    assert bool(services.catalog.documents(LOCAL, search=words)) is found


def test_a_find_shows_where_it_is(services: Services) -> None:
    filler = " ".join(f"word{n}" for n in range(200))
    add_document(services, f"{filler} harpoon {filler}", title="Whaling")

    by_text = services.catalog.documents(LOCAL, search="harpoon")
    by_title = services.catalog.documents(LOCAL, search="whaling")

    assert "harpoon" in by_text[0].snippet
    assert len(by_text[0].snippet) < 200
    assert by_title[0].snippet == ""


def test_a_renamed_document_is_found_by_its_new_title_only(services: Services) -> None:
    document = add_document(services, "text", title="Draft")

    services.catalog.rename(LOCAL, document.id, "Final")

    assert services.catalog.documents(LOCAL, search="draft") == []
    assert services.catalog.documents(LOCAL, search="final")[0].title == "Final"
    with pytest.raises(InvalidRequest, match="at least one"):
        services.catalog.rename(LOCAL, document.id, " ")


def test_a_deleted_document_can_be_brought_back(services: Services) -> None:
    document = add_document(services, "some text")

    services.catalog.delete(LOCAL, document.id)

    assert services.catalog.documents(LOCAL) == []
    assert services.catalog.documents(LOCAL, search="text") == []
    assert services.catalog.same_file(LOCAL, document.blob) is None
    with pytest.raises(NotFound):
        services.catalog.get(LOCAL, document.id)
    assert services.catalog.restore(LOCAL, document.id).title == document.title


def test_only_a_deleted_document_is_purged(timed: Services, clock: Clock) -> None:
    document = add_document(timed, "some text")
    timed.catalog.put_artifact(document.id, "sorted_pages", document.blob)

    assert not timed.catalog.purge(document.id)
    timed.catalog.delete(LOCAL, document.id)
    clock.pass_(60)
    assert timed.catalog.deleted_before(timedelta(minutes=2)) == []
    assert timed.catalog.deleted_before(timedelta(minutes=1)) == [document.id]
    assert timed.catalog.purge(document.id)

    assert timed.catalog.artifact(document.id, "sorted_pages") is None
    with pytest.raises(NotFound):
        timed.catalog.find(document.id)


def test_a_failure_is_kept_in_words_until_it_is_mended(services: Services) -> None:
    document = add_document(services)
    error = DamagedFile("Page 3 cannot be read. Export the file again.")

    services.catalog.set_state(document.id, DocumentState.FAILED, error=error)
    failed = services.catalog.get(LOCAL, document.id)
    mended = publish(services, document, "words")

    assert (failed.error_code, failed.error_message) == (error.code, error.message)
    assert (mended.error_code, mended.state) == (None, DocumentState.READY)


def test_a_policy_survives_storage_and_counts_as_a_revision(services: Services) -> None:
    document = add_document(services, "words")
    policy = {BlockKind.CODE: Speaking.SPEAK, SpanKind.CODE: Speaking.SKIP}

    changed = services.catalog.set_policy(LOCAL, document.id, policy)
    same = services.catalog.set_policy(LOCAL, document.id, policy)

    assert services.catalog.policy(document.id) == policy
    assert (changed.revision, same.revision) == (2, 2)


def test_the_voice_of_a_document_is_remembered(services: Services) -> None:
    document = add_document(services)

    services.catalog.set_voice(LOCAL, document.id, "espeak:en")

    assert services.catalog.get(LOCAL, document.id).voice_id == "espeak:en"


def test_an_artifact_is_replaced_by_a_newer_one(services: Services) -> None:
    document = add_document(services)
    services.catalog.put_artifact(document.id, "pages", document.blob, {"round": 1})
    services.catalog.put_artifact(document.id, "pages", document.blob, {"round": 2})

    artifact = services.catalog.artifact(document.id, "pages")

    assert artifact is not None
    assert artifact.metadata == {"round": 2}


def test_one_person_cannot_have_documents_without_end(services: Services) -> None:
    give(services, LOCAL, documents=2)
    kept = [add_document(services), add_document(services)]
    values = {"filename": "a", "format": kept[0].format, "size_bytes": 1}

    with pytest.raises(LimitReached, match="Delete some"):
        services.catalog.add(LOCAL, title="a", blob=kept[0].blob, **values)  # type: ignore[arg-type]
    services.catalog.delete(LOCAL, kept[0].id)
    services.catalog.add(LOCAL, title="a", blob=kept[0].blob, **values)  # type: ignore[arg-type]
