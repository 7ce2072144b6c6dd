"""Variants: made once, heard by many, refused to nobody who may hear them."""

import json
import multiprocessing
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from lectern.accounts.people import LOCAL
from lectern.ids import BlobHash, VariantKey
from lectern.settings import Settings
from lectern.speech.variants import Outcome
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.variants import Claim
from tests.support.stores import (
    OTHER,
    VOICE,
    Clock,
    add_document,
    key_of,
    link_to,
    made,
    publish,
    settings_in,
    voice,
)

KEY = key_of("hello")


def requests(services: Services) -> list[tuple[str, bool]]:
    """Return the outcome of every request so far, and whether ownership moved."""
    return [
        (event.payload["outcome"], event.payload["legacy_owner_flip"])
        for event in services.outbox.pending()
        if event.kind == "requested"
    ]


def test_a_variant_is_found_with_its_words_once_it_is_complete(
    services: Services,
) -> None:
    document = add_document(services, "hello")
    link = link_to("hello")
    assert services.variants.find([KEY]) == {}

    voice(services, document, link)

    variant = services.variants.find([KEY])[KEY]
    assert services.blobs.read(variant.blob) == f"audio of {KEY}".encode()
    assert variant.words[0].end_char == 5
    assert services.variants.keys_of(document.principal, document.id, VOICE) == {
        0: (KEY, 300)
    }


def test_only_one_holder_has_a_claim(timed: Services, clock: Clock) -> None:
    first = timed.variants.claim(KEY, "first", 30)

    assert first is not None
    assert timed.variants.claim(KEY, "second", 30) is None
    assert timed.variants.claimed([KEY]) == {KEY}
    clock.pass_(31)
    assert timed.variants.claimed([KEY]) == set()
    second = timed.variants.claim(KEY, "second", 30)
    assert second is not None
    assert second.token == first.token + 1


def test_the_result_of_a_claim_that_was_taken_over_is_refused(
    timed: Services, clock: Clock
) -> None:
    document = add_document(timed, "hello")
    late = timed.variants.claim(KEY, "late", 30)
    clock.pass_(31)
    newer = timed.variants.claim(KEY, "newer", 30)
    assert late is not None
    assert newer is not None

    def complete(claim: Claim) -> set[VariantKey]:
        return timed.variants.complete(
            LOCAL,
            document,
            voice_id=VOICE,
            completions=[made(timed, claim, link_to("hello"))],
        )

    assert complete(late) == set()
    assert complete(newer) == {KEY}
    assert complete(late) == set()
    assert requests(timed) == [("synthesised", False)]


def test_an_expired_claim_nobody_took_still_counts(
    timed: Services, clock: Clock
) -> None:
    document = add_document(timed, "hello")
    claim = timed.variants.claim(KEY, "slow", 30)
    assert claim is not None
    clock.pass_(3600)
    completion = made(timed, claim, link_to("hello"))

    accepted = timed.variants.complete(
        LOCAL, document, voice_id=VOICE, completions=[completion]
    )

    assert accepted == {KEY}


def test_a_renewed_claim_outlives_its_first_expiry(
    timed: Services, clock: Clock
) -> None:
    claim = timed.variants.claim(KEY, "busy", 30)
    assert claim is not None
    clock.pass_(20)
    assert timed.variants.renew([claim], 30) == {KEY}
    clock.pass_(20)

    assert timed.variants.claim(KEY, "eager", 30) is None


def test_a_released_claim_is_free_at_once_and_its_holder_is_out(
    services: Services,
) -> None:
    first = services.variants.claim(KEY, "one", 30)
    assert first is not None
    services.variants.release([first])

    second = services.variants.claim(KEY, "two", 30)

    assert second is not None
    assert second.token > first.token
    assert services.variants.renew([first], 30) == set()


def test_many_are_claimed_at_once_and_only_the_free_ones(services: Services) -> None:
    document = add_document(services, "a")
    keys = [key_of(str(number)) for number in range(1200)]
    taken = services.variants.claim(keys[7], "other", 30)
    assert taken is not None
    voice(services, document, link_to("3"))

    claims = services.variants.claim_many(keys, "me", 30)

    missing = set(keys) - {claim.key for claim in claims}
    assert missing == {keys[7], keys[3]}


