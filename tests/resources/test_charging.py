"""Work is charged when it is really made, once, and nothing else is."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from lectern.accounts.people import LOCAL, Principal
from lectern.accounts.units import Unit
from lectern.documents.blocks import Block
from lectern.documents.formats import Format
from lectern.documents.pages import Recognition
from lectern.errors import AllowanceUsedUp
from lectern.ids import OwnerId
from lectern.jobs.states import JobKind
from lectern.settings import Mistral, Settings
from resources.engines.recognition.local import LocalRecogniser
from resources.engines.recognition.mistral import MistralRecogniser
from resources.listening import follow_reader
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.charged_pages import PageCharging
from resources.stores.ledger_checks import mismatches
from resources.texts import text_of
from resources.voicing import Tally
from tests.support.mistral_server import KEY, MistralServer, numbered
from tests.support.speech import (
    Reader,
    ToneEngine,
    add_document,
    running_job,
    sentence,
    settings_at,
)

CHARS, MICROS, PAGES = Unit.TTS_CHARS, Unit.MICROS, Unit.OCR_PAGES
ANNA, BERT = Principal(OwnerId("anna")), Principal(OwnerId("bert"))
VOICE = "tone:en"


class DearEngine(ToneEngine):
    """A tone that costs money: three millionths of a dollar a character."""

    def price_micros(self, chars: int) -> int:
        """Return the price."""
        return 3 * chars


@pytest.fixture
def engine() -> ToneEngine:
    """Return the engine that speaks."""
    return DearEngine()


def with_allowance(folder: Path, engine: ToneEngine, **allowances: int) -> Services:
    """Return services in which everybody but the local person has these allowances."""
    stated = {"free": {"allowances": {"micros": 10**9, **allowances}}}
    settings = settings_at(folder, processes=2)
    named = Settings(_env_file=None, data_dir=folder, plans=stated)  # type: ignore[arg-type]
    services = Services.open(settings.model_copy(update={"plans": named.plans}))
    services.speech_engines().add(engine)
    return services


def used(services: Services, principal: Principal, unit: Unit = CHARS) -> int:
    """Return what somebody was charged of a unit."""
    entries = services.ledger.entries(principal, unit=unit)
    return -sum(entry.delta for entry in entries if entry.kind == "use")


def blocks_of(services: Services, document: Document) -> tuple[Block, ...]:
    text = text_of(services, document)
    assert text is not None
    return text.blocks


def voiced(services: Services, document: Document) -> Tally:
    """Voice a whole document, as a rendering does."""
    blocks = blocks_of(services, document)
    voice = services.speech_engines().voice(VOICE)
    reading = services.voicing().reading(document, blocks, voice=voice)
    return services.voicing().voice(document.principal, reading, range(len(blocks)))


def test_what_is_spoken_is_charged_and_what_exists_is_free(
    tmp_path: Path, engine: ToneEngine
) -> None:
    services = with_allowance(tmp_path, engine)
    texts = [sentence(1), sentence(2), sentence(1)]
    chars = len(sentence(1)) + len(sentence(2))

    for who in (ANNA, ANNA, BERT):
        voiced(services, add_document(services, texts, principal=who))

    assert (used(services, ANNA), used(services, BERT)) == (chars, 0)
    assert used(services, ANNA, MICROS) == 3 * chars
    [made] = {used(services, ANNA, Unit.TTS_MS)}
    assert made == sum(
        event.payload["audio_ms"]
        for event in services.outbox.pending()
        if event.kind == "synthesised"
    )
    assert services.ledger.balances(ANNA)[CHARS].held == 0
    assert mismatches(services.database) == []


def test_the_one_person_of_a_machine_is_refused_nothing_and_sees_what_was_used(
    tmp_path: Path, engine: ToneEngine
) -> None:
    services = with_allowance(tmp_path, engine, tts_chars=0)

    voiced(services, add_document(services, [sentence(1)]))

    assert used(services, LOCAL) == len(sentence(1))
    assert services.ledger.balances(LOCAL)[CHARS].left is None


def test_what_could_not_be_spoken_is_not_charged(
    tmp_path: Path, engine: ToneEngine
) -> None:
    services = with_allowance(tmp_path, engine)
    engine.crashes_on = {"Line 2"}

    tally = voiced(
        services, add_document(services, [sentence(1), sentence(2)], principal=ANNA)
    )

    assert list(tally.failures) == [1]
    assert used(services, ANNA) == len(sentence(1))
    assert services.ledger.balances(ANNA)[CHARS].held == 0


def test_sound_that_was_lost_is_made_again_for_nothing(
    tmp_path: Path, engine: ToneEngine
) -> None:
    services = with_allowance(tmp_path, engine, tts_chars=len(sentence(1)))
    document = add_document(services, [sentence(1)], principal=ANNA)
    voiced(services, document)
    for _key, blob in services.variants.all_blobs():
        services.blobs.path(blob).unlink()

    assert voiced(services, document).done == 1

    assert len(engine.texts) == 2
    assert used(services, ANNA) == len(sentence(1))


def test_an_allowance_is_used_to_its_end_and_what_exists_is_still_heard(
    tmp_path: Path, engine: ToneEngine
) -> None:
    texts = [sentence(number) for number in range(6)]
    enough = sum(map(len, texts[:3])) + 1
    services = with_allowance(tmp_path, engine, tts_chars=enough)
    voiced(services, add_document(services, [texts[5]], principal=BERT))
    document = add_document(services, texts, principal=ANNA)
    reader = Reader(services, document)
    reader.go_to(0, voice=VOICE)
    job = running_job(services, document, JobKind.LISTEN)

    with pytest.raises(AllowanceUsedUp, match="heard as before"):
        follow_reader(services, ANNA, document.id, job=job)

    assert used(services, ANNA) == enough - 1
    assert reader.heard(voice=VOICE) == {0, 1, 2, 5}
    assert services.ledger.balances(ANNA)[CHARS].held == 0


def test_rendering_goes_as_far_as_the_allowance_does(
    tmp_path: Path, engine: ToneEngine
) -> None:
    texts = [sentence(number) for number in range(20)]
    enough = sum(map(len, texts[:11])) + 5
    services = with_allowance(tmp_path, engine, tts_chars=enough)
    document = add_document(services, texts, principal=ANNA)

    with pytest.raises(AllowanceUsedUp):
        voiced(services, document)

    assert len(services.variants.keys_of(document.principal, document.id, VOICE)) == 11
    services.ledger.grant(ANNA, CHARS, 10_000, key="gift", reason="finish it")
    assert voiced(services, document).done == 20
    assert used(services, ANNA) == sum(map(len, texts))


def test_two_who_want_one_sound_at_once_pay_for_it_once(
    tmp_path: Path, engine: ToneEngine
) -> None:
    services = with_allowance(tmp_path, engine)
    engine.gate = threading.Event()
    documents = [
        add_document(services, [sentence(1)], principal=who) for who in (ANNA, BERT)
    ]
    threads = [
        threading.Thread(target=voiced, args=(services, document))
        for document in documents
    ]
    for thread in threads:
        thread.start()
    engine.gate.set()
    for thread in threads:
        thread.join()

    total = used(services, ANNA) + used(services, BERT)
    assert total == len(sentence(1))
    for who in (ANNA, BERT):
        assert services.ledger.balances(who)[CHARS].held == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.resources.test_charging import ANNA, DearEngine, voiced, with_allowance
from resources.stores import variants

services = with_allowance(Path(sys.argv[1]), DearEngine())
[document] = services.catalog.documents(ANNA)
before, after = sys.argv[2] == "before", variants.Variants.complete

def killing(*arguments, **named):
    if not before:
        after(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)

variants.Variants.complete = killing
voiced(services, document)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_between_engine_and_charge_it_is_charged_once(
    tmp_path: Path, engine: ToneEngine, moment: str
) -> None:
    services = with_allowance(tmp_path, engine)
    document = add_document(services, [sentence(1)], principal=ANNA)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), moment],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL

    assert voiced(services, document).done == 1

    assert used(services, ANNA) == len(sentence(1))
    assert mismatches(services.database) == []


@pytest.fixture
def server() -> Iterator[MistralServer]:
    """Run Mistral's API for one test."""
    with MistralServer().running() as running:
        yield running


