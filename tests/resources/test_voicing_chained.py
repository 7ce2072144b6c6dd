"""Voices that go on from what they said: the blocks they hear come first."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from lectern.documents.blocks import Block
from lectern.documents.pages import BlockKind
from lectern.errors import EngineCrashed
from lectern.ids import VariantKey
from lectern.speech.variants import Outcome
from lectern.speech.voices import Voice
from resources.engines.opus import decode
from resources.engines.speech import Heard
from resources.engines.speech import Speech as Spoken
from resources.reading import Reading
from resources.services import Services
from resources.stores.catalog import Document
from resources.texts import text_of
from resources.voicing import Tally, Voicing
from tests.support.speech import ToneEngine, add_document, block, sentence, settings_at

VOICE = "chain:en"


class ChainEngine(ToneEngine):
    """Hears two blocks before each, and keeps what it heard."""

    name = "chain"
    texts_at_once = 3

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[str, list[str]] = {}
        self.lengths: list[int] = []
        self.at_once = self.most_at_once = 0
        self._counting = threading.Lock()

    def voices(self) -> Sequence[Voice]:
        """Return a voice that hears two blocks."""
        return [Voice(VOICE, "chain", "Chain", "en", parameters={"mode": "chained"})]

    def context_blocks(self, voice: Voice) -> int:
        """Return two."""
        return 2

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Spoken:
        """Return a tone."""
        with self._counting:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.heard[text] = [heard.text for heard in context]
            self.lengths += [len(decode(heard.sound)) for heard in context]
        try:
            return super().synthesise(text, voice)
        finally:
            with self._counting:
                self.at_once -= 1


@pytest.fixture
def engine() -> ChainEngine:
    """Return the engine of these tests."""
    return ChainEngine()


@pytest.fixture
def services(tmp_path: Path, engine: ChainEngine) -> Services:
    """Return services with an empty library."""
    services = Services.open(settings_at(tmp_path, processes=2))
    services.speech_engines().add(engine)
    return services


def section(first: int, count: int) -> list[Block]:
    """Return a heading and the paragraphs under it."""
    heading = block(0, f"Part {first}", kind=BlockKind.HEADING)
    return [heading, *(block(0, sentence(first + n)) for n in range(count))]


def reading_of(services: Services, document: Document) -> Reading:
    """Return a document as the chained voice reads it."""
    text = text_of(services, document)
    assert text is not None
    voice = services.speech_engines().voice(VOICE)
    return services.voicing().reading(document, text.blocks, voice=voice)


def voiced(
    services: Services,
    document: Document,
    indices: Sequence[int] | None = None,
    *,
    voicing: Voicing | None = None,
    batch_blocks: int = 16,
) -> Tally:
    """Voice blocks of a document, all unless some are named."""
    reading = reading_of(services, document)
    return (voicing or services.voicing()).voice(
        document.principal,
        reading,
        range(len(reading)) if indices is None else indices,
        batch_blocks=batch_blocks,
    )


def keys_of(services: Services, document: Document) -> list[VariantKey]:
    """Return the key of every block."""
    said = reading_of(services, document).utterances(range(document.block_count))
    return [utterance.key for utterance in said]


def test_a_block_hears_those_before_it_in_its_section(
    services: Services, engine: ChainEngine
):
    document = add_document(services, [*section(0, 4), *section(10, 2)])

    tally = voiced(services, document)

    assert tally.outcomes == {Outcome.SYNTHESISED: 8}
    assert engine.heard == {
        "Part 0": [],
        sentence(0): ["Part 0"],
        sentence(1): ["Part 0", sentence(0)],
        sentence(2): [sentence(0), sentence(1)],
        sentence(3): [sentence(1), sentence(2)],
        "Part 10": [],
        sentence(10): ["Part 10"],
        sentence(11): ["Part 10", sentence(10)],
    }
    assert all(engine.lengths)


def test_what_is_not_spoken_is_not_heard(services: Services, engine: ChainEngine):
    blocks = [
        block(0, sentence(0)),
        block(1, "Page 7", kind=BlockKind.FURNITURE),
        block(2, sentence(1)),
    ]
    document = add_document(services, blocks)

    voiced(services, document)

    assert engine.heard[sentence(1)] == [sentence(0)]


def test_a_block_of_another_voice_is_not_heard(services: Services, engine: ChainEngine):
    blocks = [
        block(0, sentence(0)),
        block(1, "Guten Morgen.", language="de"),
        block(2, sentence(1)),
    ]
    document = add_document(services, blocks)

    voiced(services, document)

    assert engine.heard[sentence(1)] == [sentence(0)]


def test_a_jump_makes_what_the_block_hears_and_no_more(
    services: Services, engine: ChainEngine
):
    document = add_document(services, [*section(0, 5), *section(10, 5)])

    tally = voiced(services, document, [9], batch_blocks=1)

    assert engine.texts == ["Part 10", sentence(10), sentence(11), sentence(12)]
    assert tally.done == 4
    assert set(services.variants.keys_of(document.principal, document.id, VOICE)) == {
        6,
        7,
        8,
        9,
    }


def test_what_is_there_already_is_heard_and_not_counted_again(
    services: Services, engine: ChainEngine
):
    document = add_document(services, section(0, 5))
    voiced(services, document, [0, 1, 2, 3])

    tally = voiced(services, document, [4])

    assert tally.outcomes == {Outcome.SYNTHESISED: 1}
    assert engine.heard[sentence(3)] == [sentence(1), sentence(2)]


def test_sections_are_spoken_side_by_side(services: Services, engine: ChainEngine):
    engine.gate = threading.Event()
    opener = threading.Timer(0.4, engine.gate.set)
    opener.start()
    document = add_document(
        services, [one for first in (0, 10, 20) for one in section(first, 2)]
    )

    voiced(services, document)

    assert engine.most_at_once == 3
    assert set(engine.texts[:3]) == {"Part 0", "Part 10", "Part 20"}


def test_an_edit_changes_the_rest_of_its_section_only(services: Services):
    before = [*section(0, 3), *section(10, 3)]
    after = list(before)
    after[2] = block(0, "Something else is said here now.")

    old = keys_of(services, add_document(services, before))
    new = keys_of(services, add_document(services, after))

    changed = [n for n, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    assert changed == [2, 3]


def test_equal_sections_share_their_sounds(services: Services, engine: ChainEngine):
    voiced(services, add_document(services, section(0, 3)))

    tally = voiced(services, add_document(services, [*section(5, 1), *section(0, 3)]))

    assert tally.outcomes[Outcome.SYNTHESISED] == 2
    assert tally.outcomes[Outcome.MERGED_SAME_OWNER] == 4


def test_without_context_the_keys_are_what_they_were(tmp_path: Path):
    services = Services.open(settings_at(tmp_path))
    services.speech_engines().add(ToneEngine())
    document = add_document(services, section(0, 1))
    text = text_of(services, document)
    assert text is not None
    voice = services.speech_engines().voice("tone:en")

    keys = services.voicing().keys(document, text.blocks, voice=voice)

    assert [key[:12] for key in keys if key] == ["6c874fe765ef", "289413130d6e"]


def test_a_block_that_fails_takes_along_those_that_would_hear_it(
    services: Services, engine: ChainEngine
):
    engine.crashes_on = {"Line 1:"}
    document = add_document(services, [*section(0, 4), *section(10, 1)])

    tally = voiced(services, document)

    assert set(tally.failures) == {2, 3, 4}
    assert all(isinstance(error, EngineCrashed) for error in tally.failures.values())
    assert set(services.variants.keys_of(document.principal, document.id, VOICE)) == {
        0,
        1,
        5,
        6,
    }
    assert not services.variants.claimed(keys_of(services, document))


def test_a_sound_that_was_lost_is_made_again_before_it_is_heard(
    services: Services, engine: ChainEngine
):
    document = add_document(services, section(0, 2))
    voiced(services, document, [0, 1])
    key, _ = services.variants.keys_of(document.principal, document.id, VOICE)[1]
    services.blobs.delete(services.variants.find([key])[key].blob)

    tally = voiced(services, document, [2])

    assert tally.outcomes == {Outcome.LOST: 1, Outcome.SYNTHESISED: 1}
    assert engine.heard[sentence(1)] == ["Part 0", sentence(0)]


def test_two_askers_of_one_chain_make_each_sound_once(
    services: Services, engine: ChainEngine
):
    one = add_document(services, section(0, 8))
    two = add_document(services, section(0, 8))
    results: list[Tally] = []
    thread = threading.Thread(target=lambda: results.append(voiced(services, one)))
    thread.start()
    time.sleep(0.02)

    tally = voiced(services, two, voicing=Voicing(services))
    thread.join()

    assert tally.done == results[0].done == 9
    assert len(engine.texts) == 9
