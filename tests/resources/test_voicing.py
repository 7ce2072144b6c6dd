"""Every sound is found, waited for or made, and made once."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lectern.accounts.people import Principal
from lectern.documents.blocks import Block
from lectern.documents.pages import BlockKind
from lectern.errors import EngineUnavailable
from lectern.ids import OwnerId
from lectern.speech.variants import Outcome
from resources.services import Services
from resources.stores.catalog import Document
from resources.texts import text_of
from resources.voicing import Tally, Voicing
from tests.support.speech import (
    ToneEngine,
    add_document,
    block,
    sentence,
    settings_at,
)

VOICE = "tone:en"


@pytest.fixture
def engine() -> ToneEngine:
    """Return the engine that every voice of these tests belongs to."""
    return ToneEngine()


@pytest.fixture
def services(tmp_path: Path, engine: ToneEngine) -> Services:
    """Return services with an empty library."""
    services = Services.open(settings_at(tmp_path, processes=2))
    services.speech_engines().add(engine)
    return services


def blocks_of(services: Services, document: Document) -> tuple[Block, ...]:
    """Return a document's blocks."""
    text = text_of(services, document)
    assert text is not None
    return text.blocks


def voiced(services: Services, document: Document, **options: object) -> Tally:
    """Voice a whole document."""
    voicing = options.pop("voicing", services.voicing())
    assert isinstance(voicing, Voicing)
    blocks = blocks_of(services, document)
    voice = services.speech_engines().voice(VOICE)
    reading = voicing.reading(document, blocks, voice=voice)
    return voicing.voice(document.principal, reading, range(len(blocks)), **options)  # type: ignore[arg-type]


def in_background(
    function: object, *arguments: object
) -> tuple[threading.Thread, list]:
    """Call a function on another thread; return it and where its result will be."""
    results: list = []
    thread = threading.Thread(target=lambda: results.append(function(*arguments)))  # type: ignore[operator]
    thread.start()
    return thread, results


@pytest.mark.parametrize(
    ("processes", "cores", "threads"),
    [(0, 2, 3), (2, 2, 3), (2, 8, 2), (0, 1, 1), (1, 1, 1), (1, 4, 1)],
)
def test_one_more_thread_keeps_every_core_busy_where_all_are_to_be_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
    cores: int,
    threads: int,
):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    voicing = Voicing(Services.open(settings_at(tmp_path, processes=processes)))

    assert voicing.threads == threads


def test_the_same_block_again_is_replayed(services: Services, engine: ToneEngine):
    document = add_document(services, [sentence(1), sentence(2)])

    first, second = voiced(services, document), voiced(services, document)

    assert first.outcomes == {Outcome.SYNTHESISED: 2}
    assert second.outcomes == {Outcome.REPLAYED: 2}
    assert len(engine.texts) == 2


def test_equal_blocks_of_a_document_share_one_sound(
    services: Services, engine: ToneEngine
):
    document = add_document(services, [sentence(1), sentence(2), sentence(1)])

    tally = voiced(services, document)

    assert tally.outcomes == {
        Outcome.SYNTHESISED: 2,
        Outcome.MERGED_SAME_DOCUMENT: 1,
    }
    keys = services.variants.keys_of(document.principal, document.id, VOICE)
    assert keys[0] == keys[2]
    assert len(engine.texts) == 2


def test_another_persons_equal_block_costs_nothing(
    services: Services, engine: ToneEngine
):
    voiced(services, add_document(services, [sentence(1)]))
    other = Principal(OwnerId("other"))

    tally = voiced(services, add_document(services, [sentence(1)], principal=other))

    assert tally.outcomes == {Outcome.MERGED_OTHER_OWNER: 1}
    assert len(engine.texts) == 1


def test_skipped_blocks_have_no_key(services: Services):
    document = add_document(services, [sentence(1)])
    blocks = [block(0, sentence(1)), block(1, "17", kind=BlockKind.FURNITURE)]
    voice = services.speech_engines().voice(VOICE)

    keys = services.voicing().keys(document, blocks, voice=voice)

    assert keys[0] is not None
    assert keys[1] is None


def test_a_sound_whose_audio_is_lost_is_made_again(
    services: Services, engine: ToneEngine
):
    document = add_document(services, [sentence(1)])
    voiced(services, document)
    key, _ = services.variants.keys_of(document.principal, document.id, VOICE)[0]
    services.blobs.delete(services.variants.find([key])[key].blob)

    tally = voiced(services, document)

    assert tally.outcomes == {Outcome.LOST: 1}
    assert services.blobs.exists(services.variants.find([key])[key].blob)


def test_two_askers_make_each_sound_once(services: Services, engine: ToneEngine):
    """Both get all their blocks, and the one that came second waited."""
    texts = [sentence(number) for number in range(30)]
    one, two = add_document(services, texts), add_document(services, texts)
    other = Voicing(services)

    thread, results = in_background(lambda: voiced(services, one))
    tally = voiced(services, two, voicing=other)
    thread.join()

    assert tally.done == results[0].done == 30
    assert len(engine.texts) == 30
    assert Outcome.JOINED in tally.outcomes | results[0].outcomes


