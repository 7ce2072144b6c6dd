"""Sounds stay between those whom the setting names, whatever people do."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from lectern.accounts.people import Principal, Role
from lectern.errors import NotFound
from lectern.ids import DocumentId, VariantKey
from lectern.settings import Settings
from lectern.speech.privacy import AudioScope
from lectern.speech.variants import Outcome
from resources.services import Services
from resources.stores import schema
from resources.stores.catalog import Document
from resources.stores.variants import Completion
from resources.texts import text_of
from tests.support.accounts import add_person, with_accounts
from tests.support.speech import ToneEngine, add_document
from tests.support.stores import give

VOICE = "tone:en"
WORDS = ("The boats lay still.", "Nobody spoke.")
STEPS = hypothesis_settings(max_examples=12, stateful_step_count=14, deadline=None)


class Place:
    """An installation of two people and two guests."""

    def __init__(self, settings: Settings, scope: AudioScope) -> None:
        speech = settings.speech.model_copy(update={"share_audio": scope})
        chosen = with_accounts(settings).model_copy(update={"speech": speech})
        self.services = Services.open(chosen)
        self.services.speech_engines().add(ToneEngine())
        self.people = [
            add_person(self.services, "anna").principal,
            add_person(self.services, "bert").principal,
            add_person(self.services, "gus", role=Role.GUEST).principal,
            add_person(self.services, "gil", role=Role.GUEST).principal,
        ]
        for one in self.people:
            give(self.services, one, documents=10_000)
        self.scope = scope
        self.round = 0

    def may_meet(self, one: Principal, other: Principal) -> bool:
        """Whether two people's texts may share a sound."""
        if one == other or self.scope is AudioScope.EVERYONE:
            return True
        is_guest = Role.GUEST in (one.role, other.role)
        return self.scope is AudioScope.WORKSPACE and not is_guest

    def key_of(self, reader: Principal, document: Document) -> VariantKey:
        """Return the key under which a reader hears the one block of a document."""
        seen = self.services.catalog.readable(reader, document.id)
        text = text_of(self.services, seen)
        assert text is not None
        voice = self.services.speech_engines().voice(VOICE)
        reading = self.services.voicing().reading(seen, text.blocks, voice=voice)
        [utterance] = reading.utterances([0])
        return utterance.key

    def listen(self, reader: Principal, document: Document) -> Outcome:
        """Have a document's block spoken, and return how that was met."""
        seen = self.services.catalog.readable(reader, document.id)
        text = text_of(self.services, seen)
        assert text is not None
        voice = self.services.speech_engines().voice(VOICE)
        reading = self.services.voicing().reading(seen, text.blocks, voice=voice)
        [utterance] = reading.utterances([0])
        variants, link = self.services.variants, utterance.link(900)
        claim = variants.claim(utterance.key, "test", 60)
        if claim is None:
            [outcome] = variants.link(reader, seen, voice_id=VOICE, links=[link])
            return outcome
        sound = self.services.blobs.put(utterance.key.encode())
        made = Completion(claim, link, sound, 64, (), "tone", 5)
        variants.complete(reader, seen, voice_id=VOICE, completions=[made])
        return Outcome.SYNTHESISED


@pytest.fixture(params=list(AudioScope))
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    settings = Settings(_env_file=None, data_dir=tmp_path, disk_reserve_bytes=0)
    opened = Place(settings, request.param)
    yield opened
    opened.services.close()


whoever = st.integers(0, 3)


