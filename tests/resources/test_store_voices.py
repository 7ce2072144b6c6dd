"""Custom voices are kept, shared and taken back, and nobody sees another's."""

from datetime import timedelta

import pytest

from lectern.accounts.people import LOCAL, Principal, Role
from lectern.errors import (
    EngineUnavailable,
    NameTaken,
    NotFound,
    TooManyVoices,
    UnknownVoice,
)
from lectern.ids import OwnerId
from lectern.settings import Limits, Settings
from lectern.speech.custom_voices import Visibility, mix_of
from lectern.speech.voices import speaks
from resources.choosing import choose_voice
from resources.services import Services
from resources.stores.sweep import sweep
from tests.support.accounts import add_person
from tests.support.speech import add_document, sentence
from tests.support.stores import OTHER, Clock, let_days_pass
from tests.support.voices import MIX, SCENE, add_voice, clip, reference, with_blend

THIRD = Principal(OwnerId("third"))


def test_a_voice_comes_back_as_it_was_made(services: Services):
    for recipe in (MIX, SCENE, reference(services.blobs.put(clip()))):
        made = add_voice(services, f"A {recipe.kind}", recipe=recipe, licence="CC0-1.0")

        assert services.voices.get(LOCAL, made.id) == made
        assert made.voice().parameters == recipe.parameters()


def test_two_voices_of_one_owner_and_engine_never_share_a_name(services: Services):
    add_voice(services, "Anna")
    add_voice(services, "Anna", principal=OTHER)
    add_voice(services, "Anna", engine="another")

    with pytest.raises(NameTaken, match="anna!"):
        add_voice(services, "anna!")
    second = services.voices.add(LOCAL, _draft_like(services, "Anna"), rename=True)
    assert second.name == "Anna 2"


def _draft_like(services: Services, name: str):
    from resources.stores.voices import VoiceDraft

    return VoiceDraft(
        name=name, engine="blend", engine_version="1", language="en", recipe=MIX
    )


def test_somebody_elses_private_voice_does_not_exist(services: Services):
    made = add_voice(services, principal=OTHER)

    for refused in (
        lambda: services.voices.get(LOCAL, made.id),
        lambda: services.voices.own(LOCAL, made.id),
        lambda: services.voices.change(LOCAL, made.id, name="Mine"),
        lambda: services.voices.delete(LOCAL, made.id),
        lambda: services.voices.set_visibility(LOCAL, made.id, Visibility.PUBLIC),
        lambda: services.voice_links.make(LOCAL, made.id),
        lambda: services.voice_links.of(LOCAL, made.id),
    ):
        with pytest.raises(NotFound):
            refused()
    assert services.voices.all(LOCAL) == []


@pytest.mark.parametrize("visibility", [Visibility.WORKSPACE, Visibility.PUBLIC])
def test_a_shared_voice_is_used_by_all_and_changed_by_one(
    services: Services, visibility: Visibility
):
    made = add_voice(services, principal=OTHER)
    services.voices.set_visibility(OTHER, made.id, visibility)

    assert services.voices.get(LOCAL, made.id).owner_id == OTHER.owner_id
    with pytest.raises(NotFound):
        services.voices.delete(LOCAL, made.id)


def test_a_guest_has_no_voice_of_the_workspace(services: Services):
    gus = add_person(services, "gus", role=Role.GUEST).principal
    made = add_voice(services, principal=OTHER)
    services.voices.set_visibility(OTHER, made.id, Visibility.WORKSPACE)

    assert services.voices.find(gus, made.id) is None
    assert services.voices.all(gus) == []
    services.voices.set_visibility(OTHER, made.id, Visibility.PUBLIC)
    assert services.voices.find(gus, made.id) is not None


