"""Runs of batches: they stop with their hours, go on where they were, never flood."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest
from sqlalchemy import select

from lectern.accounts.people import LOCAL
from lectern.jobs.batches import Task
from lectern.jobs.runs import BATCH, LANE, PAUSED, PRIORITY, WORKER
from lectern.jobs.states import JobKind, JobState
from lectern.settings import Settings
from pipelines.definitions import build_definitions
from resources import rendering
from resources.orchestrator import tags_of
from resources.services import Services
from resources.stores import schema
from resources.stores.catalog import Document
from resources.stores.jobs import Job
from tests.support.runs import Runs
from tests.support.speech import ToneEngine, add_document, sentence
from tests.support.stores import Clock


class NightTone(ToneEngine):
    """Speaks, and lets time go by with each text."""

    def __init__(self, clock: Clock, minutes: float) -> None:
        super().__init__()
        self._clock = clock
        self._minutes = minutes

    def synthesise(self, text, voice, *, context=()):
        self._clock.pass_(self._minutes * 60)
        return super().synthesise(text, voice, context=context)


@pytest.fixture
def clock() -> Clock:
    return Clock()  # noon


@pytest.fixture
def runs(settings: Settings, clock: Clock) -> Iterator[Runs]:
    """Yield runs whose off-peak hours are 22 to 6, by the test's own clock."""
    changes = {
        "batch": settings.batch.model_copy(update={"time_zone": "UTC"}),
        "speech": settings.speech.model_copy(update={"processes": 1}),
    }
    services = Services.open(settings.model_copy(update=changes), clock=clock)
    quiet = {"python_logs": {"python_log_level": "CRITICAL"}}
    with dg.DagsterInstance.ephemeral(settings=quiet) as instance:
        yield Runs(services, instance)
    services.close()


def begin(runs: Runs, *documents: Document, is_off_peak: bool = False) -> str:
    tasks = [
        Task(d.id, prepare=False, chars=100, pages=0, voice_id="tone:en")
        for d in documents
    ]
    batch = runs.services.batches.begin(
        LOCAL, tasks, name="Books", is_off_peak=is_off_peak
    )
    return batch.id


def carry_out(runs: Runs, job: Job) -> dg.ExecuteInProcessResult:
    return runs.execute("voice_document", tags_of(job))


def test_a_run_ends_between_blocks_with_its_hours_and_goes_on_in_the_next(
    runs: Runs, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "REPORT_SECONDS", 0)
    tone = NightTone(clock, minutes=10)
    runs.services.speech_engines().add(tone)
    lines = [sentence(number) for number in range(20)]
    document = add_document(runs.services, lines)
    begin(runs, document, is_off_peak=True)
    batching = runs.services.batching()
    assert batching.let_go() == []

    clock.pass_(timedelta(hours=17, minutes=15).total_seconds())  # 5:15
    [job] = batching.let_go()
    result = carry_out(runs, job)

    held = runs.after(job)
    spoken_by_six = len(tone.texts)
    assert 4 <= spoken_by_six < 20
    assert held.state is JobState.QUEUED
    assert held.not_before is not None
    assert held.not_before.hour == 22
    tags = runs.tags_of(result)
    assert tags[WORKER] == PAUSED
    assert tags[LANE] == "batch"
    assert batching.let_go() == []

    clock.pass_((held.not_before - clock.now).total_seconds())
    [again] = batching.let_go()
    assert again.id == job.id
    carry_out(runs, again)

    assert runs.after(job).state is JobState.DONE
    assert sorted(tone.texts) == sorted(lines)  # each once


def test_audio_of_a_batch_is_marked_to_be_kept(runs: Runs, clock: Clock) -> None:
    runs.services.speech_engines().add(ToneEngine())
    document = add_document(runs.services, [sentence(1), sentence(2)])
    begin(runs, document)
    [job] = runs.services.batching().let_go()

    carry_out(runs, job)

    with runs.services.database.read() as connection:
        kept = set(connection.scalars(select(schema.variant.c.kept_until)))
    assert kept == {clock.now + timedelta(days=365)}


def test_a_stopped_run_of_a_batch_goes_on_when_asked(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "REPORT_SECONDS", 0)
    tone = StopAfter(runs.services, 4)
    runs.services.speech_engines().add(tone)
    lines = [sentence(number) for number in range(12)]
    batch_id = begin(runs, add_document(runs.services, lines))
    tone.batch_id = batch_id
    [job] = runs.services.batching().let_go()

    carry_out(runs, job)
    assert runs.after(job).state is JobState.CANCELLED
    assert len(tone.texts) < 12

    assert runs.services.batches.resume(LOCAL, batch_id) == 1
    [again] = runs.services.batching().let_go()
    carry_out(runs, again)
    assert runs.after(job).state is JobState.DONE
    assert sorted(tone.texts) == sorted(lines)


class StopAfter(ToneEngine):
    """Speaks, and has the batch stopped after some texts."""

    def __init__(self, services: Services, texts: int) -> None:
        super().__init__()
        self._services = services
        self._texts = texts
        self.batch_id = ""

    def synthesise(self, text, voice, *, context=()):
        spoken = super().synthesise(text, voice, context=context)
        if len(self.texts) == self._texts:
            self._services.batches.cancel(LOCAL, self.batch_id)
        return spoken


def test_a_library_of_200_documents_puts_few_runs_into_dagster(runs: Runs) -> None:
    services = runs.services
    documents = [
        add_document(services, [sentence(n)], title=f"{n}") for n in range(200)
    ]
    begin(runs, *documents)
    most = services.settings.batch.runs_ahead
    definitions = build_definitions(resource_overrides={"services": services})
    sensor = definitions.resolve_sensor_def("waiting_jobs")

    ticks = finished = 0
    in_flight: list[str] = []
    while finished < 200:
        with dg.build_sensor_context(
            instance=runs.instance,
            definitions=definitions,
            resources={"services": services},
        ) as context:
            requests = [
                one for one in sensor(context) or () if isinstance(one, dg.RunRequest)
            ]
        for request in requests:
            assert (request.tags[LANE], request.tags[PRIORITY]) == ("batch", "-10")
            assert request.tags[BATCH]
            assert request.job_name == "voice_document"
            in_flight.append(request.tags["lectern/job"])
        assert 0 < len(in_flight) <= most
        ticks += 1
        for job_id in in_flight[: most - 2]:
            services.jobs.start(job_id, f"run-{job_id}")
            services.jobs.finish(job_id)
            finished += 1
        in_flight = in_flight[most - 2 :]

    assert ticks >= 200 / most
    kinds = services.jobs.list(LOCAL, kinds=(JobKind.VOICE,), limit=300)
    assert {job.state for job in kinds} == {JobState.DONE}
