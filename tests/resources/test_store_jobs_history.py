"""The history of jobs: what was asked for is found again, by whoever asked."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lectern.accounts.people import LOCAL, Principal
from lectern.errors import EngineCrashed, InvalidRequest, NameTaken, NotFound
from lectern.jobs.history import BUILT_IN, JobFilter, Shown
from lectern.jobs.states import JobKind, JobStep
from resources.services import Services
from resources.stores.jobs import Job
from tests.support.stores import OTHER, Clock, add_document, settings_in


def made(
    services: Services,
    clock: Clock,
    *,
    title: str = "A book",
    kind: JobKind = JobKind.RENDER,
    fails: bool = False,
    takes_seconds: float = 10,
    principal: Principal = LOCAL,
) -> Job:
    """Return a job that has ended."""
    document = add_document(services, title=title, principal=principal)
    job = services.jobs.create(principal, document_id=document.id, kind=kind)
    services.jobs.start(job.id, f"run of {job.id}")
    clock.pass_(takes_seconds)
    if fails:
        services.jobs.fail(job.id, EngineCrashed("The engine fell silent."))
    else:
        services.jobs.finish(job.id)
    clock.pass_(60)
    return services.jobs.find(job.id)


def shown(services: Services, principal: Principal = LOCAL, **wanted: object) -> list:
    """Return the ids of the jobs that a filter shows."""
    page = services.job_history.page(principal, JobFilter(**wanted))
    return [job.id for job in page.jobs]


def test_each_filter_narrows_the_history(timed: Services, clock: Clock) -> None:
    first = made(timed, clock, title="Moby Dick")
    failed = made(timed, clock, title="Emma", fails=True, kind=JobKind.EXPORT)
    clock.pass_(8 * 86_400)
    long = made(timed, clock, title="War and Peace", takes_seconds=3600)
    timed.jobs.describe(long.id, engine="espeak", voice_id="espeak:en-gb")
    document = add_document(timed)
    running = timed.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    made(timed, clock, principal=OTHER)
    today, long_ago = clock.now.date(), clock.now.date() - timedelta(days=7)

    assert shown(timed) == [long.id, failed.id, first.id]
    assert shown(timed, shown=Shown.ANY)[0] == running.id
    assert shown(timed, shown=Shown.UNFINISHED) == [running.id]
    assert shown(timed, shown=Shown.FAILED) == [failed.id]
    assert shown(timed, kind=JobKind.EXPORT) == [failed.id]
    assert shown(timed, document_id=first.document_id) == [first.id]
    assert shown(timed, engine="espeak") == shown(timed, voice_id="espeak:en-gb")
    assert shown(timed, engine="espeak") == [long.id]
    assert shown(timed, since=today) == [long.id]
    assert shown(timed, until=long_ago) == [failed.id, first.id]
    assert shown(timed, within_days=7) == [long.id]
    assert shown(timed, longer_than_seconds=600) == [long.id]
    assert timed.job_history.engines(LOCAL) == ["espeak"]
    assert timed.job_history.voices(LOCAL) == ["espeak:en-gb"]
    assert timed.job_history.engines(OTHER) == []


def test_words_are_looked_for_in_title_kind_error_and_log(
    timed: Services, clock: Clock
) -> None:
    whale = made(timed, clock, title="Möby-Dick; or, the Whale")
    failed = made(timed, clock, title="Emma", fails=True)
    timed.job_history.add_words(whale.id, "Opened 3 streams, codec_name=opus")
    theirs = made(timed, clock, title="Whale", principal=OTHER)

    assert shown(timed, words="moby whale") == [whale.id]
    assert shown(timed, words="rend whale") == []  # only the last may be a beginning
    assert shown(timed, words="whale rend") == [whale.id]
    assert shown(timed, words="engine crashed") == [failed.id]
    assert shown(timed, words="fell silent emma") == [failed.id]
    assert shown(timed, words="STREAMS codec") == [whale.id]
    assert shown(timed, words="failed") == [failed.id]
    assert shown(timed, words="failed", kind=JobKind.EXPORT) == []
    assert shown(timed, words='"; * NEAR(') == []
    assert shown(timed, words="¿?") == [failed.id, whale.id]  # holds no word
    assert shown(timed, OTHER, words="whale") == [theirs.id]


def test_a_new_title_is_found_and_the_old_one_is_not(
    timed: Services, clock: Clock
) -> None:
    job = made(timed, clock, title="Draft")
    timed.catalog.rename(LOCAL, job.document_id, "Final")

    assert shown(timed, words="final") == [job.id]
    assert shown(timed, words="draft") == []
    assert timed.jobs.find(job.id).title == "Final"


def test_the_history_outlives_the_document(timed: Services, clock: Clock) -> None:
    job = made(timed, clock, title="Short-lived")
    timed.catalog.delete(LOCAL, job.document_id)

    assert timed.catalog.purge(job.document_id)

    kept = timed.job_history.page(LOCAL, JobFilter()).jobs
    assert [one.title for one in kept] == ["Short-lived"]
    assert shown(timed, words="short lived render") == [job.id]


def test_old_jobs_are_forgotten_with_all_that_is_kept_of_them(
    timed: Services, clock: Clock
) -> None:
    old = made(timed, clock, title="Whale")
    theirs = made(timed, clock, title="Whale", principal=OTHER)
    waits = timed.jobs.create(LOCAL, document_id=old.document_id, kind=JobKind.PREPARE)
    clock.pass_(86_400)
    new = made(timed, clock, title="Whale")
    yesterday = clock.now - timedelta(hours=12)

    assert timed.job_history.forget(ended_before=yesterday, principal=LOCAL) == 1

    assert shown(timed, words="whale") == [new.id]
    assert shown(timed, shown=Shown.UNFINISHED) == [waits.id]
    assert shown(timed, OTHER) == [theirs.id]
    assert timed.job_history.forget(ended_before=yesterday) == 1
    assert shown(timed, OTHER, words="whale") == []


def test_jobs_of_batches_are_shown_when_asked_for(
    timed: Services, clock: Clock
) -> None:
    from lectern.jobs.batches import Task

    document = add_document(timed, "Words to speak.", title="In a batch")
    tasks = [Task(document.id, prepare=False, chars=5, pages=1)]
    batch = timed.batches.begin(LOCAL, tasks, name="One")
    [job] = timed.batches.jobs(LOCAL, batch.id)

    assert shown(timed, shown=Shown.ANY) == []
    assert shown(timed, shown=Shown.ANY, with_batches=True) == [job.id]
    assert shown(timed, shown=Shown.ANY, with_batches=True, words="batch") == [job.id]
    assert job.title == "In a batch"


def test_each_step_is_timed(timed: Services, clock: Clock) -> None:
    document = add_document(timed)
    job = timed.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    clock.pass_(5)
    timed.jobs.start(job.id, "r")
    clock.pass_(1)
    for step, done in (
        (JobStep.READING, 1),
        (JobStep.RECOGNISING, 0),
        (JobStep.RECOGNISING, 4),
        (JobStep.SORTING, 1),
    ):
        timed.jobs.progress(job.id, step=step, done=done, total=max(1, done))
        clock.pass_(3)
    timed.jobs.finish(job.id)

    steps = timed.job_history.steps(LOCAL, job.id)

    assert [(one.step, one.done, one.seconds) for one in steps] == [
        (JobStep.READING, 1, 3),
        (JobStep.RECOGNISING, 4, 6),
        (JobStep.SORTING, 1, 3),
    ]
    assert timed.job_history.steps(OTHER, job.id) == []


FILTERS = st.builds(
    JobFilter,
    shown=st.sampled_from(Shown),
    kind=st.none() | st.sampled_from([JobKind.RENDER, JobKind.EXPORT]),
    words=st.sampled_from(["", "whale", "book engine", "fail"]),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Return services with some jobs, two of them made at the same moment each."""
    clock = Clock()
    services = Services.open(settings_in(tmp_path_factory.mktemp("jobs")), clock=clock)
    for number in range(24):
        made(
            services,
            clock,
            title="A whale" if number % 3 else "A book",
            kind=JobKind.RENDER if number % 2 else JobKind.EXPORT,
            fails=number % 5 == 0,
        )
        clock.pass_(-70 * (number % 2))
    return services


