"""Batches let go a few jobs at a time, wait for their hours, and lose nothing."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from lectern.accounts.people import LOCAL
from lectern.errors import InvalidRequest, NotFound, NothingToRead
from lectern.jobs.batches import BatchState, Task
from lectern.jobs.hours import OffPeak
from lectern.jobs.states import DocumentState, JobKind, JobState
from lectern.speech.voices import Voice
from resources.services import Services
from resources.stores.batches import Batches
from resources.stores.catalog import Document
from resources.stores.sweep import sweep
from tests.support.speech import ToneEngine
from tests.support.stores import (
    OTHER,
    VOICE,
    Clock,
    add_document,
    let_days_pass,
    link_to,
    voice,
)

ALWAYS = OffPeak.parse("00:00-00:00")
NIGHT = OffPeak.parse("22:00-06:00", ZoneInfo("UTC"))  # the test's clock begins at noon


def task(document: Document, *, prepare: bool = False) -> Task:
    return Task(document.id, prepare=prepare, chars=100, pages=int(prepare))


@pytest.fixture
def batches(timed: Services) -> Batches:
    return timed.batches


class StoredEngine(ToneEngine):
    """The engine of the voice that the stores are tested with."""

    name = "test"

    def voices(self) -> list[Voice]:
        return [Voice(VOICE, self.name, "Voice", "en")]


def test_a_large_batch_lets_only_a_few_jobs_have_runs(
    timed: Services, batches: Batches
):
    documents = [add_document(timed, f"Text {n}.") for n in range(20)]
    batches.begin(LOCAL, [task(d) for d in documents], name="All")

    let_go = batches.release(ALWAYS, limit=3)

    assert len(let_go) == 3
    assert batches.release(ALWAYS, limit=3) == []
    assert {job.id for job in timed.jobs.unfinished()} == {job.id for job in let_go}
    timed.jobs.start(let_go[0].id, "run-1")
    assert batches.release(ALWAYS, limit=3) == []
    timed.jobs.finish(let_go[0].id)
    timed.jobs.fail(let_go[1].id, NothingToRead("Nothing."))
    assert len(batches.release(ALWAYS, limit=3)) == 2


def test_the_same_batch_begun_twice_is_one(timed: Services, batches: Batches):
    documents = [add_document(timed, f"Text {n}.") for n in range(3)]
    tasks = [task(document) for document in documents]
    first = batches.begin(LOCAL, tasks, name="3 documents")

    assert batches.begin(LOCAL, tasks, name="3 documents") == first
    assert batches.begin(LOCAL, tasks[:2], name="2 documents") == first
    others = [
        batches.begin(LOCAL, [*tasks, task(add_document(timed, "New."))], name="4"),
        batches.begin(LOCAL, tasks, name="3 documents", is_off_peak=True),
        batches.begin(LOCAL, tasks, name="3 documents", voice_id=VOICE),
    ]
    batches.cancel(LOCAL, first.id)
    batches.cancel(LOCAL, others[0].id)
    others.append(batches.begin(LOCAL, tasks, name="3 documents"))

    assert len({first.id, *(batch.id for batch in others)}) == 5
    assert len(batches.list(LOCAL)) == 5


def test_a_large_batch_does_not_hold_up_another_persons(
    timed: Services, batches: Batches
):
    many = [add_document(timed, f"Text {n}.") for n in range(9)]
    batches.begin(LOCAL, [task(d) for d in many], name="All")
    batches.release(ALWAYS, limit=3)
    one = [add_document(timed, f"Other {n}.", principal=OTHER) for n in range(2)]
    batches.begin(OTHER, [task(d) for d in one], name="Mine")

    let_go = batches.release(ALWAYS, limit=3)

    assert [job.owner_id for job in let_go] == [OTHER.owner_id]
    assert batches.release(ALWAYS, limit=3) == []


def test_every_document_is_done_in_the_end(timed: Services, batches: Batches):
    documents = [add_document(timed, f"Text {n}.") for n in range(10)]
    batch = batches.begin(LOCAL, [task(d) for d in documents], name="All")

    most = done = 0
    while jobs := batches.release(ALWAYS, limit=4):
        most = max(most, len(jobs))
        for job in jobs:
            assert timed.jobs.start(job.id, f"run-{job.id}")
            assert timed.jobs.finish(job.id)
            done += 1

    assert (most, done) == (4, 10)
    jobs = batches.jobs(LOCAL, batch.id)
    assert timed.batching().progress(batch, jobs).state is BatchState.DONE


def test_a_text_is_spoken_only_once_it_is_prepared(timed: Services, batches: Batches):
    document = add_document(timed, "Some text.")
    batches.begin(LOCAL, [task(document, prepare=True)], name="One")

    [first] = batches.release(ALWAYS, limit=8)
    assert first.kind is JobKind.PREPARE
    assert batches.release(ALWAYS, limit=8) == []
    timed.jobs.start(first.id, "run")
    timed.jobs.finish(first.id)

    [second] = batches.release(ALWAYS, limit=8)
    assert second.kind is JobKind.VOICE


def test_what_can_never_be_spoken_is_closed(timed: Services, batches: Batches):
    failed = add_document(timed, "Broken.")
    gone = add_document(timed, "Gone.")
    batch = batches.begin(LOCAL, [task(failed), task(gone)], name="Two")
    timed.catalog.set_state(failed.id, DocumentState.FAILED, error=NothingToRead("x"))
    timed.catalog.delete(LOCAL, gone.id)

    assert batches.release(ALWAYS, limit=8) == []

    states = {j.document_id: j.state for j in batches.jobs(LOCAL, batch.id)}
    assert states == {failed.id: JobState.FAILED}


def test_a_batch_is_done_without_a_document_that_was_deleted(
    timed: Services, batches: Batches
):
    kept, gone = (add_document(timed, f"Text {n}.") for n in range(2))
    batch = batches.begin(LOCAL, [task(kept), task(gone)], name="Two")
    timed.catalog.delete(LOCAL, gone.id)
    [job] = batches.release(ALWAYS, limit=8)
    timed.jobs.start(job.id, "run")
    timed.jobs.finish(job.id)

    jobs = batches.jobs(LOCAL, batch.id)

    assert [each.document_id for each in jobs] == [kept.id]
    assert timed.batching().progress(batch, jobs).state is BatchState.DONE


def test_an_off_peak_batch_waits_for_its_hours_and_others_do_not(
    timed: Services, batches: Batches, clock: Clock
):
    one, two = (add_document(timed, f"Text {n}.") for n in range(2))
    batches.begin(LOCAL, [task(one)], name="Later", is_off_peak=True)
    batches.begin(LOCAL, [task(two)], name="Now")

    [now] = batches.release(NIGHT, limit=8)
    assert now.document_id == two.id
    clock.pass_(timedelta(hours=10).total_seconds())
    [later] = batches.release(NIGHT, limit=8)
    assert later.document_id == one.id


def test_a_job_whose_hours_are_over_is_held_until_the_next(
    timed: Services, batches: Batches, clock: Clock
):
    clock.pass_(timedelta(hours=17, minutes=59).total_seconds())
    document = add_document(timed, "Text.")
    batches.begin(LOCAL, [task(document)], name="Night", is_off_peak=True)
    [job] = batches.release(NIGHT, limit=8)
    timed.jobs.start(job.id, "run-1")
    settings = timed.settings.batch.model_copy(update={"time_zone": "UTC"})
    job = timed.jobs.find(job.id)
    assert not timed.jobs.is_past_hours(job, settings)

    clock.pass_(120)
    assert timed.jobs.is_past_hours(job, settings)
    assert batches.pause(job, NIGHT.opens_at(clock.now))
    assert not batches.pause(job, NIGHT.opens_at(clock.now))

    held = timed.jobs.find(job.id)
    assert (held.state, held.run_id, held.released_at) == (JobState.QUEUED, None, None)
    assert batches.release(NIGHT, limit=8) == []
    clock.pass_(timedelta(hours=16).total_seconds())
    assert [again.id for again in batches.release(NIGHT, limit=8)] == [job.id]


def test_a_stopped_batch_stops_wholly_and_goes_on_where_it_was(
    timed: Services, batches: Batches
):
    documents = [add_document(timed, f"Text {n}.") for n in range(5)]
    batch = batches.begin(LOCAL, [task(d) for d in documents], name="Five")
    done, running, launched = batches.release(ALWAYS, limit=3)
    timed.jobs.start(done.id, "run-1")
    timed.jobs.finish(done.id)
    timed.jobs.start(running.id, "run-2")

    told = batches.cancel(LOCAL, batch.id)

    assert {job.id for job in told} == {running.id, launched.id}
    assert batches.release(ALWAYS, limit=8) == []
    assert timed.jobs.is_cancelled(running.id)
    timed.jobs.cancelled(running.id)
    states = [job.state for job in batches.jobs(LOCAL, batch.id)]
    assert sorted(states) == ["cancelled"] * 4 + ["done"]

    assert batches.resume(LOCAL, batch.id) == 4
    assert len(batches.release(ALWAYS, limit=8)) == 4
    assert batches.get(LOCAL, batch.id).cancelled_at is None


def test_a_batch_is_its_owners_alone(timed: Services, batches: Batches):
    theirs = add_document(timed, "Text.", principal=OTHER)
    with pytest.raises(NotFound):
        batches.begin(LOCAL, [task(theirs)], name="Stolen")
    batch = batches.begin(OTHER, [task(theirs)], name="Theirs")

    assert batches.list(LOCAL) == []
    assert batches.jobs(LOCAL, batch.id) == []
    for attempt in (batches.get, batches.cancel, batches.resume):
        with pytest.raises(NotFound):
            attempt(LOCAL, batch.id)


def test_a_batch_of_nothing_is_refused(timed: Services, batches: Batches):
    with pytest.raises(InvalidRequest):
        batches.begin(LOCAL, [], name="Nothing")
    with timed.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM batch")).scalar() == 0


def test_held_jobs_are_shown_as_work_of_the_batch_and_not_one_by_one(
    timed: Services, batches: Batches
):
    documents = [add_document(timed, f"Text {n}.") for n in range(5)]
    batches.begin(LOCAL, [task(d) for d in documents], name="Five")
    batches.release(ALWAYS, limit=2)

    assert len(timed.jobs.active(LOCAL)) == 2


def test_the_sweep_keeps_audio_of_a_batch_until_its_day(
    timed: Services, batches: Batches, clock: Clock
):
    document = add_document(timed, "Old words.")
    voice(timed, document, link_to("Old words."))
    until = clock.now + timedelta(days=365)
    assert batches.keep_audio(document.id, VOICE, until=until) == 1
    assert batches.keep_audio(document.id, VOICE, until=until) == 0
    voice(timed, document, link_to("New words."))  # in place of the old ones

    clock.pass_(timedelta(days=300).total_seconds())
    assert sweep(timed).variants == 0
    let_days_pass(timed, clock, 66)
    assert sweep(timed).variants == 1


def test_audio_of_a_document_that_was_deleted_is_not_kept(
    timed: Services, batches: Batches, clock: Clock
):
    document = add_document(timed, "Secret words.")
    voice(timed, document, link_to("Secret words."))
    batches.keep_audio(document.id, VOICE, until=clock.now + timedelta(days=365))

    timed.catalog.delete(LOCAL, document.id)
    clock.pass_(timedelta(days=31).total_seconds())

    assert sweep(timed).variants == 1


def test_what_is_voiced_already_costs_nothing_again(timed: Services):
    timed.speech_engines().add(StoredEngine())
    document = add_document(timed, "Some words.", "Other words.")
    other = add_document(timed, "More words.")
    voice(timed, document, link_to("Some words."))
    chosen = timed.catalog.set_voice(LOCAL, document.id, VOICE)

    plan = timed.batching().plan(LOCAL, [chosen.id, other.id], voice_id=VOICE)
    chars = {task.document_id: task.chars for task in plan.tasks}

    assert chars == {document.id: len("Other words."), other.id: len("More words.")}
    assert plan.quote.chars == sum(chars.values())
    assert plan.quote.is_free


def test_a_document_that_is_wholly_voiced_is_left_out(timed: Services):
    timed.speech_engines().add(StoredEngine())
    document = add_document(timed, "Some words.")
    voice(timed, document, link_to("Some words."))
    timed.catalog.set_voice(LOCAL, document.id, VOICE)

    plan = timed.batching().plan(LOCAL, voice_id=VOICE)

    assert (list(plan.tasks), plan.done) == ([], 1)
