"""A listening run voices what comes next, from wherever the reader is."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from lectern.accounts.people import LOCAL, Principal
from lectern.documents.pages import BlockKind
from lectern.documents.spoken import Speaking
from lectern.errors import Cancelled
from lectern.ids import OwnerId
from lectern.jobs.accelerators import Accelerator
from lectern.jobs.states import JobKind, JobState
from lectern.usage.waits import Wait
from resources.listening import follow_reader
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.jobs import Job
from tests.support.speech import (
    Reader,
    add_document,
    block,
    running_job,
    sentence,
    settings_at,
)
from tests.support.voices import add_voice, with_blend


class Session:
    """A reader, a document of 200 blocks and a run that follows."""

    def __init__(self, services: Services) -> None:
        self.services = services
        blocks = [block(n, sentence(n, words=12)) for n in range(200)]
        blocks[3] = block(3, "17", kind=BlockKind.FURNITURE)
        self.document: Document = add_document(services, blocks)
        self.reader = Reader(services, self.document)
        self.job: Job = running_job(services, self.document, JobKind.LISTEN)
        self._pool = ThreadPoolExecutor(1)

    def follow(self, machine: Accelerator | None = None) -> Future[dict[str, int]]:
        """Start the run."""
        return self._pool.submit(
            follow_reader,
            self.services,
            self.document.principal,
            self.document.id,
            job=self.job,
            machine=machine,
        )

    def heard(self) -> set[int]:
        """Return the blocks that can be played."""
        return self.reader.heard()

    def close(self) -> None:
        """End the run."""
        self.services.jobs.cancel(self.document.principal, self.job.id)
        self._pool.shutdown()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Return a session whose run ends with the test."""
    settings = settings_at(tmp_path, window_blocks=6, keep_warm_seconds=30)
    session = Session(Services.open(settings))
    yield session
    session.close()