def test_a_link_lets_in_whoever_accepts_it_until_it_is_taken_back(services: Services):
    made = add_voice(services, principal=OTHER)
    link, token = services.voice_links.make(OTHER, made.id)

    assert services.voice_links.accept(LOCAL, token).id == made.id
    assert services.voices.own(OTHER, made.id).visibility is Visibility.LINK
    assert [one.guests for one in services.voice_links.of(OTHER, made.id)] == [1]
    with pytest.raises(NotFound):
        services.voices.get(THIRD, made.id)

    services.voice_links.revoke(OTHER, made.id, link.id)

    with pytest.raises(NotFound):
        services.voices.get(LOCAL, made.id)
    with pytest.raises(NotFound, match="taken back"):
        services.voice_links.accept(THIRD, token)
    assert services.voices.own(OTHER, made.id).visibility is Visibility.PRIVATE


def test_only_the_digest_of_a_link_is_kept(services: Services, settings: Settings):
    made = add_voice(services)
    _link, token = services.voice_links.make(LOCAL, made.id)
    services.close()

    kept = b"".join(path.read_bytes() for path in settings.root.glob("*.sqlite3*"))
    assert token.encode() not in kept


def test_making_a_voice_private_takes_every_link_back(services: Services):
    made = add_voice(services, principal=OTHER)
    _link, token = services.voice_links.make(OTHER, made.id)
    services.voice_links.accept(LOCAL, token)

    services.voices.set_visibility(OTHER, made.id, Visibility.PRIVATE)

    assert services.voices.find(LOCAL, made.id) is None


def test_a_guest_can_leave(services: Services):
    made = add_voice(services, principal=OTHER)
    _link, token = services.voice_links.make(OTHER, made.id)
    services.voice_links.accept(LOCAL, token)

    services.voice_links.leave(LOCAL, made.id)

    assert services.voices.find(LOCAL, made.id) is None
    with pytest.raises(NotFound):
        services.voice_links.leave(LOCAL, made.id)


def test_a_deleted_voice_comes_back_under_a_free_name(services: Services):
    made = add_voice(services, "Anna")
    services.voices.delete(LOCAL, made.id)
    assert services.voices.find(LOCAL, made.id) is None
    assert [gone.id for gone in services.voices.deleted(LOCAL)] == [made.id]
    add_voice(services, "Anna")

    back = services.voices.restore(LOCAL, made.id)

    assert (back.id, back.name) == (made.id, "Anna 2")


def test_one_person_has_so_many_voices_and_no_more(settings: Settings):
    limited = settings.model_copy(update={"limits": Limits(voices=2)})
    services = Services.open(limited)
    first = add_voice(services, "One")
    add_voice(services, "Two")

    with pytest.raises(TooManyVoices, match="2 voices"):
        add_voice(services, "Three")
    add_voice(services, "Three", principal=OTHER)
    services.voices.delete(LOCAL, first.id)
    add_voice(services, "Three")
    with pytest.raises(TooManyVoices):
        services.voices.restore(LOCAL, first.id)
    services.close()


def test_a_recording_is_kept_while_its_voice_is_and_a_while_after(
    timed: Services, clock: Clock
):
    blob = timed.blobs.put(clip())
    made = add_voice(timed, recipe=reference(blob))
    sweep(timed, grace=timedelta(0))
    assert timed.blobs.exists(blob)

    timed.voices.delete(LOCAL, made.id)
    sweep(timed, grace=timedelta(0))
    assert timed.blobs.exists(blob)
    let_days_pass(timed, clock, 31)
    sweep(timed, grace=timedelta(0))

    assert not timed.blobs.exists(blob)
    with pytest.raises(NotFound):
        timed.voices.restore(LOCAL, made.id)


def test_the_registry_knows_the_voices_of_who_asks(services: Services):
    with_blend(services)
    mine = add_voice(services, "Mine").voice_id
    theirs = add_voice(services, "Theirs", principal=OTHER).voice_id
    engines = services.speech_engines()

    assert engines.voice(mine, LOCAL).engine == "blend"
    assert engines.voices("en", LOCAL)[0].id == mine
    assert theirs not in {voice.id for voice in engines.voices(principal=LOCAL)}
    for voice_id, principal in ((theirs, LOCAL), (mine, None), ("custom:x", LOCAL)):
        with pytest.raises(UnknownVoice):
            engines.voice(voice_id, principal)


