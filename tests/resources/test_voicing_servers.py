"""A speech server that misbehaves loses no block, and nothing is charged twice."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lectern.errors import EngineUnavailable
from lectern.settings import Settings, Speech
from lectern.settings import SpeechServer as ServerSettings
from lectern.speech.variants import Outcome
from resources import patience
from resources.engines import openai_speech_client
from resources.services import Services
from resources.stores.catalog import Document
from resources.texts import text_of
from resources.voicing import Tally
from tests.support import speech_server_faults as faults
from tests.support.speech import add_document, sentence
from tests.support.speech_server import SpeechServer

VOICE = "box:alto"


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library ask again at once, and nobody wait for long."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr(patience, "LONGEST_SECONDS", 3.0)


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    """Yield a speech server that is running."""
    with SpeechServer().running() as running:
        yield running


@contextlib.contextmanager
def services_for(
    server: SpeechServer, folder: Path, **options: object
) -> Iterator[Services]:
    """Yield services that speak by a server."""
    given = {"timeout_seconds": 20.0, "parallel_requests": 4} | options
    box = ServerSettings(address=server.address, **given)  # type: ignore[arg-type]
    services = Services.open(
        Settings(
            _env_file=None,
            data_dir=folder,
            disk_reserve_bytes=0,
            speech=Speech(processes=2),
            speech_servers={"box": box},
        )
    )
    yield services
    services.voicing().close()
    services.speech_engines().close()
    services.close()


def voiced(services: Services, document: Document, **options: object) -> Tally:
    """Voice a whole document by the server."""
    text = text_of(services, document)
    assert text is not None
    voicing = services.voicing()
    voice = services.speech_engines().voice(VOICE)
    reading = voicing.reading(document, text.blocks, voice=voice)
    everything = range(len(text.blocks))
    return voicing.voice(document.principal, reading, everything, **options)  # type: ignore[arg-type]


def require_each_made_once(services: Services, document: Document) -> None:
    """Every block has its sound, and each sound was charged exactly once."""
    linked = services.variants.keys_of(document.principal, document.id, VOICE)
    assert len(linked) == document.block_count
    assert charged(services) == Counter(key for key, _ in set(linked.values()))
    for variant in services.variants.find([key for key, _ in linked.values()]).values():
        assert services.blobs.exists(variant.blob)
    assert not services.variants.claimed([key for key, _ in linked.values()])


def charged(services: Services) -> Counter[str]:
    """Return how often each sound was recorded as made."""
    events = services.outbox.pending(10_000)
    return Counter(e.payload["variant"] for e in events if e.kind == "synthesised")


def lines(count: int) -> list[str]:
    """Return texts that are long enough to judge a sound by."""
    return [sentence(number, words=6) for number in range(count)]


PASSING = {
    "busy": lambda: faults.Busy(times=6, retry_after="0.1"),
    "busy without a time": lambda: faults.Busy(times=1, retry_after="0"),
    "unavailable for a moment": lambda: faults.Busy(times=5, status=503),
    "failing": lambda: faults.Failing(times=4),
    "dying in the middle": lambda: faults.DiesMidReply(times=4),
    "silent": lambda: faults.Silent(times=1),
    "slow": lambda: faults.Slow(times=3, seconds=0.4),
    "another length": lambda: faults.AnotherLength(times=1),
    "another text": lambda: faults.AnotherText(times=1),
    "a page of HTML": lambda: faults.Html(times=1),
    "an empty reply": lambda: faults.Empty(times=1),
    "a truncated file": lambda: faults.Truncated(times=1),
    "an item that fails": lambda: faults.ItemFails(times=1),
    "items shuffled": lambda: faults.ItemsShuffled(),
}


IN_BATCHES = ("busy", "failing", "a truncated file", "an item that fails")


@pytest.mark.parametrize(
    ("name", "batch_texts"),
    [(name, 1) for name in PASSING if name != "items shuffled"]
    + [(name, 4) for name in (*IN_BATCHES, "items shuffled")],
)
def test_what_passes_loses_nothing(
    server: SpeechServer, tmp_path: Path, name: str, batch_texts: int
):
    server.fault = PASSING[name]()
    if isinstance(server.fault, faults.Busy) and server.fault.status == 503:
        server.fault.retry_after = "0.2"
    with services_for(
        server,
        tmp_path,
        response_format="opus",
        batch_texts=batch_texts,
        batch_wait_ms=30,
    ) as services:
        document = add_document(services, [*lines(6), sentence(0, words=6)])

        tally = voiced(services, document)

        assert not tally.failures
        assert tally.outcomes[Outcome.SYNTHESISED] == 6
        require_each_made_once(services, document)


LASTING = {
    "silent": (faults.Silent, "bad_engine_reply"),
    "another length": (faults.AnotherLength, "bad_engine_reply"),
    "HTML": (faults.Html, "bad_engine_reply"),
    "empty": (faults.Empty, "bad_engine_reply"),
    "truncated": (faults.Truncated, "bad_engine_reply"),
    "dying": (faults.DiesMidReply, "engine_crashed"),
    "failing": (faults.Failing, "engine_crashed"),
}


@pytest.mark.parametrize(("fault", "code"), LASTING.values(), ids=LASTING)
def test_a_block_that_cannot_be_spoken_is_told_and_a_later_run_completes_it(
    server: SpeechServer, tmp_path: Path, fault: type[faults.Fault], code: str
):
    server.fault = fault(on="Line 3:")
    with services_for(server, tmp_path, response_format="opus") as services:
        document = add_document(services, lines(8))

        first = voiced(services, document)
        server.fault = None
        second = voiced(services, document)

        failed = {index: error.code for index, error in first.failures.items()}
        assert failed == {3: code}
        assert second.outcomes == {Outcome.REPLAYED: 7, Outcome.SYNTHESISED: 1}
        require_each_made_once(services, document)


def test_a_server_that_stays_busy_is_given_up_with_its_own_error(
    server: SpeechServer, tmp_path: Path
):
    server.fault = faults.Busy(on="Line 2:", retry_after="30")
    with services_for(server, tmp_path) as services:
        document = add_document(services, lines(5))

        tally = voiced(services, document)

        assert {e.code for e in tally.failures.values()} == {"engine_busy"}
        assert 2 in tally.failures
        assert tally.done + len(tally.failures) == 5
        server.fault = None
        voiced(services, document)
        require_each_made_once(services, document)


def test_a_stop_does_not_wait_for_a_busy_server(server: SpeechServer, tmp_path: Path):
    server.fault = faults.Busy(retry_after="2.5")
    with services_for(server, tmp_path) as services:
        document = add_document(services, lines(5))

        tally = voiced(
            services, document, should_stop=lambda: len(server.received) >= 4
        )

        assert not tally.failures
        assert tally.done == 0


@pytest.mark.parametrize("batch_texts", [1, 4])
def test_a_server_that_dies_keeps_what_it_made_and_the_rest_is_made_later(
    tmp_path: Path, batch_texts: int
):
    with SpeechServer().running() as server:
        port = server.port
        with services_for(
            server, tmp_path, batch_texts=batch_texts, batch_wait_ms=20
        ) as services:
            document = add_document(services, lines(24))
            server.fault = faults.Dying(on="Line 15:")
            server.seconds_a_text = 0.05
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(openai_speech_client, "GIVEN_UP_AFTER", 1)
                with pytest.raises(EngineUnavailable, match="in a row"):
                    voiced(services, document)
            made = charged(services)
    assert made
    assert set(made.values()) == {1}

    with (
        SpeechServer().running(port) as server,
        services_for(server, tmp_path, batch_texts=batch_texts) as services,
    ):
        tally = voiced(services, document)

        assert tally.outcomes[Outcome.SYNTHESISED] == 24 - len(made)
        require_each_made_once(services, document)


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path):
    with SpeechServer().running() as server:
        gone = server.address
    away = SpeechServer(address=gone)
    with services_for(away, tmp_path, voices={"alto": "en"}) as services:
        document = add_document(services, lines(4))

        with pytest.raises(EngineUnavailable, match="does not answer"):
            voiced(services, document)

        assert not charged(services)


def test_an_engine_gets_as_many_texts_at_once_as_it_takes(
    server: SpeechServer, tmp_path: Path
):
    server.seconds_a_text = 0.15
    with services_for(server, tmp_path, parallel_requests=6) as services:
        document = add_document(services, lines(18))

        voiced(services, document)

        assert server.most_at_once == 6


FAULTS = st.sampled_from(
    [
        faults.Busy,
        faults.Failing,
        faults.DiesMidReply,
        faults.Silent,
        faults.AnotherLength,
        faults.Html,
        faults.Empty,
        faults.Truncated,
        faults.ItemFails,
        faults.ItemsShuffled,
        faults.ItemsMislabelled,
    ]
)


@settings(
    max_examples=6,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(
    kind=FAULTS,
    strikes=st.integers(1, 12),
    batch_texts=st.sampled_from([1, 3]),
    repeated=st.integers(1, 8),
)
def test_whatever_happens_every_block_is_made_or_told_and_charged_once(
    tmp_path_factory: pytest.TempPathFactory,
    kind: type[faults.Fault],
    strikes: int,
    batch_texts: int,
    repeated: int,
):
    folder = tmp_path_factory.mktemp("run")
    with SpeechServer().running() as server:
        server.fault = kind(times=strikes)
        if isinstance(server.fault, faults.Busy):
            server.fault.retry_after = "0.05"
        with services_for(
            server,
            folder,
            response_format="opus",
            batch_texts=batch_texts,
            batch_wait_ms=10,
        ) as services:
            texts = lines(8)
            document = add_document(services, [*texts, *texts[:repeated]])
            count = document.block_count
            told: set[int] = set()
            try:
                tally = voiced(services, document)
                told = set(tally.failures)
                assert tally.done + len(told) == count
            except EngineUnavailable:
                told = set(range(count))
            there = set(
                services.variants.keys_of(document.principal, document.id, VOICE)
            )
            assert there | told == set(range(count))
            assert set(charged(services).values()) <= {1}

            server.fault = None
            services.speech_engines().engine("box")._client._failures = 0  # type: ignore[attr-defined]
            voiced(services, document)
            require_each_made_once(services, document)
