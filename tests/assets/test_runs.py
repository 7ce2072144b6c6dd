"""What runs leave behind: in the job's row, in the document, in Dagster."""

import logging
import os
import signal
import threading
import time
from contextlib import suppress

import dagster as dg

from lectern.accounts.people import LOCAL
from lectern.accounts.units import Unit
from lectern.errors import Cancelled, EngineCrashed, NotFound
from lectern.jobs.history import JobFilter
from lectern.jobs.runs import (
    CLOSED,
    DUPLICATE,
    PARTITION,
    PIPELINES,
    WORKER,
)
from lectern.jobs.states import DocumentState, JobKind, JobState
from resources.job_telling import telling
from resources.media_log import media_told
from resources.orchestrator import tags_of
from resources.preparation import Preparation
from resources.stores.cursors import Cursor
from tests.support.runs import Runs

TEXT = """The harbour lay quiet. Nobody on the wall spoke of the winter.

Small boats turned slowly towards the open water, and the morning was pale.
"""


def test_preparing_makes_a_document_readable_and_its_job_done(runs: Runs) -> None:
    document = runs.upload(TEXT)
    job = runs.accept(document, JobKind.PREPARE)

    result = runs.carry_out(job)

    after = runs.services.catalog.find(document.id)
    assert (after.state, after.block_count) == (DocumentState.READY, 2)
    assert runs.after(job).state is JobState.DONE
    assert runs.after(job).run_id == result.run_id


def test_the_checks_of_a_sound_document_pass(runs: Runs) -> None:
    document = runs.prepared(TEXT)

    result = runs.carry_out(runs.accept(document, JobKind.RENDER))

    checks = result.get_asset_check_evaluations()
    assert [(one.check_name, one.passed) for one in checks] == [
        ("audio_covers_blocks", True)
    ]


def test_rendering_makes_one_file_that_is_kept(runs: Runs) -> None:
    document = runs.prepared(TEXT)

    runs.carry_out(runs.accept(document, JobKind.RENDER))

    audio = runs.services.catalog.artifact(document.id, "document_audio")
    assert audio is not None
    assert runs.services.blobs.read(audio.blob).startswith(b"OggS")


def test_a_run_of_one_document_writes_few_rows(runs: Runs) -> None:
    document = runs.upload(TEXT)

    result = runs.carry_out(runs.accept(document, JobKind.PREPARE))
    rendered = runs.carry_out(runs.accept(document, JobKind.RENDER))

    rows = [len(runs.instance.all_logs(one.run_id)) for one in (result, rendered)]
    assert sum(rows) <= 150  # of 300, as tags and materialisations have rows too


def test_a_document_that_cannot_be_read_says_why_everywhere(runs: Runs) -> None:
    document = runs.upload(" \n \n")
    job = runs.accept(document, JobKind.PREPARE)

    result = runs.carry_out(job)

    words = runs.after(job).error_message
    failed = runs.services.catalog.find(document.id)
    assert runs.after(job).error_code == "nothing_to_read"
    assert (failed.state, failed.error_message) == (DocumentState.FAILED, words)
    assert words in runs.services.joblog.read(LOCAL, job.id)
    assert runs.tags_of(result)[CLOSED] == "failed"


def test_a_log_says_with_what_a_job_was_done_how_long_it_took_and_how_it_ended(
    runs: Runs,
) -> None:
    document = runs.upload(TEXT)
    job = runs.accept(document, JobKind.PREPARE)
    rendering = runs.accept(document, JobKind.RENDER)
    runs.carry_out(job)
    runs.carry_out(rendering)

    log = runs.services.joblog.read(LOCAL, job.id)
    spoken = runs.services.joblog.read(LOCAL, rendering.id)

    for words in (
        "Begins: prepare “",
        "Versions: lectern ",
        "Python 3.",
        "Recognised by ",
        "Splitting into blocks: ",
        "Ended: done.",
    ):
        assert log.count(words) == 1, words
    engine = runs.after(rendering).engine
    assert engine
    assert f"Spoken by {engine} " in spoken
    assert str(runs.services.settings.root) not in log + spoken
    found = runs.services.job_history.page(LOCAL, JobFilter(words="spoken voice"))
    assert [one.id for one in found.jobs] == [rendering.id]
    assert runs.after(rendering).machine