def test_a_cancelled_asker_does_not_starve_the_one_who_waits(
    services: Services, engine: ToneEngine
):
    engine.gate = threading.Event()
    texts = [sentence(number) for number in range(12)]
    cancelled, waiting = add_document(services, texts), add_document(services, texts)
    stop = threading.Event()
    first, first_tally = in_background(
        lambda: voiced(services, cancelled, should_stop=stop.is_set)
    )
    time.sleep(0.1)
    second, second_tally = in_background(
        lambda: voiced(services, waiting, voicing=Voicing(services))
    )
    time.sleep(0.1)

    stop.set()
    engine.gate.set()
    first.join()
    second.join()

    assert first_tally[0].done < 12
    assert second_tally[0].done == 12
    assert len(engine.texts) == 12


def test_a_stop_keeps_what_is_in_hand_and_frees_the_rest(
    services: Services, engine: ToneEngine
):
    engine.seconds = 20  # long to encode
    document = add_document(services, [sentence(number) for number in range(12)])

    tally = voiced(services, document, should_stop=lambda: len(engine.texts) >= 2)

    made = services.variants.keys_of(document.principal, document.id, VOICE)
    assert len(made) == tally.done == len(engine.texts) < 12
    keys = services.voicing().keys(
        document,
        blocks_of(services, document),
        voice=services.speech_engines().voice(VOICE),
    )
    assert not services.variants.claimed([key for key in keys if key])


def test_a_block_that_crashes_the_engine_is_told_and_the_others_go_on(
    services: Services, engine: ToneEngine
):
    engine.crashes_on = {"Line 1:"}
    document = add_document(services, [sentence(number) for number in range(4)])

    tally = voiced(services, document)

    assert set(tally.failures) == {1}
    assert set(services.variants.keys_of(document.principal, document.id, VOICE)) == {
        0,
        2,
        3,
    }
    assert sum("Line 1:" in text for text in engine.texts) == 2


def test_silence_for_words_is_no_sound(services: Services, engine: ToneEngine):
    engine.is_silent_on = {"Line 0:"}
    document = add_document(services, [sentence(0), sentence(1)])

    tally = voiced(services, document)

    assert tally.failures[0].code == "bad_engine_reply"
    assert set(services.variants.keys_of(document.principal, document.id, VOICE)) == {1}


def test_an_engine_that_does_not_work_stops_everything(
    services: Services, engine: ToneEngine, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise EngineUnavailable("No engine.")

    monkeypatch.setattr(engine, "synthesise", refuse)
    document = add_document(services, [sentence(1)])

    with pytest.raises(EngineUnavailable):
        voiced(services, document)

    assert services.variants.keys_of(document.principal, document.id, VOICE) == {}


def test_a_block_in_another_language_is_read_by_its_voice(tmp_path: Path):
    services = Services.open(settings_at(tmp_path))
    blocks = [block(0, "Good morning."), block(1, "Guten Morgen.", language="de")]
    document = add_document(services, blocks)
    voice = services.speech_engines().voice("espeak:en-us+f3")

    reading = services.voicing().reading(document, blocks, voice=voice)

    voices = [one.voice.id for one in reading.utterances([0, 1])]
    assert voices == ["espeak:en-us+f3", "espeak:de+f3"]


RENDERER = """
import sys
from pathlib import Path
from lectern.ids import DocumentId
from lectern.jobs.states import JobKind
from resources.rendering import voice_document
from resources.services import Services
from tests.support.speech import running_job, settings_at
services = Services.open(settings_at(Path(sys.argv[1]), processes=2))
document = services.catalog.find(DocumentId(sys.argv[2]))
job = running_job(services, document, JobKind.RENDER)
print(voice_document(services, document, job=job), flush=True)
"""


def renderer(folder: Path, document: Document) -> subprocess.Popen[str]:
    """Start a process that renders a document with espeak-ng."""
    return subprocess.Popen(
        [sys.executable, "-c", RENDERER, str(folder), document.id],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


def synthesised_events(services: Services) -> list[str]:
    """Return the key of every sound that was ever completed."""
    events = services.outbox.pending(10_000)
    return [e.payload["variant"] for e in events if e.kind == "synthesised"]


def test_killed_in_the_middle_nothing_is_made_twice(tmp_path: Path):
    services = Services.open(settings_at(tmp_path))
    document = add_document(services, [sentence(n, words=15) for n in range(48)])
    process = renderer(tmp_path, document)
    while (
        len(services.variants.keys_of(document.principal, document.id, "espeak:en-gb"))
        < 16
    ):
        assert process.poll() is None
        time.sleep(0.02)

    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = set(synthesised_events(services))
    output, _ = renderer(tmp_path, document).communicate(timeout=60)

    made = synthesised_events(services)
    assert 16 <= len(before) < 48
    assert len(made) == len(set(made)) == 48
    assert f"'replayed': {len(before)}" in output


def test_two_processes_make_each_sound_once(tmp_path: Path):
    services = Services.open(settings_at(tmp_path))
    document = add_document(services, [sentence(n) for n in range(24)])

    processes = [renderer(tmp_path, document) for _ in range(2)]
    for process in processes:
        process.communicate(timeout=60)

    made = synthesised_events(services)
    assert len(made) == len(set(made)) == 24
    assert (
        len(services.variants.keys_of(document.principal, document.id, "espeak:en-gb"))
        == 24
    )
