"""Which machines a job goes to: its voice's engine decides."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from lectern.accounts.people import LOCAL
from lectern.jobs.accelerators import Accelerator
from lectern.jobs.runs import ACCELERATOR
from lectern.jobs.states import JobKind
from lectern.settings import Settings, SpeechServer
from resources.orchestrator import tags_of
from resources.placement import machine_of, place_of
from resources.services import Services
from resources.stores.cursors import Cursor
from tests.support.speech import add_document

SERVER = SpeechServer(
    address="http://127.0.0.1:9/v1", voices={"alloy": "en"}, accelerator="gpu"
)


@pytest.fixture
def services(settings: Settings) -> Services:
    return Services.open(
        settings.model_copy(update={"speech_servers": {"strong": SERVER}})
    )


def test_a_job_goes_where_its_voice_can_speak(services: Services) -> None:
    document = add_document(services, ["Some words."], title="T")
    found = {}
    for voice in (None, "espeak:en-gb", "strong:alloy"):
        job = services.jobs.create(
            LOCAL,
            document_id=document.id,
            kind=JobKind.RENDER,
            parameters={"voice": voice} if voice else {},
        )
        found[voice] = place_of(services, job).accelerator

    assert found == {
        None: Accelerator.CPU,
        "espeak:en-gb": Accelerator.CPU,
        "strong:alloy": Accelerator.GPU,
    }
    assert tags_of(job, place=place_of(services, job))[ACCELERATOR] == "gpu"


def test_listening_goes_where_the_reader_s_voice_can_speak(services: Services) -> None:
    document = add_document(services, ["Some words."], title="T")
    cursor = Cursor(0, 0, True, 1.0, "strong:alloy", "reader", 1)
    services.cursors.put(LOCAL, document.id, cursor)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.LISTEN)

    assert place_of(services, job).accelerator is Accelerator.GPU


def test_a_file_is_read_on_any_machine(services: Services) -> None:
    document = add_document(services, ["Some words."], title="T")
    services.catalog.set_voice(LOCAL, document.id, "strong:alloy")
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)

    assert place_of(services, job).accelerator is Accelerator.CPU


def test_a_voice_that_is_gone_does_not_stop_the_launch(services: Services) -> None:
    document = add_document(services, ["Some words."], title="T")
    job = services.jobs.create(
        LOCAL,
        document_id=document.id,
        kind=JobKind.RENDER,
        parameters={"voice": "nobody:x"},
    )

    assert place_of(services, job).accelerator is Accelerator.CPU


def test_a_run_knows_its_machine_only_where_there_are_several(
    services: Services, settings: Settings
) -> None:
    many = settings.model_copy(update={"broker_url": SecretStr("redis://127.0.0.1/0")})

    assert machine_of(services, {ACCELERATOR: "gpu"}) is None
    cluster = replace(services, settings=many)
    assert machine_of(cluster, {ACCELERATOR: "gpu"}) is Accelerator.GPU
    assert machine_of(cluster, {}) is Accelerator.CPU
