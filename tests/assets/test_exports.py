"""Exports as runs: done in the job's row, one file, few rows in Dagster."""

from lectern.accounts.people import LOCAL
from lectern.jobs.runs import PARTITION, PIPELINES
from lectern.jobs.states import JobKind, JobState
from resources.stores.catalog import Document
from resources.stores.jobs import Job
from tests.support.runs import Runs

TEXT = """The harbour lay quiet. Nobody on the wall spoke of the winter.

Small boats turned slowly towards the open water, and the morning was pale.
"""


def accepted(runs: Runs, document: Document, **request: object) -> Job:
    return runs.services.jobs.create(
        LOCAL,
        document_id=document.id,
        kind=JobKind.EXPORT,
        parameters={"export": request},
    )


def test_an_export_is_a_run_that_leaves_one_file(runs: Runs) -> None:
    document = runs.prepared(TEXT)
    job = accepted(runs, document, format="m4b")

    result = runs.carry_out(job)

    [export] = runs.services.exports.list(LOCAL, document.id)
    assert runs.after(job).state is JobState.DONE
    assert export.media_type == "audio/mp4"
    assert len(runs.instance.all_logs(result.run_id)) <= 100


def test_only_what_was_chosen_is_spoken(runs: Runs) -> None:
    document = runs.prepared(TEXT)

    runs.carry_out(accepted(runs, document, format="srt", first_block=1))

    linked = runs.services.variants.keys_of(
        document.principal, document.id, "espeak:en-gb"
    )
    assert list(linked) == [1]


def test_an_export_of_what_is_not_there_says_why(runs: Runs) -> None:
    document = runs.prepared(TEXT)
    job = accepted(runs, document, format="mp3", chapters=[5])

    runs.carry_out(job)

    after = runs.after(job)
    assert (after.state, after.error_code) == (JobState.FAILED, "invalid_request")


def test_a_run_made_by_hand_makes_an_audiobook(runs: Runs) -> None:
    document = runs.prepared(TEXT)

    runs.execute(PIPELINES[JobKind.EXPORT], {PARTITION: document.id})

    [export] = runs.services.exports.list(LOCAL, document.id)
    [job] = runs.services.jobs.for_document(
        document.principal, document.id, kind=JobKind.EXPORT
    )
    assert export.name == "A walk.m4b"
    assert job.state is JobState.DONE
