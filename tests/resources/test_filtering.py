"""A document is read as its filters leave it, and only what changed is voiced again."""

from dataclasses import replace
from pathlib import Path

import pytest

from lectern.accounts.people import LOCAL
from lectern.documents.filters import Filter, Rule, RuleKind, Where
from lectern.errors import BadPattern, NotFound
from resources.filter_previews import preview, proposed, reach
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.cursors import Cursor
from resources.stores.reachability import reachable_blobs
from resources.texts import text_of
from resources.voicing import Tally
from tests.support.speech import ToneEngine, add_document, settings_at
from tests.support.stores import OTHER

VOICE = "tone:en"
SHOWN = [
    "Hermione opened the book.",
    "Nobody looked up.",
    "Then Hermione read.",
    "It was late.",
    "“Hermione!” he said.",
]
NAMES = Filter("Names", (Rule("Hermione", "Her-my-oh-nee"),))
CLEAN = Filter("Clean", (Rule("Nobody looked up.", where=Where.SHOWN),))


@pytest.fixture
def engine() -> ToneEngine:
    """Return the engine that every voice of these tests belongs to."""
    return ToneEngine()


@pytest.fixture
def services(tmp_path: Path, engine: ToneEngine) -> Services:
    """Return services with an empty library."""
    services = Services.open(settings_at(tmp_path, processes=1))
    services.speech_engines().add(engine)
    return services


@pytest.fixture
def document(services: Services) -> Document:
    """Return a document of five blocks that is read in tones."""
    made = add_document(services, SHOWN)
    return services.catalog.set_voice(LOCAL, made.id, VOICE)


def shown(services: Services, document: Document) -> list[str]:
    text = text_of(services, document)
    assert text is not None
    return [block.shown for block in text.blocks]


def ids(services: Services, document: Document) -> list[str]:
    text = text_of(services, document)
    assert text is not None
    return [block.id for block in text.blocks]


def keys(services: Services, document: Document) -> list[str | None]:
    text = text_of(services, document)
    assert text is not None
    voice = services.speech_engines().voice(VOICE)
    return list(services.voicing().keys(document, text.blocks, voice=voice))


def voiced(services: Services, document: Document) -> Tally:
    text = text_of(services, document)
    assert text is not None
    voice = services.speech_engines().voice(VOICE)
    reading = services.voicing().reading(document, text.blocks, voice=voice)
    return services.voicing().voice(LOCAL, reading, range(len(text.blocks)))


def filtered(services: Services, document: Document) -> Document:
    found = services.catalog.get(LOCAL, document.id)
    return services.filtering().refresh(found)


def test_a_rule_that_touches_three_blocks_has_three_voiced_again(
    services, document, engine
):
    voiced(services, document)
    before, block_ids = keys(services, document), ids(services, document)
    engine.texts.clear()
    services.filters.add(LOCAL, NAMES, document_id=document.id)

    after = filtered(services, document)
    voiced(services, after)

    assert shown(services, after) == SHOWN
    assert ids(services, after) == block_ids
    pairs = zip(before, keys(services, after), strict=True)
    assert [old == new for old, new in pairs] == [False, True, False, True, False]
    assert sorted(engine.texts) == [
        "Her-my-oh-nee opened the book.",
        "Then Her-my-oh-nee read.",
        "“Her-my-oh-nee!” he said.",
    ]


def test_a_filter_that_is_taken_away_brings_the_old_sounds_back(
    services, document, engine
):
    voiced(services, document)
    before = keys(services, document)
    kept = services.filters.add(LOCAL, NAMES)
    assert keys(services, filtered(services, document)) != before
    engine.texts.clear()

    services.filters.change(LOCAL, kept.id, replace(NAMES, is_enabled=False))
    off = filtered(services, document)
    voiced(services, off)

    assert keys(services, off) == before
    assert engine.texts == []
    assert off.blocks_blob == document.blocks_blob


def test_a_document_knows_by_which_versions_it_was_made(services, document):
    kept = services.filters.add(LOCAL, Filter("Names"))
    services.filters.change(LOCAL, kept.id, NAMES)

    after = filtered(services, document)

    about = services.filtering().made_by(after)
    assert about["filters"] == [[kept.id, 2, "Names"]]
    assert (about["places"], about["blocks"]) == (3, 3)
    assert services.filtering().told(after)["filters"] == "Names (version 2)"


def test_what_was_filtered_already_is_left_alone(services, document):
    services.filters.add(LOCAL, NAMES)
    once = filtered(services, document)

    again = filtered(services, document)

    assert (again.version, again.revision) == (once.version, once.revision)
    assert not services.filtering().is_stale(again)


