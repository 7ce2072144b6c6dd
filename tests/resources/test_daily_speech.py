"""Minutes of speech in a day: what is made counts, what exists plays on."""

import threading
from pathlib import Path

import pytest

from lectern.accounts.people import LOCAL, Principal
from lectern.accounts.units import Unit
from lectern.errors import DailyLimitReached
from lectern.ids import OwnerId
from lectern.jobs.states import JobKind
from lectern.usage.quotes import MS_PER_CHAR
from resources.listening import follow_reader
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.speech_days import MINUTE_MS
from resources.texts import text_of
from resources.voicing import Tally
from tests.support.speech import (
    Reader,
    ToneEngine,
    add_document,
    running_job,
    settings_at,
)
from tests.support.stores import give

ANNA, BERT = Principal(OwnerId("anna")), Principal(OwnerId("bert"))
EXPECTED_MS = 25 * MS_PER_CHAR
"""How long each text below is expected to last, by its characters."""
LEFT_MS = 3 * EXPECTED_MS
"""What is left of the day in these tests: enough for three, and no more at once."""


@pytest.fixture
def engine() -> ToneEngine:
    """Return the engine that speaks."""
    return ToneEngine(seconds=0.2)  # less than is expected of the texts below


@pytest.fixture
def services(tmp_path: Path, engine: ToneEngine) -> Services:
    """Return services with that engine, of two people who have used up most of their
    one minute a day."""
    services = Services.open(settings_at(tmp_path, processes=2))
    services.speech_engines().add(engine)
    for who in (ANNA, BERT):
        give(services, who, daily_speech_minutes=1)
        services.daily.take(who.owner_id, Unit.TTS_MS, BEFORE_MS, limit=None)
    return services


BEFORE_MS = MINUTE_MS - LEFT_MS


def texts(count: int, name: str = "Line") -> list[str]:
    """Return texts of 25 characters."""
    return [f"{name} {n} is read aloud.".ljust(24, ".") + "." for n in range(count)]


def voiced(services: Services, document: Document) -> Tally:
    """Voice a whole document, as a rendering does."""
    text = text_of(services, document)
    assert text is not None
    voice = services.speech_engines().voice("tone:en")
    reading = services.voicing().reading(document, text.blocks, voice=voice)
    indices = range(len(text.blocks))
    return services.voicing().voice(document.principal, reading, indices)


def used_ms(services: Services, who: Principal) -> int:
    """Return what was used by a test."""
    return services.daily.used(who.owner_id)[Unit.TTS_MS] - BEFORE_MS


def made_ms(services: Services) -> int:
    """Return how long all sounds are that were made."""
    return sum(
        event.payload["audio_ms"]
        for event in services.outbox.pending()
        if event.kind == "synthesised"
    )


def test_what_is_made_counts_as_long_as_it_is_and_what_exists_is_free(
    services: Services,
) -> None:
    for who in (ANNA, ANNA, BERT):
        voiced(services, add_document(services, texts(2), principal=who))

    assert used_ms(services, ANNA) == made_ms(services) > 0
    assert used_ms(services, BERT) == 0


def test_more_than_a_days_minutes_are_never_made(services: Services) -> None:
    document = add_document(services, texts(9), principal=ANNA)

    with pytest.raises(DailyLimitReached, match="1 minutes of speech") as refused:
        voiced(services, document)

    assert used_ms(services, ANNA) == made_ms(services) <= LEFT_MS
    assert refused.value.limit == 1
    assert voiced(services, add_document(services, texts(1))).done == 1  # local


def test_two_runs_of_one_person_never_take_what_is_left_twice(
    services: Services,
) -> None:
    documents = [
        add_document(services, texts(6, name), principal=ANNA)
        for name in ("Acts", "Book")
    ]
    refused, barrier = [], threading.Barrier(2)

    def run(document: Document) -> None:
        barrier.wait()
        try:
            voiced(services, document)
        except DailyLimitReached as error:
            refused.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in documents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused
    assert used_ms(services, ANNA) == made_ms(services) <= LEFT_MS


def test_what_could_not_be_spoken_takes_nothing(
    services: Services, engine: ToneEngine
) -> None:
    engine.crashes_on = {"Line 1"}

    tally = voiced(services, add_document(services, texts(2), principal=ANNA))

    assert len(tally.failures) == 1
    assert used_ms(services, ANNA) == made_ms(services)


def test_a_listener_whose_day_is_used_up_still_hears_what_exists(
    services: Services,
) -> None:
    give(services, ANNA, daily_speech_minutes=0)
    shared = texts(4)
    voiced(services, add_document(services, shared[2:]))
    document = add_document(services, shared, principal=ANNA)
    job = running_job(services, document, JobKind.LISTEN)

    reader = Reader(services, document)
    reader.go_to(0, voice="tone:en")

    with pytest.raises(DailyLimitReached, match="heard as before"):
        follow_reader(services, ANNA, document.id, job=job)

    assert reader.heard(voice="tone:en") == {2, 3}
    assert used_ms(services, ANNA) == 0
    assert services.daily.used(LOCAL.owner_id)