def read_on_account(
    services: Services, server: MistralServer, path: Path, who: Principal
) -> Recognition:
    """Have Mistral read a scan on somebody's account."""
    mistral = Mistral(
        api_key=SecretStr(KEY),
        address=server.address,
        pages_per_request=2,
        retry_seconds=0,
        timeout_seconds=5,
    )
    settings = Settings(_env_file=None, mistral=mistral)
    engine = MistralRecogniser(settings, LocalRecogniser(settings))
    charging = PageCharging(services.database, services.page_cache, services.ledger)
    with charging.on_account_of(
        who, ref="scan", paid_as=engine.pages_kept_as, price_of=engine.price_micros
    ) as pages:
        return engine.recognise(
            path, Format.PDF, cache=pages, progress=lambda _done, _total: None
        )


def test_pages_are_charged_as_they_are_read_and_once(
    tmp_path: Path, engine: ToneEngine, server: MistralServer
) -> None:
    services = with_allowance(tmp_path, engine, ocr_pages=6)
    scan = numbered(tmp_path / "scan.pdf", 4)

    for _ in range(2):
        assert len(read_on_account(services, server, scan, ANNA).pages) == 4
    assert len(read_on_account(services, server, scan, BERT).pages) == 4

    assert (used(services, ANNA, PAGES), used(services, BERT, PAGES)) == (4, 0)
    assert used(services, ANNA, MICROS) > 0
    assert services.ledger.balances(ANNA)[PAGES].held == 0
    with pytest.raises(AllowanceUsedUp, match="recognised pages"):
        read_on_account(services, server, numbered(tmp_path / "b.pdf", 9), ANNA)
    assert used(services, ANNA, PAGES) == 4
    assert services.ledger.balances(ANNA)[PAGES].held == 0
    assert mismatches(services.database) == []