def test_what_a_run_logs_is_in_its_jobs_log_with_where_a_fault_lies(
    runs: Runs, monkeypatch
) -> None:
    def fails(*_: object) -> None:
        logging.getLogger("resources.test").warning("Odd: api_key=abcdef")
        logging.getLogger("somebody.else").warning("Not ours")
        raise ValueError("a fault of ours")

    monkeypatch.setattr(Preparation, "split", fails)
    job = runs.accept(runs.upload(TEXT), JobKind.PREPARE)
    runs.carry_out(job)

    log = runs.services.joblog.read(LOCAL, job.id)

    assert "WARNING resources.test: Odd: api_key=•••" in log
    assert "Not ours" not in log
    assert "Traceback" in log
    assert "ValueError: a fault of ours" in log
    assert "Ended: failed." in log


def test_what_will_not_pass_is_done_once_and_marked_so_that_nobody_retries_it(
    runs: Runs, monkeypatch
) -> None:
    original, calls = Preparation.recognise, []

    def counted(self, document, job=None):
        calls.append(document.id)
        return original(self, document, job)

    monkeypatch.setattr(Preparation, "recognise", counted)
    job = runs.accept(runs.upload(" "), JobKind.PREPARE)

    tags = runs.tags_of(runs.carry_out(job))

    assert len(calls) == 1
    assert runs.after(job).error_retryable is False

    assert tags["dagster/retry_on_asset_or_op_failure"] == "false"


def test_what_may_pass_is_tried_again_in_the_same_run(runs: Runs, monkeypatch) -> None:
    original, calls = Preparation.split, []

    def crashes_once(self, document, wanted):
        calls.append(document.id)
        if len(calls) == 1:
            raise EngineCrashed("It fell over.")
        return original(self, document, wanted)

    monkeypatch.setattr(Preparation, "split", crashes_once)
    job = runs.accept(runs.upload(TEXT), JobKind.PREPARE)

    runs.carry_out(job)

    assert (runs.after(job).state, len(calls)) == (JobState.DONE, 2)


def test_a_fault_of_ours_closes_the_job_too(runs: Runs, monkeypatch) -> None:
    def broken(self, document, wanted):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(Preparation, "sort", broken)
    job = runs.accept(runs.upload(TEXT), JobKind.PREPARE)

    runs.carry_out(job)

    assert runs.after(job).error_code == "unexpected"
    assert "ZeroDivisionError" in (runs.after(job).error_message or "")


def test_a_second_run_of_a_job_leaves_it_alone(runs: Runs) -> None:
    job = runs.accept(runs.upload(TEXT), JobKind.PREPARE)
    runs.services.jobs.start(job.id, "another run")

    result = runs.carry_out(job)

    assert runs.after(job).run_id == "another run"
    assert runs.tags_of(result)[WORKER] == DUPLICATE
    assert CLOSED not in runs.tags_of(result)


def test_a_cancelled_job_ends_cancelled(runs: Runs) -> None:
    document = runs.prepared("\n\n".join(f"{TEXT} {n}" for n in range(40)))
    job = runs.accept(document, JobKind.RENDER)

    def cancel_soon() -> None:
        while runs.after(job).state is JobState.QUEUED:
            time.sleep(0.01)
        runs.services.jobs.cancel(LOCAL, job.id)

    thread = threading.Thread(target=cancel_soon)
    thread.start()
    result = runs.carry_out(job)
    thread.join()

    assert runs.after(job).state is JobState.CANCELLED
    assert runs.tags_of(result)[CLOSED] == "cancelled"
    assert runs.status_of(result) is dg.DagsterRunStatus.CANCELED


def test_an_interruption_while_a_job_is_closed_changes_nothing(
    runs: Runs, monkeypatch
) -> None:
    """The one who stops a job has its run's process interrupted as well."""
    report, happened = runs.instance.report_run_canceling, []

    def interrupted(run, message=None):
        happened.append("interrupted")
        os.kill(os.getpid(), signal.SIGINT)
        return report(run, message)

    monkeypatch.setattr(runs.instance, "report_run_canceling", interrupted)
    job = runs.accept(runs.upload(TEXT), JobKind.PREPARE)

    def stopped(self, document, wanted):
        runs.services.jobs.cancel(LOCAL, job.id)
        raise Cancelled("Stopped.")

    monkeypatch.setattr(Preparation, "sort", stopped)
    result = runs.carry_out(job)

    assert happened == ["interrupted"]
    assert runs.after(job).state is JobState.CANCELLED
    assert runs.tags_of(result)[CLOSED] == "cancelled"
    assert runs.status_of(result) is dg.DagsterRunStatus.CANCELED