def test_a_voice_whose_engine_is_gone_says_so(services: Services):
    made = add_voice(services)

    with pytest.raises(EngineUnavailable, match="needs the speech engine “blend”"):
        services.speech_engines().voice(made.voice_id, LOCAL)
    assert made.voice_id not in {
        voice.id for voice in services.speech_engines().voices(principal=LOCAL)
    }


def test_each_person_chooses_who_reads_a_language(services: Services):
    with_blend(services)
    made, engines = add_voice(services), services.speech_engines()
    services.personal_voices().set_default(LOCAL, "en-GB", made.voice_id)

    assert engines.default_voice("en-us", LOCAL).id == made.voice_id
    assert engines.default_voice("en", OTHER).engine == "espeak"
    assert engines.default_voice("de", LOCAL).engine == "espeak"
    services.voices.delete(LOCAL, made.id)
    assert engines.default_voice("en", LOCAL).engine == "espeak"


def test_a_voice_is_stale_once_its_engine_changed_and_still_speaks(services: Services):
    engine = with_blend(services)
    made = add_voice(services)
    engine.version = "2"

    assert made.is_stale(engine.version)
    assert services.speech_engines().voice(made.voice_id, LOCAL)
    anew = services.voices.change(LOCAL, made.id, engine_version="2")
    assert not anew.is_stale(engine.version)


def voiced(services: Services, document, indices, *, asked: str | None = None) -> dict:
    from resources.texts import text_of

    document = services.catalog.find(document.id)
    choice = choose_voice(services, document, asked=asked)
    reading = services.voicing().reading(
        document,
        text_of(services, document).blocks,
        voice=choice.voice,
        stand_in=choice.stand_in,
    )
    services.voicing().voice(document.principal, reading, indices)
    return services.variants.keys_of(document.principal, document.id, choice.voice.id)


def test_what_a_deleted_voice_has_spoken_stays_and_another_goes_on(services: Services):
    engine = with_blend(services)
    made = add_voice(services)
    document = add_document(services, [sentence(number) for number in range(4)])
    services.catalog.set_voice(LOCAL, document.id, made.voice_id)
    before = voiced(services, document, [0, 1])
    assert len(engine.spoken) == 2

    services.voices.delete(LOCAL, made.id)
    choice = choose_voice(services, services.catalog.find(document.id))
    after = voiced(services, document, range(4))

    assert {index: after[index] for index in (0, 1)} == before
    assert len(after) == 4
    assert len(engine.spoken) == 2  # it did not speak again
    assert "Anna" in choice.remark
    assert choice.speaks_now.engine == "espeak"
    services.voicing().close()


def test_a_voice_never_heard_in_a_document_gives_way_with_a_remark(services: Services):
    with_blend(services)
    made = add_voice(services)
    document = add_document(services, [sentence(0)])
    services.catalog.set_voice(LOCAL, document.id, made.voice_id)
    services.voices.delete(LOCAL, made.id)
    document = services.catalog.find(document.id)

    choice = choose_voice(services, document)

    assert choice.voice.engine == "espeak"
    assert choice.remark
    with pytest.raises(UnknownVoice):
        choose_voice(services, document, asked="custom:" + "0" * 32)


def test_blocks_of_another_language_are_read_by_that_languages_own_choice(
    services: Services,
):
    with_blend(services)
    german = add_voice(services, "Dirk", recipe=mix_of([("dirk", 1)]), language="de")
    services.personal_voices().set_default(LOCAL, "de", german.voice_id)
    engines = services.speech_engines()
    english = engines.voice("blend:ada")

    other = engines.voice_for("de", english, LOCAL)

    assert other.id == german.voice_id
    assert speaks(other, "de")