def until(is_so: Callable[[], bool], *, seconds: float = 15) -> float:
    """Wait until something is so; return the seconds it took."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < seconds, "waited for too long"
        time.sleep(0.01)
    return time.monotonic() - started


def test_the_window_ahead_of_the_reader_is_voiced_and_no_more(session: Session):
    session.reader.go_to(50)
    session.follow()

    until(lambda: session.heard() >= {49, 50, 51, 52, 53, 54, 55})
    time.sleep(0.3)

    assert min(session.heard()) == 49
    waits = session.services.playing.waits(Wait.FIRST_BLOCK)
    assert sum(waits.counts.values()) == 1
    assert waits.total_ms > 0
    assert max(session.heard()) < 50 + 4 * 6


def test_blocks_that_are_not_spoken_are_passed_over(session: Session):
    session.reader.go_to(0)
    session.follow()

    until(lambda: {0, 1, 2, 4, 5, 6} <= session.heard())

    assert 3 not in session.heard()


@pytest.mark.parametrize("machine", [Accelerator.CPU, Accelerator.GPU])
def test_a_run_ends_whose_machine_cannot_speak_with_the_reader_s_voice(
    session: Session, machine: Accelerator
):
    session.reader.go_to(0)
    run = session.follow(machine)

    if machine is Accelerator.CPU:
        until(lambda: 0 in session.heard())
        assert not run.done()
    else:
        run.result(timeout=60)
        assert not session.heard()
        jobs = session.services.jobs
        assert jobs.find(session.job.id).state is JobState.DONE
        assert not jobs.active(LOCAL), "the reader's next sign begins another run"


def test_a_jump_is_followed_by_the_same_run(session: Session):
    session.reader.go_to(0)
    run = session.follow()
    until(lambda: 0 in session.heard())

    session.reader.go_to(150)
    until(lambda: 150 in session.heard())
    session.reader.go_to(100)
    until(lambda: 100 in session.heard())

    assert not run.done()
    assert (
        len(
            session.services.jobs.for_document(
                session.document.principal, session.document.id
            )
        )
        == 1
    )


def test_a_jump_is_heard_at_once(session: Session):
    """Half a second is the goal, which `bench.speech` measures on a quiet machine."""
    session.reader.go_to(0)
    session.follow()
    until(lambda: 0 in session.heard())
    waits = []

    for place in (30, 90, 150, 60, 120):
        session.reader.go_to(place)
        waits.append(until(lambda place=place: place in session.heard()))

    assert sorted(waits)[len(waits) // 2] < 2.0


def test_another_voice_is_taken_up_from_where_the_reader_is(session: Session):
    session.reader.go_to(20)
    session.follow()
    until(lambda: 20 in session.heard())

    session.reader.go_to(21, voice="espeak:en-us+f3")

    until(lambda: 21 in session.reader.heard(voice="espeak:en-us+f3"))
    assert 0 not in session.reader.heard(voice="espeak:en-us+f3")


def test_a_changed_policy_is_taken_up(session: Session):
    session.reader.go_to(2)
    session.follow()
    until(lambda: 2 in session.heard())

    session.services.catalog.set_policy(
        session.document.principal,
        session.document.id,
        {BlockKind.FURNITURE: Speaking.SPEAK},
    )

    until(lambda: {2, 3} <= session.heard())


def test_a_voice_that_does_not_exist_does_not_stop_the_run(session: Session):
    session.reader.go_to(0, voice="espeak:nowhere")
    session.follow()

    until(lambda: 0 in session.reader.heard(voice="espeak:en-gb"))


def test_cancelling_ends_the_run_at_once(session: Session):
    session.reader.go_to(0)
    run = session.follow()
    until(lambda: 0 in session.heard())

    session.services.jobs.cancel(session.document.principal, session.job.id)

    with pytest.raises(Cancelled):
        run.result(timeout=3)


def test_the_run_ends_when_the_reader_has_gone(tmp_path: Path):
    settings = settings_at(tmp_path, window_blocks=2, keep_warm_seconds=3)
    session = Session(Services.open(settings))
    session.reader.go_to(0, playing=False)

    counts = session.follow().result(timeout=15)

    assert counts["synthesised"] >= 2
    assert session.services.jobs.find(session.job.id).state is JobState.DONE


def test_a_playing_reader_keeps_the_run_alive_between_reports(tmp_path: Path):
    settings = settings_at(tmp_path, window_blocks=2, keep_warm_seconds=0.2)
    session = Session(Services.open(settings))
    session.reader.go_to(0)
    run = session.follow()

    time.sleep(1.5)

    assert not run.done()
    session.reader.go_to(0, playing=False)
    run.result(timeout=10)


def test_a_paused_reader_makes_room_for_one_who_waits(session: Session):
    session.reader.go_to(0, playing=False)
    running = session.follow()
    until(lambda: 0 in session.heard())
    another = add_document(session.services, [sentence(900)])

    session.services.jobs.ensure_listener(
        another.principal, document_id=another.id, parameters={}
    )

    running.result(timeout=10)  # and not after 30 seconds
    assert session.services.jobs.find(session.job.id).state is JobState.DONE


def test_a_playing_reader_makes_room_for_nobody(session: Session):
    session.reader.go_to(0)
    running = session.follow()
    another = add_document(session.services, [sentence(901)])
    session.services.jobs.ensure_listener(
        another.principal, document_id=another.id, parameters={}
    )

    time.sleep(2.5)

    assert not running.done()


def test_who_listens_to_much_leaves_room_for_others(tmp_path: Path):
    settings = settings_at(tmp_path, window_blocks=2, keep_warm_seconds=30)
    services = Services.open(settings.model_copy(update={"listeners": 2}))
    sessions = [Session(services) for _ in range(3)]
    for session in sessions[:2]:
        session.reader.go_to(0)
    first = sessions[0].follow()
    until(lambda: 0 in sessions[0].heard())
    assert not first.done()

    other = add_document(services, ["Mine."], principal=Principal(OwnerId("other")))
    running_job(services, other, JobKind.LISTEN)

    first.result(timeout=60)  # though its reader plays
    assert sessions[0].heard() >= {0, 1}
    for session in sessions:
        session.close()


def test_a_reader_who_comes_back_at_the_last_moment_gets_a_new_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = settings_at(tmp_path, window_blocks=1, keep_warm_seconds=0.1)
    session = Session(Services.open(settings))
    session.reader.go_to(0, playing=False)
    finish = session.services.jobs.finish

    def come_back(*of_it: object) -> bool:
        session.reader.go_to(70)
        return finish(*of_it)

    monkeypatch.setattr(session.services.jobs, "finish", come_back)
    session.follow().result(timeout=15)

    states = [
        j.state
        for j in session.services.jobs.for_document(
            session.document.principal, session.document.id
        )
    ]
    assert states == [JobState.QUEUED, JobState.DONE]


def test_listeners_of_one_book_share_its_sounds(session: Session):
    other = Session(session.services)
    session.reader.go_to(0)
    other.reader.go_to(0)
    runs = [session.follow(), other.follow()]

    until(lambda: 6 in session.heard() and 6 in other.heard())

    events = session.services.outbox.pending(10_000)
    made = [e.payload["variant"] for e in events if e.kind == "synthesised"]
    assert len(made) == len(set(made))
    assert not any(run.done() for run in runs)
    other.close()


def test_a_killed_run_is_taken_over_by_the_next(session: Session):
    """What the dead run had claimed is free again when its claim runs out."""
    keys = session.services.voicing().keys(
        session.document,
        [block(5, sentence(5, words=12))],
        voice=session.services.speech_engines().voice("espeak:en-gb"),
    )
    dead = session.services.variants.claim_many([keys[0]], "dead", 1.0)  # type: ignore[list-item]
    session.reader.go_to(5)
    session.follow()

    until(lambda: {5, 6} <= session.heard())

    assert len(dead) == 1


def test_a_voice_taken_away_leaves_its_sounds_and_another_reads_on(session: Session):
    services, reader = session.services, session.reader
    engine = with_blend(services)
    made = add_voice(services)
    reader.go_to(0, voice=made.voice_id)
    session.follow()
    until(lambda: {0, 1} <= reader.heard(voice=made.voice_id))
    until(lambda: len(reader.heard(voice=made.voice_id)) >= 6)

    before = services.variants.keys_of(
        session.document.principal, session.document.id, made.voice_id
    )
    services.voices.delete(session.document.principal, made.id)
    until(lambda: "no longer" in services.joblog.read(LOCAL, session.job.id))
    spoken = len(engine.spoken)
    reader.go_to(100, voice=made.voice_id)
    until(lambda: 100 in reader.heard(voice=made.voice_id))

    after = services.variants.keys_of(
        session.document.principal, session.document.id, made.voice_id
    )
    assert len(engine.spoken) == spoken
    assert {index: after[index] for index in before} == before
    [variant] = services.variants.find([after[100][0]]).values()
    assert variant.engine.startswith("espeak")