@pytest.mark.parametrize("few", [64, 0], ids=["rare", "popular"])
def test_each_way_of_meeting_a_request_is_told_apart(
    services: Services, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("resources.stores.ownership.FEW", few)
    mine, again = add_document(services, "x"), add_document(services, "y")
    theirs = add_document(services, "z", principal=OTHER)
    voice(services, mine, link_to("hello", index=0, block="one"))

    def ask(document: Document, index: int, block: str) -> dict[Outcome, int]:
        return services.variants.link(
            document.principal,
            document,
            voice_id=VOICE,
            links=[link_to("hello", index=index, block=block)],
        )

    assert ask(mine, 0, "one") == {Outcome.REPLAYED: 1}
    assert ask(mine, 5, "two") == {Outcome.MERGED_SAME_DOCUMENT: 1}
    assert ask(again, 0, "three") == {Outcome.MERGED_SAME_OWNER: 1}
    assert ask(theirs, 0, "four") == {Outcome.MERGED_OTHER_OWNER: 1}
    assert ask(theirs, 0, "four") == {Outcome.REPLAYED: 1}


def test_the_ancestors_change_of_owner_is_counted(services: Services) -> None:
    """There one block owned a variant, and each other block that played took it."""
    document = add_document(services, "x")
    one, two = link_to("hello", block="one"), link_to("hello", index=1, block="two")
    voice(services, document, one)

    for link in (one, two, two, one):
        services.variants.link(LOCAL, document, voice_id=VOICE, links=[link])

    flips = [flip for _, flip in requests(services)]
    assert flips == [False, False, True, False, True]


def test_a_joined_request_moves_no_owner(services: Services) -> None:
    document = add_document(services, "x")
    voice(services, document, link_to("hello", block="one"))

    counts = services.variants.link(
        LOCAL,
        document,
        voice_id=VOICE,
        links=[link_to("hello", index=1, block="two")],
        joined={KEY},
    )

    assert counts == {Outcome.JOINED: 1}
    assert requests(services)[-1] == ("joined", False)


def test_a_block_cannot_link_to_a_sound_that_does_not_exist(services: Services) -> None:
    document = add_document(services, "x")
    link = link_to("unknown")

    assert services.variants.link(LOCAL, document, voice_id=VOICE, links=[link]) == {}
    assert services.variants.keys_of(document.principal, document.id, VOICE) == {}


def test_lost_audio_is_made_again_under_a_higher_token(services: Services) -> None:
    document = add_document(services, "hello")
    voice(services, document, link_to("hello"))
    variant = services.variants.find([KEY])[KEY]

    assert not services.variants.forget(KEY, BlobHash("0" * 64))
    assert services.variants.forget(KEY, variant.blob)
    claim = services.variants.claim(KEY, "mender", 30)

    assert claim is not None
    assert claim.token == 2


@pytest.mark.parametrize("few", [64, 0], ids=["rare", "popular"])
def test_only_a_listener_with_a_block_of_it_owns_a_sound(
    services: Services, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("resources.stores.ownership.FEW", few)
    document = add_document(services, "hello")
    voice(services, document, link_to("hello"))

    assert services.variants.owns(LOCAL, KEY)
    assert not services.variants.owns(OTHER, KEY)
    assert services.variants.places(LOCAL, [KEY]) == {KEY: (document.id, 0)}
    assert services.variants.places(OTHER, [KEY]) == {}


def test_links_come_in_the_order_they_were_made(services: Services) -> None:
    document = add_document(services, "a", "b")
    voice(services, document, link_to("b", index=1))
    voice(services, document, link_to("a", index=0))

    rows = services.variants.links_after(document.principal, document.id, VOICE, 0)

    assert [(index, key) for _, index, key, _ in rows] == [
        (1, key_of("b")),
        (0, key_of("a")),
    ]
    assert (
        services.variants.links_after(
            document.principal, document.id, VOICE, rows[0][0]
        )
        == rows[1:]
    )


def test_asking_again_changes_no_link(services: Services) -> None:
    document = add_document(services, "a")
    voice(services, document, link_to("a"))
    before = services.variants.links_after(document.principal, document.id, VOICE, 0)

    services.variants.link(LOCAL, document, voice_id=VOICE, links=[link_to("a")])

    assert (
        services.variants.links_after(document.principal, document.id, VOICE, 0)
        == before
    )


def test_links_of_an_older_text_are_not_shown_and_cannot_come_back(
    services: Services,
) -> None:
    old = add_document(services, "a", "b")
    voice(services, old, link_to("a"))
    new = publish(services, old, "c")
    assert services.variants.keys_of(new.principal, new.id, VOICE) == {}
    voice(services, new, link_to("c"))

    services.variants.link(LOCAL, old, voice_id=VOICE, links=[link_to("a")])

    assert services.variants.keys_of(new.principal, new.id, VOICE) == {
        0: (key_of("c"), 60)
    }


def test_a_sound_lives_as_long_as_a_block(timed: Services, clock: Clock) -> None:
    first, second = add_document(timed, "x"), add_document(timed, "y")
    voice(timed, first, link_to("hello"))
    timed.variants.link(LOCAL, second, voice_id=VOICE, links=[link_to("hello")])

    for document, left in ((first, []), (second, [KEY])):
        timed.catalog.delete(LOCAL, document.id)
        timed.catalog.purge(document.id)
        assert [k for some in timed.variants.unreachable() for k in some] == left
    assert list(timed.variants.unreachable(older_than=timedelta(hours=1))) == []
    assert timed.variants.delete_unreachable([KEY]) == 1


def _race(settings: Settings, document_id: str, made_folder: Path) -> None:
    """Make a variant like a worker does, or wait for who makes it."""
    services = Services.open(settings)
    document = services.catalog.find(document_id)  # type: ignore[arg-type]
    deadline = time.monotonic() + 20
    joined: set[VariantKey] = set()
    while KEY not in services.variants.find([KEY]) and time.monotonic() < deadline:
        claim = services.variants.claim(KEY, "racer", 30)
        if claim is None:
            joined.add(KEY)
            time.sleep(0.005)
            continue
        (made_folder / str(time.monotonic_ns())).touch()
        time.sleep(0.05)
        completion = made(services, claim, link_to("hello"))
        services.variants.complete(
            LOCAL, document, voice_id=VOICE, completions=[completion]
        )
        return
    links = [link_to("hello", index=1, block="another")]
    services.variants.link(LOCAL, document, voice_id=VOICE, links=links, joined=joined)


def test_racing_processes_make_one_synthesis(
    services: Services, tmp_path: Path
) -> None:
    document = add_document(services, "hello")
    made_folder = tmp_path / "made"
    made_folder.mkdir()
    context = multiprocessing.get_context("fork")
    arguments = (services.settings, document.id, made_folder)
    racers = [context.Process(target=_race, args=arguments) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(30)

    outcomes = sorted(outcome for outcome, _ in requests(services))
    assert [racer.exitcode for racer in racers] == [0] * 6
    assert len(list(made_folder.iterdir())) == 1
    assert outcomes.count("synthesised") == 1
    assert len(outcomes) == 6


class ClaimMachine(RuleBasedStateMachine):
    """Workers claim, stall, give up, die and finish in any order.

    Whatever happens, a key has one live holder, tokens only rise, a completed
    variant comes from the newest claim, and nothing is made twice.
    """

    services: Services
    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.document = add_document(self.services, "x")
        self.words = self.document.id
        self.key = key_of(self.words)
        self.claims: list[Claim] = []
        self.out: set[int] = set()  # tokens that were given up
        self.completed = 0

    @rule(lease=st.sampled_from([5.0, 50.0]))
    def claim(self, lease: float) -> None:
        claim = self.services.variants.claim(self.key, "worker", lease)
        if claim is None:
            live = self.services.variants.claimed([self.key])
            assert live or self.completed
            return
        assert not self.completed
        assert all(claim.token > older.token for older in self.claims)
        self.claims.append(claim)

    @rule(seconds=st.sampled_from([1.0, 10.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.clock.pass_(seconds)

    @rule(back=st.integers(0, 2))
    def release(self, back: int) -> None:
        if len(self.claims) > back:
            claim = self.claims[-1 - back]
            self.services.variants.release([claim])
            self.out.add(claim.token)

    @rule(back=st.integers(0, 2))
    def renew(self, back: int) -> None:
        if len(self.claims) > back:
            claim = self.claims[-1 - back]
            held = self.services.variants.renew([claim], 30)
            assert bool(held) == self.holds(claim)

    @rule(back=st.integers(0, 2))
    def complete(self, back: int) -> None:
        if len(self.claims) <= back:
            return
        claim = self.claims[-1 - back]
        expected = self.holds(claim)
        accepted = self.services.variants.complete(
            LOCAL,
            self.document,
            voice_id=VOICE,
            completions=[made(self.services, claim, link_to(self.words))],
        )
        assert bool(accepted) == expected
        self.completed += bool(accepted)

    def holds(self, claim: Claim) -> bool:
        newest = claim.token == self.claims[-1].token
        return newest and claim.token not in self.out and not self.completed

    @invariant()
    def made_at_most_once(self) -> None:
        assert self.completed <= 1
        exists = self.key in self.services.variants.find([self.key])
        assert exists == bool(self.completed)


def test_claims_hold_in_any_order(tmp_path_factory: pytest.TempPathFactory) -> None:

    ClaimMachine.clock = Clock()
    ClaimMachine.services = Services.open(
        settings_in(tmp_path_factory.mktemp("claims")), clock=ClaimMachine.clock
    )
    run_state_machine_as_test(
        ClaimMachine, settings=settings(max_examples=settings().max_examples // 2)
    )
    ClaimMachine.services.close()


def test_events_carry_numbers_and_never_text(services: Services) -> None:
    document = add_document(services, "a very private sentence")
    voice(services, document, link_to("a very private sentence"))

    events = json.dumps([event.payload for event in services.outbox.pending()])

    assert "private" not in events