def test_what_fails_in_a_job_that_was_cancelled_is_no_failure(
    runs: Runs, monkeypatch
) -> None:
    job = runs.accept(runs.upload(TEXT), JobKind.PREPARE)

    def gone(self, document, wanted):
        runs.services.jobs.cancel(LOCAL, job.id)
        raise NotFound("There is no such document.")

    monkeypatch.setattr(Preparation, "sort", gone)
    result = runs.carry_out(job)

    assert runs.after(job).state is JobState.CANCELLED
    assert runs.status_of(result) is dg.DagsterRunStatus.CANCELED


def test_a_run_of_a_job_that_was_stopped_before_is_cancelled(runs: Runs) -> None:
    job = runs.accept(runs.upload(TEXT), JobKind.PREPARE)
    runs.services.jobs.cancel(LOCAL, job.id)

    result = runs.carry_out(job)

    assert runs.tags_of(result)[WORKER] == DUPLICATE
    assert runs.status_of(result) is dg.DagsterRunStatus.CANCELED


def test_assets_made_by_hand_show_up_as_a_job(runs: Runs) -> None:
    document = runs.upload(TEXT)

    runs.execute("prepare_document", {PARTITION: document.id})

    jobs = runs.services.jobs.for_document(document.principal, document.id)
    assert [(job.kind, job.state) for job in jobs] == [(JobKind.PREPARE, JobState.DONE)]


def test_listening_voices_what_is_ahead_and_ends_when_the_reader_has_gone(
    runs: Runs,
) -> None:
    document = runs.prepared(TEXT)
    cursor = Cursor(
        block_index=0,
        offset_ms=0,
        playing=False,
        rate=1.0,
        voice_id="espeak:en-gb",
        session="test",
        sequence=1,
    )
    runs.services.cursors.put(LOCAL, document.id, cursor)
    job = runs.accept(document, JobKind.LISTEN)

    runs.carry_out(job)

    assert runs.after(job).state is JobState.DONE
    assert set(
        runs.services.variants.keys_of(document.principal, document.id, "espeak:en-gb")
    ) == {0, 1}


def test_events_become_statistics(runs: Runs) -> None:
    runs.prepared(TEXT)

    result = runs.execute("update_statistics", {})

    checks = result.get_asset_check_evaluations()
    assert runs.services.statistics().totals(LOCAL).total.documents == 1
    assert runs.services.outbox.pending_count() == 0
    assert all(check.passed for check in checks)


def test_a_ledger_that_does_not_add_up_is_found_when_events_are_counted(
    runs: Runs,
) -> None:
    document = runs.prepared(TEXT)
    runs.carry_out(runs.accept(document, JobKind.RENDER))
    runs.services.ledger.settle(LOCAL, {Unit.TTS_CHARS: 7}, key="of nothing")

    result = runs.execute("update_statistics", {})

    told = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert told["ledger_balances"].passed
    assert not told["ledger_matches_events"].passed
    charged = told["ledger_matches_events"].metadata
    assert charged["charged_chars"].value == charged["told_chars"].value + 7 > 7


def test_a_job_is_done_the_same_way_in_another_location(runs: Runs) -> None:
    document = runs.upload(TEXT)
    for kind in (JobKind.PREPARE, JobKind.RENDER):
        job = runs.accept(document, kind)
        result = runs.execute(PIPELINES[kind], tags_of(job), environment="api")
        assert result.success
        assert runs.after(job).state is JobState.DONE

    assert [(c.check_name, c.passed) for c in result.get_asset_check_evaluations()] == [
        ("audio_covers_blocks", True)
    ]


def test_a_run_refuses_work_for_which_the_disk_has_become_too_full(
    runs: Runs, monkeypatch
) -> None:
    document = runs.upload("A walk begins behind the mill.")
    job = runs.accept(document, JobKind.PREPARE)
    full = runs.services.settings.model_copy(update={"disk_reserve_bytes": 2**60})
    monkeypatch.setitem(runs.services.__dict__, "settings", full)
    assert not runs.services.has_room()

    assert not runs.carry_out(job).success
    failed = runs.after(job)
    assert failed.error_code == "disk_reserve"
    assert "must stay free" in str(failed.error_message)
    monkeypatch.undo()

    assert runs.services.jobs.reopen(job.principal, job.id)
    assert runs.carry_out(runs.after(job)).success


def test_what_ffmpeg_warns_of_is_in_the_log(runs: Runs) -> None:
    import io

    import av

    job = runs.accept(runs.upload(TEXT), JobKind.RENDER)
    broken = io.BytesIO(b"RIFF\x00\x00\x00\x00WAVEgarbage" * 50)

    with telling(runs.services, job), media_told(), suppress(av.FFmpegError):
        av.open(broken)

    assert "WARNING libav: wav: no 'fmt '" in runs.services.joblog.read(LOCAL, job.id)
    assert av.logging.get_level() is None