@given(wanted=FILTERS, limit=st.integers(1, 30))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_pages_together_are_the_whole_each_job_once(
    filled: Services, wanted: JobFilter, limit: int
) -> None:
    whole = filled.job_history.page(LOCAL, wanted, limit=100)
    assert whole.next is None
    after, found = None, []
    while True:
        page = filled.job_history.page(LOCAL, wanted, after=after, limit=limit)
        found += page.jobs
        after = page.next
        if after is None:
            break

    assert found == list(whole.jobs)
    assert len({job.id for job in found}) == len(found)


@pytest.mark.parametrize("words", ["", "whale"])
def test_a_page_that_is_none_is_refused(services: Services, words: str) -> None:
    with pytest.raises(InvalidRequest):
        services.job_history.page(LOCAL, JobFilter(words=words), after="x'; --")


def test_views_are_saved_renamed_changed_and_deleted(services: Services) -> None:
    views = services.job_views
    wanted = JobFilter(shown=Shown.FAILED, words="ocr")
    view = views.save(LOCAL, "  My   failures ", wanted)
    assert views.list(LOCAL) == [view]
    assert (view.name, view.filter) == ("My failures", wanted)
    assert views.list(OTHER) == []

    views.rename(LOCAL, view.id, "Ours")
    views.change(LOCAL, view.id, JobFilter())
    assert [(one.name, one.filter) for one in views.list(LOCAL)] == [
        ("Ours", JobFilter())
    ]
    for name in ("Ours", *BUILT_IN):
        with pytest.raises(NameTaken):
            views.save(LOCAL, name, wanted)
    with pytest.raises(InvalidRequest):
        views.save(LOCAL, " ", wanted)
    other = views.save(LOCAL, "Other", wanted)
    with pytest.raises(NameTaken):
        views.rename(LOCAL, other.id, "Ours")
    for act in (
        lambda: views.rename(OTHER, view.id, "Mine"),
        lambda: views.change(OTHER, view.id, wanted),
        lambda: views.delete(OTHER, view.id),
    ):
        with pytest.raises(NotFound):
            act()
    views.delete(LOCAL, view.id)
    assert [one.name for one in views.list(LOCAL)] == ["Other"]
