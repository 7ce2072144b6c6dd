"""What the running product does when parts of it die. Each drill uses one product."""

import httpx

from lectern.jobs.states import JobKind, JobState
from tests.support.drill import Drill
from tests.support.pool import wait_for
from tests.support.speech import Reader

TEXT = "Nobody on the wall spoke of the winter. The boats turned slowly.\n\n"


def test_a_document_is_prepared(drill: Drill) -> None:
    document = drill.upload(TEXT * 20, title="Plain")

    job = drill.ended(drill.begin(document, JobKind.PREPARE).id)

    assert job.state is JobState.DONE
    assert drill.services.catalog.find(document.id).block_count > 0
    wait_for(lambda: drill.run_status(job.run_id) == "SUCCESS")


def test_a_job_that_nobody_launched_is_launched(drill: Drill) -> None:
    document = drill.upload(TEXT, title="Forgotten")
    job = drill.services.jobs.create(
        document.principal, document_id=document.id, kind=JobKind.PREPARE
    )

    assert drill.ended(job.id, seconds=25).state is JobState.DONE


def test_launching_a_job_twice_does_its_work_once(drill: Drill) -> None:
    document = drill.book(blocks=12, title="Twice")
    job = drill.begin(document, JobKind.RENDER)
    drill.orchestrator.launch(job)

    assert drill.ended(job.id).attempts == 1
    assert drill.spoken_twice(document) == []


def test_a_killed_rendering_goes_on_and_repeats_nothing(drill: Drill) -> None:
    document = drill.book(blocks=120, title="Killed")
    job = drill.begin(document, JobKind.RENDER)
    running = drill.wait(job.id, lambda job: job.done >= 16)

    drill.worker_of(running).kill()
    ended = drill.ended(job.id)

    assert (ended.state, ended.attempts) == (JobState.DONE, 2)
    assert drill.spoken_twice(document) == []
    assert drill.run_status(running.run_id) == "FAILURE"


def test_a_killed_listening_run_goes_on(drill: Drill) -> None:
    document = drill.book(blocks=60, title="Listened")
    reader = Reader(drill.services, document)
    reader.go_to(0)
    job = drill.begin(document, JobKind.LISTEN)
    wait_for(lambda: len(reader.heard()) >= 3)

    drill.worker_of(job).kill()
    drill.wait(job.id, lambda job: job.attempts == 2, seconds=10)
    reader.go_to(50)

    wait_for(lambda: 55 in reader.heard())
    assert drill.spoken_twice(document) == []
    drill.services.jobs.cancel(document.principal, job.id)
    drill.orchestrator.cancel(job)
    assert drill.ended(job.id).state is JobState.CANCELLED


def test_a_cancelled_job_stops_and_dagster_says_so(drill: Drill) -> None:
    document = drill.book(blocks=400, title="Cancelled")
    job = drill.begin(document, JobKind.RENDER)
    running = drill.wait(job.id, lambda job: job.done >= 8)

    drill.services.jobs.cancel(document.principal, job.id)
    stopped = drill.orchestrator.cancel(job)

    assert stopped == 1
    assert drill.ended(job.id, seconds=20).state is JobState.CANCELLED
    wait_for(lambda: drill.run_status(running.run_id) == "CANCELED")


def test_a_cancelled_job_stops_without_dagster_being_told(drill: Drill) -> None:
    document = drill.book(blocks=400, title="Cancelled quietly")
    job = drill.begin(document, JobKind.RENDER)
    running = drill.wait(job.id, lambda job: job.done >= 8)

    drill.services.jobs.cancel(document.principal, job.id)

    assert drill.ended(job.id, seconds=20).state is JobState.CANCELLED
    wait_for(lambda: drill.run_status(running.run_id) == "CANCELED")


def test_a_run_repeated_in_the_dagster_page_takes_its_job_on(drill: Drill) -> None:
    document = drill.book(blocks=120, title="Repeated")
    job = drill.begin(document, JobKind.RENDER)
    first = drill.wait(job.id, lambda job: job.done >= 8)
    drill.orchestrator.cancel(job)
    drill.ended(job.id)
    wait_for(lambda: drill.run_status(first.run_id) == "CANCELED")

    repeat_in_dagster_page(drill, first.run_id)
    drill.wait(job.id, lambda job: job.state is JobState.RUNNING)
    ended = drill.ended(job.id)

    assert ended.state is JobState.DONE
    assert ended.run_id != first.run_id
    assert drill.spoken_twice(document) == []


def test_a_failed_job_can_be_tried_again(drill: Drill) -> None:
    document = drill.upload("   \n", title="Blank")
    job = drill.begin(document, JobKind.PREPARE)
    failed = drill.ended(job.id)

    assert drill.services.jobs.reopen(job.principal, job.id)
    drill.orchestrator.retry(failed)
    drill.wait(job.id, lambda job: job.attempts == 2)
    again = drill.ended(job.id)

    assert (failed.error_code, again.error_code) == ("nothing_to_read",) * 2


def test_a_killed_worker_pool_is_started_again_and_its_jobs_go_on(
    drill: Drill,
) -> None:
    documents = [drill.book(blocks=24, title=f"Pool {n}") for n in range(3)]
    jobs = [drill.begin(document, JobKind.RENDER) for document in documents]
    drill.wait(jobs[0].id, lambda job: job.done >= 8 or job.state is JobState.DONE)

    for pool in drill.product.processes("pipelines.worker_pool"):
        pool.kill()

    states = [drill.ended(job.id, seconds=90).state for job in jobs]
    assert states == [JobState.DONE] * 3
    assert [drill.spoken_twice(document) for document in documents] == [[]] * 3


def test_a_killed_webserver_comes_back(drill: Drill) -> None:
    for process in drill.product.processes("dagster_webserver"):
        process.kill()

    wait_for(lambda: not drill.orchestrator.is_up())
    wait_for(drill.orchestrator.is_up, seconds=40)


def repeat_in_dagster_page(drill: Drill, run_id: str | None) -> None:
    """Do what the button “Re-execute from failure” does."""
    mutation = """mutation($p: ReexecutionParams!) {
      launchRunReexecution(reexecutionParams: $p) { __typename }
    }"""
    params = {"parentRunId": run_id, "strategy": "FROM_FAILURE"}
    reply = httpx.post(
        f"http://127.0.0.1:{drill.settings.dagster_port}/graphql",
        json={"query": mutation, "variables": {"p": params}},
        timeout=20,
    )
    result = reply.json()["data"]["launchRunReexecution"]["__typename"]
    assert result == "LaunchRunSuccess"