class People(RuleBasedStateMachine):
    """Add, share, leave, delete and listen, in any order."""

    place: ClassVar[Place]
    documents = Bundle("documents")

    def __init__(self) -> None:
        super().__init__()
        self.place.round += 1
        self.added: list[Document] = []
        self.guests: set[tuple[DocumentId, str]] = set()
        self.deleted: set[DocumentId] = set()

    @rule(
        target=documents,
        number=whoever,
        words=st.sampled_from(WORDS),
    )
    def add(self, number: int, words: str) -> object:
        who = self.place.people[number]
        shown = f"{words} {self.place.round}."
        made = add_document(self.place.services, [shown], principal=who)
        self.added.append(made)
        return multiple(made)

    @rule(document=documents, number=whoever)
    def listen(self, document: Document, number: int) -> None:
        who = self.place.people[number]
        if not self.may_read(who, document):
            with pytest.raises(NotFound):
                self.place.listen(who, document)
            return
        outcome = self.place.listen(who, document)
        if self.place.scope is AudioScope.PRIVATE:
            assert outcome is not Outcome.MERGED_OTHER_OWNER
            assert self.place.key_of(who, document) == self.place.key_of(
                document.principal, document
            )

    @rule(document=documents, number=whoever)
    def share(self, document: Document, number: int) -> None:
        who = self.place.people[number]
        if who == document.principal or document.id in self.deleted:
            return
        self.place.services.shares.let_in(
            document.principal, document.id, who, named="n@example.org"
        )
        self.guests.add((document.id, who.owner_id))

    @rule(document=documents, number=whoever)
    def leave(self, document: Document, number: int) -> None:
        who = self.place.people[number]
        if (document.id, who.owner_id) in self.guests:
            self.place.services.shares.leave(who, document.id)
            self.guests.remove((document.id, who.owner_id))

    @rule(document=documents)
    def delete(self, document: Document) -> None:
        if document.id not in self.deleted:
            self.place.services.catalog.delete(document.principal, document.id)
            self.deleted.add(document.id)

    def may_read(self, who: Principal, document: Document) -> bool:
        if document.id in self.deleted:
            return False
        is_guest = (document.id, who.owner_id) in self.guests
        return who == document.principal or is_guest

    @invariant()
    def sounds_stay_where_they_belong(self) -> None:
        by_id = {document.id: document for document in self.added}
        links = schema.block_audio.c
        query = select(links.key, links.document_id)
        with self.place.services.database.read() as connection:
            rows = connection.execute(
                query.where(links.document_id.in_(list(by_id)))
            ).all()
        heard: dict[VariantKey, list[Document]] = {}
        for key, document_id in rows:
            heard.setdefault(VariantKey(key), []).append(by_id[document_id])
        roles = {one.owner_id: one for one in self.place.people}
        for key, documents in heard.items():
            owners = [roles[document.owner_id] for document in documents]
            assert all(self.place.may_meet(owners[0], other) for other in owners)
            for who in self.place.people:
                may = any(
                    who == document.principal or self.may_read(who, document)
                    for document in documents
                )
                found = self.place.services.variants.find_own(who, key)
                assert (found is not None) == may


def test_only_those_share_a_sound_whom_the_setting_names(place: Place) -> None:
    here = type("Here", (People,), {"place": place})

    run_state_machine_as_test(here, settings=STEPS)


def test_equal_texts_of_people_who_may_meet_cost_nothing(place: Place) -> None:
    """And of those who may not, each is spoken for its own."""
    anna, bert, gus, gil = place.people
    mine = add_document(place.services, [WORDS[0]], principal=anna)
    assert place.listen(anna, mine) is Outcome.SYNTHESISED

    met = [
        place.listen(who, add_document(place.services, [WORDS[0]], principal=who))
        for who in (anna, bert, gus, gil)
    ]

    alone, shared = Outcome.SYNTHESISED, Outcome.MERGED_OTHER_OWNER
    assert (
        met
        == {
            AudioScope.PRIVATE: [Outcome.MERGED_SAME_OWNER, alone, alone, alone],
            AudioScope.WORKSPACE: [Outcome.MERGED_SAME_OWNER, shared, alone, alone],
            AudioScope.EVERYONE: [Outcome.MERGED_SAME_OWNER, shared, shared, shared],
        }[place.scope]
    )


def test_what_a_reader_has_spoken_is_made_in_their_name(place: Place) -> None:
    anna, bert, *_ = place.people
    document = add_document(place.services, [WORDS[1]], principal=anna)
    place.services.shares.let_in(anna, document.id, bert, named="b@example.org")

    assert place.listen(bert, document) is Outcome.SYNTHESISED
    assert place.listen(anna, document) is Outcome.REPLAYED

    with place.services.database.read() as connection:
        whose = connection.scalars(select(schema.variant.c.first_owner_id)).all()
        charged = connection.execute(
            select(schema.outbox.c.owner_id).where(
                schema.outbox.c.kind == "synthesised"
            )
        ).all()
    assert whose == [bert.owner_id]
    assert charged == [(bert.owner_id,)]