def test_filters_are_carried_out_over_the_blocks_as_they_were_cut(services, document):
    first = services.filters.add(LOCAL, Filter("A", (Rule("late", "Hermione"),)))
    filtered(services, document)
    services.filters.add(LOCAL, Filter("B", (Rule("Hermione", "she"),)))
    both = filtered(services, document)
    services.filters.delete(LOCAL, first.id)
    one = filtered(services, document)

    engines = [keys(services, made) for made in (both, one)]
    assert engines[0] != engines[1]
    text = text_of(services, one)
    assert text is not None
    assert text.blocks[3].spans == ()
    source = services.filtering().source_text(one)
    assert source is not None
    assert [block.spans for block in source.blocks] == [()] * 5


def test_blocks_as_they_were_cut_are_not_swept(services, document):
    services.filters.add(LOCAL, NAMES)

    after = filtered(services, document)

    assert {document.blocks_blob, after.blocks_blob} <= set(
        reachable_blobs(services.database)
    )


def test_places_stay_at_their_text_where_a_block_is_left_out(services, document):
    block_ids = ids(services, document)
    mark = services.bookmarks.add(
        LOCAL, document.id, block_id=block_ids[3], block_index=3
    )
    here = Cursor(2, 10, False, 1.0, VOICE, "s", 1)
    services.cursors.put(LOCAL, document.id, here)
    services.filters.add(LOCAL, CLEAN)

    after = filtered(services, document)

    assert shown(services, after) == [SHOWN[0], *SHOWN[2:]]
    assert ids(services, after) == [block_ids[0], *block_ids[2:]]
    (moved,) = services.bookmarks.list(LOCAL, document.id)
    assert (moved.id, moved.block_index) == (mark.id, 2)
    cursor = services.cursors.get(LOCAL, document.id)
    assert cursor is not None
    assert (cursor.block_index, cursor.offset_ms) == (1, 10)


def test_filters_that_change_while_a_document_is_filtered_count(
    services, document, monkeypatch
):
    """Somebody adds one after the rules were looked up."""
    services.filters.add(LOCAL, NAMES)
    filtering, put = services.filtering(), services.blobs.put
    done: list[bool] = []

    def late(data):
        if not done:
            done.append(True)
            services.filters.add(LOCAL, Filter("More", (Rule("late", "early"),)))
        return put(data)

    monkeypatch.setattr(services.blobs, "put", late)
    after = filtering.refresh(document)

    assert not filtering.is_stale(after)
    assert filtering.made_by(after)["places"] == 4


def test_nobodys_filters_bear_on_the_documents_of_another(services, document):
    theirs = add_document(services, SHOWN, principal=OTHER)
    services.filters.add(LOCAL, NAMES)

    after = services.filtering().refresh(theirs)

    assert after == theirs


def test_a_preview_says_what_would_change_and_changes_nothing(services, document):
    voiced(services, document)
    wanted = proposed(services, LOCAL, document.id, NAMES)

    seen = preview(services, LOCAL, document.id, wanted)

    assert seen is not None
    assert (seen.places, seen.spoken_anew, len(seen.changed)) == (3, 3, 3)
    first = seen.changed[0]
    assert first.said_before == SHOWN[0]
    assert first.said_after == "Her-my-oh-nee opened the book."
    assert seen.quote.chars == sum(len(one.said_after) for one in seen.changed)
    assert services.filters.all(LOCAL) == []
    assert filtered(services, document) == document


def test_a_preview_of_what_was_voiced_before_costs_nothing(services, document):
    kept = services.filters.add(LOCAL, NAMES)
    voiced(services, filtered(services, document))
    services.filters.delete(LOCAL, kept.id)
    filtered(services, document)

    wanted = proposed(services, LOCAL, document.id, NAMES)
    seen = preview(services, LOCAL, document.id, wanted)

    assert seen is not None
    assert (len(seen.changed), seen.spoken_anew, seen.quote.chars) == (3, 0, 0)


def test_a_preview_of_a_changed_filter_takes_the_place_of_the_old_one(
    services, document
):
    kept = services.filters.add(LOCAL, NAMES)
    filtered(services, document)
    less = replace(NAMES, rules=(Rule("read", "red"),))

    wanted = proposed(services, LOCAL, document.id, less, filter_id=kept.id)
    seen = preview(services, LOCAL, document.id, wanted)

    assert seen is not None
    assert [one.said_after for one in seen.changed] == [
        SHOWN[0],
        "Then Hermione red.",
        SHOWN[4],
    ]


def test_the_reach_of_a_filter_for_all_documents_is_told(services, document):
    add_document(services, ["Nothing of the kind."], title="Other")
    add_document(services, ["Hermione again."], title="Third")
    add_document(services, SHOWN, principal=OTHER)

    found = reach(services, LOCAL, [NAMES])

    assert (found.documents, found.blocks, found.looked_through) == (2, 4, 3)


def test_the_document_of_another_is_not_previewed(services, document):
    with pytest.raises(NotFound):
        preview(services, OTHER, document.id, [NAMES])


def test_a_preview_refuses_what_cannot_be_used(services, document):
    wrong = Filter("Wrong", (Rule("(", kind=RuleKind.PATTERN),))

    with pytest.raises(BadPattern):
        preview(services, LOCAL, document.id, [wrong])
