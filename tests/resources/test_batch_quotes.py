"""What a batch costs is said before, by the price of whoever speaks."""

from dataclasses import replace

import pytest

from lectern.accounts.people import LOCAL
from lectern.jobs.states import JobKind
from lectern.settings import SpeechServer
from lectern.usage.quotes import price_text
from resources.engines.openai_speech import OpenAISpeechEngine
from resources.rendering import voice_document
from resources.services import Services
from resources.stores.blocks_file import write_blocks
from resources.stores.catalog import Document, TextStats
from resources.texts import text_of
from tests.support.speech import ToneEngine, running_job
from tests.support.stores import add_document, some_text
from tests.support.voices import add_voice, with_blend

ENGLISH = "The harbour lay quiet under a pale morning."
REST = "And nobody spoke of it."
GERMAN = "Der Hafen lag still unter einem blassen Morgen."
MICROS_A_CHAR = 12
NOVA = "dear:nova"


def with_priced(services: Services, micros: int | None = MICROS_A_CHAR) -> None:
    """Know a speech server with a price; it is never asked."""
    price = None if micros is None else micros * 1_000_000
    server = SpeechServer(
        address="http://127.0.0.1:9/v1",
        voices={"nova": "en"},
        price_micros_per_million_chars=price,
    )
    services.speech_engines().add(OpenAISpeechEngine("dear", server))


def german(services: Services) -> Document:
    """Return a document in German."""
    document = add_document(services, title="Der Hafen")
    text = replace(some_text(GERMAN), language="de")
    return services.catalog.publish(
        document.id,
        text=text,
        blocks_blob=services.blobs.put(write_blocks(text)),
        stats=TextStats(len(GERMAN), 8),
    )


def test_a_batch_has_the_price_of_its_voices_engine(services: Services):
    with_priced(services)
    documents = [add_document(services, f"{n}. {ENGLISH}") for n in range(3)]
    ids = [document.id for document in documents]

    plan = services.batching().plan(LOCAL, ids, voice_id=NOVA)

    assert plan.quote.chars == 3 * (len(ENGLISH) + 3)
    assert plan.quote.price_micros == MICROS_A_CHAR * plan.quote.chars
    assert plan.quote.engine == "dear"
    assert plan.quote.seconds
    batch = services.batching().begin(LOCAL, plan, name="3", is_off_peak=False)
    assert batch.price_micros == plan.quote.price_micros


def test_each_document_has_the_price_of_its_own_voice(services: Services):
    with_priced(services)
    dear, free = add_document(services, ENGLISH), add_document(services, "Free words.")
    services.catalog.set_voice(LOCAL, dear.id, NOVA)

    plan = services.batching().plan(LOCAL, [dear.id, free.id])

    assert plan.quote.price_micros == MICROS_A_CHAR * len(ENGLISH)
    assert plan.quote.engine == "dear, espeak"


def test_a_document_in_another_language_is_not_charged_for_a_voice_it_does_not_have(
    services: Services,
):
    with_priced(services)
    document = german(services)

    plan = services.batching().plan(LOCAL, [document.id], voice_id=NOVA)

    assert (plan.quote.engine, plan.quote.price_micros) == ("espeak", 0)


def test_a_price_that_nobody_stated_is_not_called_free(services: Services):
    with_priced(services, None)
    document = add_document(services, ENGLISH)

    plan = services.batching().plan(LOCAL, [document.id], voice_id=NOVA)

    assert price_text(plan.quote) == "price not known"


def with_a_voice_that_is_gone(services: Services) -> tuple[Document, ToneEngine]:
    """Return a document begun in a voice that was taken away, and who goes on."""
    with_blend(services)
    stand_in = ToneEngine()
    services.speech_engines().add(stand_in)
    services.personal_voices().set_default(LOCAL, "en", "tone:en")
    made = add_voice(services)
    document = add_document(services, ENGLISH, REST)
    document = services.catalog.set_voice(LOCAL, document.id, made.voice_id)
    text = text_of(services, document)
    assert text is not None
    reading = services.voicing().reading(document, text.blocks, voice=made.voice())
    services.voicing().voice(LOCAL, reading, [0])
    services.voices.delete(LOCAL, made.id)
    return document, stand_in


def test_a_batch_goes_on_in_the_default_voice_where_the_chosen_one_is_gone(
    services: Services,
):
    document, stand_in = with_a_voice_that_is_gone(services)

    job = running_job(services, document, JobKind.VOICE)
    tally = voice_document(services, document, job=job)

    assert stand_in.texts == [REST]
    assert tally["failed"] == 0
    assert (
        len(
            services.variants.keys_of(
                document.principal, document.id, document.voice_id or ""
            )
        )
        == 2
    )
    services.voicing().close()


def test_a_batch_is_quoted_at_the_price_of_who_stands_in(
    services: Services, monkeypatch: pytest.MonkeyPatch
):
    document, _stand_in = with_a_voice_that_is_gone(services)
    monkeypatch.setattr(ToneEngine, "price_micros", lambda _self, chars: 7 * chars)

    plan = services.batching().plan(LOCAL, [document.id])

    assert plan.quote.engine == "tone"
    assert plan.quote.price_micros == 7 * len(REST)
    services.voicing().close()
