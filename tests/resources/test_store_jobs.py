"""Jobs: every accepted one ends, once, and two workers never share one."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lectern.accounts.people import LOCAL
from lectern.errors import EngineCrashed, NameTaken, NotFound
from lectern.jobs.states import JobKind, JobState, JobStep
from resources.services import Services
from resources.stores.jobs import Job
from tests.support.stores import OTHER, Clock, add_document, settings_in


def queued(services: Services, kind: JobKind = JobKind.PREPARE) -> Job:
    """Return a job that waits."""
    document = add_document(services)
    return services.jobs.create(LOCAL, document_id=document.id, kind=kind)


def test_a_job_goes_from_queued_to_done(timed: Services, clock: Clock) -> None:
    job = queued(timed)

    assert timed.jobs.start(job.id, "run 1")
    clock.pass_(2)
    assert timed.jobs.progress(
        job.id, step=JobStep.RECOGNISING, done=1, total=9, message="Page 1"
    )
    assert timed.jobs.finish(job.id)

    done = timed.jobs.get(LOCAL, job.id)
    assert (done.state, done.attempts, done.run_id) == (JobState.DONE, 1, "run 1")
    assert done.finished_at == clock.now
    assert timed.jobs.unfinished() == []


def test_what_one_person_asks_for_beyond_a_limit_waits(services: Services) -> None:
    first, second, third = (queued(services, JobKind.RENDER) for _ in range(3))
    listening = queued(services, JobKind.LISTEN)
    theirs = add_document(services, principal=OTHER)
    others = services.jobs.create(OTHER, document_id=theirs.id, kind=JobKind.RENDER)

    def in_turn() -> set[str]:
        jobs = services.jobs.unfinished(most_of=lambda _owner: 2)
        assert jobs == [
            job
            for job in services.jobs.unfinished()
            if services.jobs.is_its_turn(job, most_a_person=2)
        ]
        return {job.id for job in jobs}

    assert in_turn() == {first.id, second.id, listening.id, others.id}
    services.jobs.start(second.id, "run")
    services.jobs.finish(second.id)
    assert in_turn() == {first.id, third.id, listening.id, others.id}


def test_of_two_runs_of_one_job_only_the_first_starts(services: Services) -> None:
    job = queued(services)

    assert services.jobs.start(job.id, "first")
    assert not services.jobs.start(job.id, "second")
    assert services.jobs.find(job.id).run_id == "first"


def test_what_is_left_to_do_is_estimated_from_the_step(
    timed: Services, clock: Clock
) -> None:
    job = queued(timed)
    timed.jobs.start(job.id, "r")
    timed.jobs.progress(job.id, step=JobStep.READING, done=1, total=1)
    clock.pass_(100)
    timed.jobs.progress(job.id, step=JobStep.RECOGNISING, done=0, total=40)
    assert timed.jobs.find(job.id).eta_seconds(clock.now) is None
    clock.pass_(10)
    timed.jobs.progress(job.id, step=JobStep.RECOGNISING, done=10, total=40)

    assert timed.jobs.find(job.id).eta_seconds(clock.now) == 30


def test_an_estimate_runs_down_between_two_parts(timed: Services, clock: Clock) -> None:
    job = queued(timed)
    timed.jobs.start(job.id, "r")

    def say(done: int) -> float | None:
        timed.jobs.progress(job.id, step=JobStep.SPEAKING, done=done, total=40)
        return timed.jobs.find(job.id).eta_seconds(clock.now)

    assert say(0) is None
    clock.pass_(10)
    assert say(10) == 30
    clock.pass_(5)
    assert say(10) == 25  # nothing became ready meanwhile: it did not grow
    clock.pass_(100)
    assert say(10) == 1  # late: as long as one part takes
    clock.pass_(1)
    assert say(39) == pytest.approx(116 / 39)


def test_what_was_found_done_does_not_hasten_the_estimate(
    timed: Services, clock: Clock
) -> None:
    job = queued(timed)
    timed.jobs.start(job.id, "r")
    for done in (30, 34):
        timed.jobs.progress(
            job.id, step=JobStep.SPEAKING, done=done, total=40, found=30
        )
        clock.pass_(8)

    assert timed.jobs.find(job.id).eta_seconds(clock.now) == 4  # 12 left, 8 s ago


def test_a_step_with_as_much_done_as_the_last_begins_its_own_clock(
    timed: Services, clock: Clock
) -> None:
    job = queued(timed)
    timed.jobs.start(job.id, "r")
    timed.jobs.progress(job.id, step=JobStep.SPEAKING, done=5, total=9)
    clock.pass_(60)

    timed.jobs.progress(job.id, step=JobStep.WRITING, done=5, total=9)

    assert timed.jobs.find(job.id).progressed_at == clock.now


def test_cancelling_a_waiting_job_ends_it_at_once(services: Services) -> None:
    job = queued(services)

    assert services.jobs.cancel(LOCAL, job.id).state is JobState.CANCELLED
    assert not services.jobs.start(job.id, "late run")


def test_cancelling_a_running_job_asks_its_run(services: Services) -> None:
    job = queued(services)
    services.jobs.start(job.id, "r")
    assert not services.jobs.is_cancelled(job.id)

    asked = services.jobs.cancel(LOCAL, job.id)

    assert asked.state is JobState.RUNNING
    assert services.jobs.is_cancelled(job.id)
    assert services.jobs.cancelled(job.id)
    assert not services.jobs.finish(job.id)


def test_nobody_stops_or_sees_the_work_of_others(services: Services) -> None:
    job = queued(services)

    with pytest.raises(NotFound):
        services.jobs.cancel(OTHER, job.id)
    with pytest.raises(NotFound):
        services.jobs.get(OTHER, job.id)
    with pytest.raises(NotFound):
        services.joblog.read(OTHER, job.id)
    assert services.jobs.list(OTHER) == []


def test_a_failure_is_kept_in_words(services: Services) -> None:
    job = queued(services)
    services.jobs.fail(job.id, EngineCrashed("The engine stopped. Try again."))

    failed = services.jobs.find(job.id)

    assert failed.error_code == "engine_crashed"
    assert failed.error_message == "The engine stopped. Try again."
    assert failed.error_retryable


def test_a_failed_job_runs_again_when_asked_for(services: Services) -> None:
    job = queued(services)
    services.jobs.start(job.id, "one")
    services.jobs.fail(job.id, EngineCrashed("It stopped."))

    assert services.jobs.reopen(job.principal, job.id)
    assert services.jobs.start(job.id, "two")

    again = services.jobs.find(job.id)
    assert (again.attempts, again.error_code, again.finished_at) == (2, None, None)


def test_work_of_a_lost_run_is_queued_again_once(services: Services) -> None:
    job = queued(services)
    services.jobs.start(job.id, "lost")

    assert services.jobs.requeue(job.id, "lost")
    assert services.jobs.start(job.id, "found")
    assert not services.jobs.requeue(job.id, "lost")
    assert services.jobs.find(job.id).run_id == "found"


def test_a_silent_run_is_noticed(timed: Services, clock: Clock) -> None:
    silent, alive = queued(timed), queued(timed)
    timed.jobs.start(silent.id, "a")
    timed.jobs.start(alive.id, "b")
    clock.pass_(31)
    timed.jobs.heartbeat(alive.id)

    stale = timed.jobs.stale(timedelta(seconds=30))

    assert [job.id for job in stale] == [silent.id]


def test_a_document_has_one_live_listener(timed: Services, clock: Clock) -> None:
    document = add_document(timed)

    def ensure() -> tuple[Job, bool]:
        return timed.jobs.ensure_listener(
            LOCAL, document_id=document.id, parameters={}, fresh_seconds=5
        )

    first, is_new = ensure()
    assert is_new
    assert ensure() == (first, False)
    timed.jobs.start(first.id, "r")
    assert ensure()[1] is False
    clock.pass_(6)
    again, is_new = ensure()
    assert is_new
    assert (again.id, again.state, again.run_id) == (first.id, JobState.QUEUED, None)


def test_after_a_restart_a_document_still_has_one_listener(
    timed: Services, clock: Clock
) -> None:
    """Seen once: the player found the job silent and asked for another, and recovery
    launched the first one again. Both voiced the same blocks."""
    document = add_document(timed)
    wanted = {"document_id": document.id, "parameters": {}}
    job, _ = timed.jobs.ensure_listener(LOCAL, **wanted)
    timed.jobs.start(job.id, "before")
    clock.pass_(30)  # killed, and started again

    asked, _ = timed.jobs.ensure_listener(LOCAL, **wanted)  # by the player
    timed.jobs.requeue(job.id, "before")  # by recovery
    assert timed.jobs.start(job.id, "after")

    unfinished = timed.jobs.unfinished()
    assert [one.id for one in unfinished] == [asked.id] == [job.id]
    # The run of before lived after all: it hears that it should stop, and ends nothing.
    assert timed.jobs.is_cancelled(job.id, "before")
    assert timed.jobs.is_taken(job.id, "before")
    assert not timed.jobs.heartbeat(job.id, "before")
    assert not timed.jobs.finish(job.id, "before")
    assert timed.jobs.find(job.id).run_id == "after"
    assert not timed.jobs.is_cancelled(job.id, "after")


def test_the_database_refuses_a_second_listener(services: Services) -> None:
    listening = queued(services, JobKind.LISTEN)
    new = {"document_id": listening.document_id, "kind": JobKind.LISTEN}

    with pytest.raises(NameTaken):
        services.jobs.create(LOCAL, **new)
    services.shares.let_in(LOCAL, listening.document_id, OTHER, named="b@example.org")
    services.jobs.create(OTHER, **new)
    services.jobs.cancel(LOCAL, listening.id)
    services.jobs.create(LOCAL, **new)
    assert not services.jobs.reopen(LOCAL, listening.id)


def test_many_who_ask_at_once_get_one_listener(services: Services) -> None:
    document = add_document(services)
    found: list[tuple[Job, bool]] = []

    def ensure() -> None:
        found.append(
            services.jobs.ensure_listener(LOCAL, document_id=document.id, parameters={})
        )

    threads = [threading.Thread(target=ensure) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({job.id for job, _ in found}) == 1
    assert [is_new for _, is_new in found].count(True) == 1


def test_jobs_are_found_by_state_kind_and_title(services: Services) -> None:
    job = queued(services, JobKind.RENDER)
    queued(services)
    services.jobs.start(job.id, "r")

    running = services.jobs.list(LOCAL, states=[JobState.RUNNING])
    render = services.jobs.list(LOCAL, kinds=[JobKind.RENDER])
    assert [j.id for j in running] == [j.id for j in render] == [job.id]
    assert len(services.jobs.list(LOCAL, search="boo")) == 2
    assert services.jobs.list(LOCAL, search="100%") == []
    by_run = services.jobs.by_run("r")
    assert by_run is not None
    assert by_run.id == job.id


def test_a_log_is_kept_for_each_job(services: Services) -> None:
    job = queued(services)
    assert services.joblog.read(LOCAL, job.id) == ""
    services.joblog.append(job.id, "Reading\n")
    services.joblog.append(job.id, "Done")

    lines = services.joblog.read(LOCAL, job.id).splitlines()

    assert [line.split(" ", 1)[1] for line in lines] == ["Reading", "Done"]


def test_of_a_long_log_the_beginning_and_the_end_are_kept(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HEAD_BYTES", "TAIL_BYTES"):
        monkeypatch.setattr(f"resources.stores.joblog.{name}", 300)
    job = queued(services)
    for number in range(200):
        services.joblog.append(job.id, f"line {number}")

    log = services.joblog.read(LOCAL, job.id)
    lines = log.splitlines()

    assert lines[0].endswith("line 0")
    assert lines[-1].endswith("line 199")
    assert sum("left out" in line for line in lines) == 1
    assert len(log) < 1100
    assert services.joblog.job_ids() == [job.id]
    services.joblog.delete(job.id)
    assert services.joblog.read(LOCAL, job.id) == ""
    assert services.joblog.job_ids() == []


def test_no_secret_reaches_a_log(services: Services) -> None:
    job = queued(services)
    root = services.settings.root

    services.joblog.append(job.id, f"Opened {root}/blobs/ab with token=abcdef\nmore")

    [line, more] = services.joblog.read(LOCAL, job.id).splitlines()
    assert line.split(" ", 1)[1] == "Opened …/blobs/ab with token=•••"
    assert more == "    more"


class JobMachine(RuleBasedStateMachine):
    """Any order of calls, by any run: states follow the model, ends are final."""

    services: Services

    def __init__(self) -> None:
        super().__init__()
        self.job = queued(self.services)
        self.model = JobState.QUEUED
        self.asked_to_stop = False

    @rule(run=st.sampled_from("ab"))
    def start(self, run: str) -> None:
        started = self.services.jobs.start(self.job.id, run)
        assert started == (self.model is JobState.QUEUED)
        self.model = JobState.RUNNING if started else self.model

    @rule()
    def finish(self) -> None:
        ended = self.services.jobs.finish(self.job.id)
        assert ended == (not self.model.is_final)
        self.model = JobState.DONE if ended else self.model

    @rule()
    def fail(self) -> None:
        ended = self.services.jobs.fail(self.job.id, EngineCrashed("It stopped."))
        assert ended == (not self.model.is_final)
        self.model = JobState.FAILED if ended else self.model

    @rule()
    def cancel(self) -> None:
        self.services.jobs.cancel(LOCAL, self.job.id)
        if self.model is JobState.QUEUED:
            self.model = JobState.CANCELLED
        self.asked_to_stop = True

    @precondition(lambda self: self.model is not JobState.DONE)
    @rule(run=st.sampled_from("ab"))
    def requeue(self, run: str) -> None:
        if self.services.jobs.requeue(self.job.id, run):
            assert not self.model.is_final
            self.model = JobState.QUEUED

    @rule()
    def progress(self) -> None:
        went_on = self.services.jobs.progress(
            self.job.id, step=JobStep.READING, done=1, total=2
        )
        assert went_on == (self.model is JobState.RUNNING)

    @invariant()
    def state_is_as_expected(self) -> None:
        job = self.services.jobs.find(self.job.id)
        assert job.state is self.model
        assert (job.finished_at is not None) == self.model.is_final


def test_states_only_move_as_drawn(tmp_path_factory: pytest.TempPathFactory) -> None:

    services = Services.open(settings_in(tmp_path_factory.mktemp("jobs")))
    JobMachine.services = services
    run_state_machine_as_test(
        JobMachine, settings=settings(max_examples=settings().max_examples // 2)
    )
    services.close()


@given(done=st.integers(0, 10), total=st.integers(0, 10), spent=st.integers(0, 60))
def test_an_estimate_is_never_negative(done: int, total: int, spent: int) -> None:
    clock = Clock()
    fields = dict.fromkeys(Job.__slots__) | {"state": JobState.RUNNING}
    fields |= {"done": done, "total": total, "found": 0}
    fields |= {"step_started_at": clock.now}
    eta = Job(**fields).eta_seconds(clock.now + timedelta(seconds=spent))

    assert eta is None or eta > 0
